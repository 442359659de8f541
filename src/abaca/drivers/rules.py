"""Access rules: which of them this backend can honour, and as what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abaca.drivers.ganesha.clients import Client
from abaca.model.networks import BadNetwork, Network, parse

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\Z")
_COMMON_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,63}\Z")
LEVELS = ("rw", "ro")


@dataclass(frozen=True)
class User:
    """A Samba user and what he may do."""

    name: str
    writable: bool


@dataclass
class Wanted:
    """The usable rules of a share, and for each unusable one the reason."""

    clients: list[Client] = field(default_factory=list)
    networks: dict[str, Network] = field(default_factory=dict)  # of clients, by rule id
    users: dict[str, User] = field(default_factory=dict)  # by rule id
    names: dict[str, str] = field(default_factory=dict)  # common names of certificates, by rule id
    refused: dict[str, str] = field(default_factory=dict)  # by rule id
    project: str = ""  # whose rules these are

    def refuse_networks(self, why: Callable[[Network], str | None]) -> None:
        """Leave out the networks that a server cannot be told of; `why` says the reason."""
        reasons = {key: why(network) for key, network in self.networks.items()}
        self.refused |= {key: reason for key, reason in reasons.items() if reason}
        self.networks = {k: net for k, net in self.networks.items() if not reasons[k]}
        self.clients = [client for client in self.clients if not why(client.network)]

    def states(self, rules: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
        """What to tell of each rule."""
        return {
            key: {"state": "error", "reason": self.refused[key]}
            if key in self.refused
            else {"state": "active"}
            for key in map(rule_id, rules)
        }


def rule_id(rule: Mapping[str, Any]) -> str:
    """The id that results are keyed by."""
    return str(rule.get("access_id") or rule["id"])


class BadSubject(ValueError):
    """What a rule names cannot be given access."""


def _ip(wanted: Wanted, key: str, subject: str, writable: bool) -> None:
    network = parse(subject)
    wanted.clients.append(Client(network, writable))
    wanted.networks[key] = network


def _user(wanted: Wanted, key: str, subject: str, writable: bool) -> None:
    if not _USER.match(subject) or subject == "root":
        raise BadSubject(f"{subject!r:.80} is not a user name that may be given access")
    wanted.users[key] = User(subject, writable)


def _cert(wanted: Wanted, key: str, subject: str, writable: bool) -> None:
    if not _COMMON_NAME.match(subject):
        raise BadSubject(f"{subject!r:.80} is not a common name of a certificate")
    wanted.names[key] = subject


READERS: dict[str, Callable[[Wanted, str, str, bool], None]] = {
    "ip": _ip,
    "user": _user,
    "cert": _cert,
}
"""How the subject of each type of rule is read; they raise BadNetwork or BadSubject."""


def read(
    rules: Iterable[Mapping[str, Any]],
    types: Iterable[str],
    read_only: bool = False,
    levels: Iterable[str] = LEVELS,
    project: str | None = None,
) -> Wanted:
    """Sort the rules; `types` and `levels` are those the protocol knows ("ip", "user", "cert")."""
    wanted = Wanted(project=project or "")
    for rule in rules:
        key = rule_id(rule)
        kind, level = rule["access_type"], rule.get("access_level") or "rw"
        if level not in levels:
            wanted.refused[key] = f"access level {level!r} is not {' or '.join(levels)}"
        elif kind not in types:
            wanted.refused[key] = f"access type {kind!r} is not supported by this protocol"
        else:
            try:
                writable = level == "rw" and not read_only
                READERS[kind](wanted, key, str(rule["access_to"]), writable)
            except (BadNetwork, BadSubject) as problem:
                wanted.refused[key] = str(problem)
    return wanted
