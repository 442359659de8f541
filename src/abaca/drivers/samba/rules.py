"""Who may do what on a share, as Samba parameters.

A Samba share cannot be writable for one address and read-only for another.  So rules of one level
are honoured, and where both levels occur the addresses with `ro` are shut out and reported.

Rules for users and rules for addresses on the same share both have to hold: a user comes in from
an allowed address only.  With address rules alone nobody has to name himself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EVERYONE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Rules:
    """The rules of a share; the value says whether writing is allowed."""

    networks: dict[Network, bool] = field(default_factory=dict)
    users: dict[str, bool] = field(default_factory=dict)

    @property
    def shut_out(self) -> set[Network]:
        """Read-only addresses on a share where others may write: Samba cannot tell them apart."""
        levels = set(self.networks.values())
        return {n for n, writable in self.networks.items() if not writable and len(levels) > 1}


def parameters(rules: Rules) -> dict[str, str]:
    """The access part of a share section."""
    if not rules.networks and not rules.users:
        return {"available": "no", "hosts deny": "ALL", "read only": "yes", "guest ok": "no"}
    shut_out = rules.shut_out
    admitted = [network for network in rules.networks if network not in shut_out]
    from_writable = not rules.networks or any(rules.networks.values())
    found = {"available": "yes", **_hosts(admitted, shut_out, bool(rules.networks))}
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
    """Whether somebody connected under `old` may have more than `new` gives him."""
    if not old.networks and not old.users:
        return False
    kinds_changed = bool(old.networks) != bool(new.networks) or bool(old.users) != bool(new.users)
    return kinds_changed or not (
        _within(old.networks.items(), new.networks.items())
        and _within(old.users.items(), new.users.items())
        and not new.shut_out
    )


def _within(old: Iterable[object], new: Iterable[object]) -> bool:
    return set(old) <= set(new)


def _hosts(admitted: list[Network], shut_out: set[Network], limited: bool) -> dict[str, str]:
    if not limited:
        return {}
    allowed = " ".join(str(network) for network in sorted(admitted, key=str))
    excepted = " ".join(str(network) for network in sorted(shut_out, key=str))
    return {
        "hosts allow": f"{allowed} EXCEPT {excepted}" if excepted else allowed,
        "hosts deny": "ALL",
    }
