"""The networks that may reach one server, as the elements of its nftables sets.

Single addresses and networks are kept in different sets: a set of single addresses takes a new one
in constant time.  A set of networks must be free of overlaps, so it holds those that are not part
of another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from abaca.model.networks import Network

Networks = frozenset[Network]

SETS: dict[str, str] = {
    "hosts4": "type ipv4_addr;",
    "networks4": "type ipv4_addr; flags interval;",
    "hosts6": "type ipv6_addr;",
    "networks6": "type ipv6_addr; flags interval;",
}
"""The sets of a server: name and what nftables is told of each."""


def set_of(network: Network) -> str:
    """The name of the set that a network belongs to."""
    alone = network.prefixlen == network.max_prefixlen
    return f"{'hosts' if alone else 'networks'}{network.version}"


def largest(networks: Iterable[Network]) -> Networks:
    """Of one IP version: those that are not part of another one.  Two networks never overlap
    otherwise, so together these are the same addresses."""
    found: list[Network] = []
    end = -1
    for start, _, network in sorted(
        (int(network.network_address), network.prefixlen, network) for network in networks
    ):
        if start > end:
            found.append(network)
            end = start + (1 << (network.max_prefixlen - network.prefixlen)) - 1
    return frozenset(found)


@dataclass(frozen=True)
class Change:
    """What a set gets and what it loses, to go from one state to another."""

    added: Networks
    removed: Networks


@dataclass
class Admitted:
    """Networks by export, and the elements that together they are."""

    by_export: dict[str, Networks] = field(default_factory=dict)
    elements: dict[str, set[Network]] = field(default_factory=lambda: {s: set() for s in SETS})
    _counts: dict[str, Counter[Network]] = field(
        default_factory=lambda: {s: Counter() for s in SETS}
    )

    def put(self, export: str, networks: Networks) -> dict[str, Change]:
        """Let an export have exactly these networks.  Returns the changes by set."""
        old = self.by_export.pop(export, frozenset())
        if networks:
            self.by_export[export] = networks
        appeared = {n for n in networks - old if self._count(n, 1) == 1}
        gone = {n for n in old - networks if self._count(n, -1) == 0}
        changes = {}
        for name in sorted({set_of(n) for n in appeared | gone}):
            change = self._change(name, appeared, gone)
            self.elements[name] -= change.removed
            self.elements[name] |= change.added
            changes[name] = change
        return changes

    def _count(self, network: Network, step: int) -> int:
        counts = self._counts[set_of(network)]
        counts[network] += step
        number = counts[network]
        if not number:
            del counts[network]
        return number

    def _change(self, name: str, appeared: set[Network], gone: set[Network]) -> Change:
        if name.startswith("hosts"):
            mine = frozenset(n for n in appeared if set_of(n) == name)
            return Change(mine, frozenset(n for n in gone if set_of(n) == name))
        after = largest(self._counts[name])
        return Change(after - self.elements[name], frozenset(self.elements[name] - after))
