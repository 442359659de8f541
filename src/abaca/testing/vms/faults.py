"""Faults of the simulated array.  They are rows of its file, so any process can set them.

| kind | argument | what happens |
|---|---|---|
| expired | | 403, nothing is done; every access token is void |
| refused | text? | 400, nothing is done |
| unavailable | text? | 503, nothing is done |
| slow | seconds | it is done that much later |
| cut | | it is done; the connection ends without an answer |
| torn | | it is done; the connection ends in the middle of the answer |
| lost | | it is done; no answer comes |
| kill | pid, when=before\\|after | the process is killed with SIGKILL |
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from abaca.testing.vms import tokens
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Tx

KINDS: Final = ("expired", "refused", "unavailable", "slow", "cut", "torn", "lost", "kill")
ANY_BUT_TOKENS: Final = r"(?!token/)"


@dataclass(frozen=True)
class Fault:
    """One fault, as it hits one request."""

    kind: str
    argument: Mapping[str, Any]

    def refuse(self, tx: Tx) -> None:
        """Raises what the array says instead of doing anything."""
        if self.kind == "expired":
            tokens.expire(tx)
            raise Refusal(403, tokens.EXPIRED)
        usual = {"refused": (400, "the array refuses this"), "unavailable": (503, "busy")}
        if self.kind in usual:
            status, text = usual[self.kind]
            raise Refusal(status, str(self.argument.get("text", text)))

    def strike(self, when: str) -> None:
        """Kill, if that is what happens at this time."""
        if self.kind == "kill" and self.argument.get("when", "before") == when:
            os.kill(int(self.argument["pid"]), signal.SIGKILL)


def add(
    tx: Tx, kind: str, *, method: str, path: str, skip: int, times: int | None, argument: Any
) -> None:
    """A fault for `times` requests (None: always) after `skip` others."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of fault {kind!r}; known are {', '.join(KINDS)}")
    re.compile(path)
    tx.execute(
        "INSERT INTO faults (kind, method, path, skip, remaining, argument)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (kind, method, path, skip, times, json.dumps(argument)),
    )


def take(tx: Tx, method: str, path: str) -> Fault | None:
    """The fault that hits this request, which uses up one of its times."""
    taken = None
    for row in tx.execute(
        "SELECT * FROM faults WHERE method IN (?, '*') AND (remaining IS NULL OR remaining > 0)"
        " ORDER BY seq",
        (method,),
    ).fetchall():
        if not re.match(row["path"], path):
            continue
        if row["skip"] > 0:
            tx.execute("UPDATE faults SET skip = skip - 1 WHERE seq = ?", (row["seq"],))
        elif taken is None:
            tx.execute("UPDATE faults SET remaining = remaining - 1 WHERE seq = ?", (row["seq"],))
            taken = Fault(row["kind"], json.loads(row["argument"]))
    return taken
