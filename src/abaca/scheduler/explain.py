"""What each filter did: kept with the operation, logged, told to the user."""

from __future__ import annotations

from typing import Any

import msgspec

from .text import listed

SHOWN = 50  # pools of one step that are named; the rest is counted

NO_HOST = "002"
NO_TYPE = "024"
NOT_READY = "028"


class Step(msgspec.Struct, frozen=True):
    """What one filter did."""

    filter: str
    detail_id: str  # of the user message, if it removed the rest
    phrase: tuple[str, str]  # "has too little free space", the same of several; for users
    before: int
    removed: tuple[tuple[str, str], ...]  # (host, one sentence with the numbers)

    @property
    def after(self) -> int:
        return self.before - len(self.removed)

    def said(self, count: int) -> str:
        return self.phrase[0] if count == 1 else self.phrase[1]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    wanted: str  # "a share of 10 GiB"
    pools: int  # how many were considered
    steps: tuple[Step, ...] = ()
    typed: bool = True  # False: the request has no share type
    extending: bool = False

    @property
    def detail_id(self) -> str:
        """Detail of the user message (manager specification, section 11)."""
        if not self.typed:
            return NO_TYPE
        if not self.pools:
            return NOT_READY
        return next((step.detail_id for step in reversed(self.steps) if step.removed), NO_HOST)

    def for_user(self) -> str:
        """One sentence without names of hosts, capacities or functions."""
        if not self.typed:
            return "No share type was given and there is no default one."
        if not self.pools and self.extending:
            return f"The share cannot have {self.wanted}: its pool is not known at present."
        if not self.pools:
            return "No storage backend has reported yet; try again in a minute."
        told = [step for step in self.steps if step.removed]
        if self.extending and told:
            return f"The share cannot have {self.wanted}: its pool {told[0].phrase[0]}."
        if self.pools == 1 and told:
            why = f"the only one {told[0].phrase[0]}"
        elif len(told) == 1:
            why = f"all {self.pools} {told[0].phrase[1]}"
        else:
            causes = [f"{len(step.removed)} {step.said(len(step.removed))}" for step in told]
            why = f"of {self.pools}, {listed(causes)}"
        return f"No storage pool can take {self.wanted}: {why}."

    def for_log(self) -> str:
        """Everything, on one line: the counts of all filters, then what each pool lacks."""
        head = f"{self.wanted}: {self.pools} pool{'' if self.pools == 1 else 's'} known"
        if not self.typed:
            return f"{head}; the request has no share type"
        told = [step for step in self.steps if step.removed]
        counts = [f"{step.filter} {step.before} -> {step.after}" for step in told]
        reasons = [reason for step in told for reason in _reasons(step)]
        return "; ".join([head, *counts]) + (f" ({'; '.join(reasons)})" if reasons else "")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; at most SHOWN pools of each step are named."""
        return {
            "wanted": self.wanted,
            "pools": self.pools,
            "steps": [
                {
                    "filter": step.filter,
                    "before": step.before,
                    "after": step.after,
                    "removed": dict(step.removed[:SHOWN]),
                }
                for step in self.steps
            ],
        }


def _reasons(step: Step) -> list[str]:
    reasons = [f"{host}: {reason.rstrip('.')}" for host, reason in step.removed[:SHOWN]]
    if len(step.removed) > SHOWN:
        reasons.append(f"and {len(step.removed) - SHOWN} more")
    return reasons
