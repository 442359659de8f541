"""From access rules to the lists of a view policy (seed 004: policy_payload_from_rules).

The lists are computed from the complete wanted set, whatever the array has: recovery, additions
and denials are one and the same.  Networks stay networks; nothing is ever expanded.
"""

from __future__ import annotations

from collections.abc import Iterable

from abaca.drivers.ganesha.clients import Client, ordered
from abaca.model.networks import BadNetwork, host_or_network, parse

Payload = dict[str, list[str]]


def policy_payload(clients: Iterable[Client], root_squash: bool) -> Payload:
    """The lists of a policy that abaca answers for; nobody in them: nobody gets in.

    A network named by two rules has the stricter one's rights.
    """
    by_right: dict[bool, list[str]] = {True: [], False: []}
    for client in ordered(clients):
        by_right[client.writable].append(host_or_network(client.network))
    everybody = by_right[True] + by_right[False]
    return {
        "nfs_read_write": by_right[True],
        "nfs_read_only": by_right[False],
        "nfs_no_squash": [] if root_squash else everybody,
        "nfs_root_squash": everybody if root_squash else [],
    }


def in_force(lists: Payload) -> dict[str, frozenset[str]]:
    """What lists amount to: an array may order them, and write addresses, in its own way."""
    return {name: frozenset(map(_plain, hosts)) for name, hosts in lists.items()}


def _plain(host: str) -> str:
    try:
        return host_or_network(parse(host))
    except BadNetwork:  # a netgroup, a wildcard: nothing of ours
        return host
