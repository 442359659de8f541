"""Who may do what on a share, as Samba parameters.

A Samba share cannot be writable for one address and read-only for another, so its addresses have
one level, and `of_one_level` says which rules are honoured.

Rules for users and rules for addresses on the same share both have to hold: a user comes in from
an allowed address only.  With address rules alone no log-in is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abaca.model.networks import Network

EVERYONE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Rules:
    """The rules of a share; the value says whether writing is allowed."""

    networks: dict[Network, bool] = field(default_factory=dict)  # all of one level
    users: dict[str, bool] = field(default_factory=dict)


def of_one_level(
    wanted: Mapping[Network, bool], before: Mapping[Network, bool]
) -> dict[Network, bool]:
    """Of the networks that are wanted those that get what they want.

    Where both levels are wanted, the one that is in force already stays, so that a new rule takes
    nothing from those who are connected; otherwise it is read-only.
    """
    if len(set(wanted.values())) < 2:
        return dict(wanted)
    kept = set(before.values()) == {True}
    return {network: writable for network, writable in wanted.items() if writable is kept}


def parameters(rules: Rules) -> dict[str, str]:
    """The access part of a share section."""
    if not rules.networks and not rules.users:
        return {"available": "no", "hosts deny": "ALL", "read only": "yes", "guest ok": "no"}
    from_writable = not rules.networks or any(rules.networks.values())
    found = {"available": "yes"}
    if rules.networks:
        found["hosts allow"] = " ".join(sorted(map(str, rules.networks)))
        found["hosts deny"] = "ALL"
    if rules.users:
        writers = [name for name, writable in rules.users.items() if writable and from_writable]
        found |= {
            "guest ok": "no",
            "read only": "yes",
            "valid users": " ".join(sorted(rules.users)),
            "write list": " ".join(sorted(writers)),
        }
    else:
        found |= {
            "guest ok": "yes",
            "guest only": "yes",
            "read only": "no" if from_writable else "yes",
        }
    return {key: value for key, value in found.items() if value}


def narrows(old: Rules, new: Rules) -> bool:
    """Whether a client that connected under `old` may have more access than `new` allows."""
    if not old.networks and not old.users:
        return False
    kinds_changed = bool(old.networks) != bool(new.networks) or bool(old.users) != bool(new.users)
    return kinds_changed or not (
        _within(old.networks.items(), new.networks.items())
        and _within(old.users.items(), new.users.items())
    )


def _within(old: Iterable[object], new: Iterable[object]) -> bool:
    return set(old) <= set(new)
