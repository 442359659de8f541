"""From access rules to the lists of a view policy.

Both lists are computed from the complete wanted set, whatever the array has: recovery, additions
and denials are one and the same.  Networks stay networks; nothing is ever expanded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from abaca.drivers.ganesha.clients import BadAddress, Client, Network, ordered, parse_network

LEVELS: Final = ("rw", "ro")
Payload = dict[str, list[str]]


@dataclass
class Wanted:
    """The rules an array can honour, and of each other one the reason why it cannot."""

    clients: list[Client] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # by access_id


def sort(rules: Iterable[Mapping[str, Any]], read_only: bool = False) -> Wanted:
    """`read_only`: no rule lets anybody write."""
    wanted = Wanted()
    for rule in rules:
        try:
            network = validate_access_rule(rule)
        except BadAddress as problem:
            wanted.refused[str(rule["access_id"])] = str(problem)
        else:
            writable = rule["access_level"] == "rw" and not read_only
            wanted.clients.append(Client(network, writable))
    return wanted


def validate_access_rule(rule: Mapping[str, Any]) -> Network:
    """The network of a rule.  Raises BadAddress, with the reason, for what cannot be honoured."""
    kind, level = rule["access_type"], rule["access_level"]
    if kind != "ip":
        raise BadAddress(f"access type {kind!r} is not supported; use ip")
    if level not in LEVELS:
        raise BadAddress(f"access level {level!r} is not rw or ro")
    return parse_network(str(rule["access_to"]))


def policy_payload(clients: Iterable[Client], root_squash: bool) -> Payload:
    """The lists of a policy; nobody in them means that nobody gets in.

    A network named by two rules has the stricter one's rights.
    """
    by_right: dict[bool, list[str]] = {True: [], False: []}
    for client in ordered(clients):
        by_right[client.writable].append(as_host(client.network))
    everybody = by_right[True] + by_right[False]
    return {
        "nfs_read_write": by_right[True],
        "nfs_read_only": by_right[False],
        "nfs_no_squash": [] if root_squash else everybody,
        "nfs_root_squash": everybody if root_squash else [],
        "nfs_all_squash": [],
        "trash_access": [],
    }


def as_host(network: Network) -> str:
    """As an array writes it: an address alone without its length."""
    return (
        str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    )
