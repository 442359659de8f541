"""Who may reach an export, in the order that Ganesha needs.

Ganesha takes the first CLIENT block that matches, so networks are written longest prefix first:
a rule for one address wins over a rule for its network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from abaca.model.networks import BadNetwork, Network, why_no_client

SMALLEST_V6 = 99


@dataclass(frozen=True)
class Client:
    """A network and what it may do.

    Raises BadNetwork for one that no client can be in: servers read some of those as everybody, so
    such a client cannot even be made.
    """

    network: Network
    writable: bool

    def __post_init__(self) -> None:
        problem = why_no_client(self.network)
        if problem:
            raise BadNetwork(f"{self.network} lets nobody in: {problem}")


def why_unwritable(network: Network) -> str | None:
    """Why Ganesha cannot be told of this network; None if it can.

    Its configuration language has two digits for the length of an IPv6 prefix.  With three, the
    CLIENT block is lost while the call succeeds: a read-only rule gives way to a wider one.
    """
    if network.version == 6 and SMALLEST_V6 < network.prefixlen < network.max_prefixlen:
        return (
            f"NFS-Ganesha knows no IPv6 networks smaller than /{SMALLEST_V6}; {network} can be let "
            "in by single addresses"
        )
    return None


def halves(network: Network) -> list[Network]:
    """Ganesha reads addresses and networks, but no /0: that is written as its two halves."""
    return [*network.subnets()] if network.prefixlen == 0 else [network]


def amount_to_the_same(some: Iterable[Client], others: Iterable[Client]) -> bool:
    """Whether Ganesha is told the same of both: everything, or its two halves by name."""
    one, other = (
        {(half, client.writable) for client in clients for half in halves(client.network)}
        for clients in (some, others)
    )
    return one == other


def whole(clients: Iterable[Client]) -> list[Client]:
    """Neighbouring halves of everything, as Ganesha is told 0.0.0.0/0 and ::/0, are one again."""
    found: list[Client] = []
    for client in clients:
        before = found[-1] if found else None
        if before and before.writable == client.writable and _halves(before, client):
            found[-1] = Client(client.network.supernet(), client.writable)
        else:
            found.append(client)
    return found


def _halves(lower: Client, upper: Client) -> bool:
    one, other = lower.network, upper.network
    if not one.prefixlen == other.prefixlen == 1 or one.version != other.version:
        return False
    return int(one.network_address) == 0 != int(other.network_address)


def ordered(clients: Iterable[Client]) -> list[Client]:
    """One client per network, longest prefix first.  The stricter of two equal ones stays."""
    merged: dict[Network, bool] = {}
    for client in clients:
        merged[client.network] = merged.get(client.network, True) and client.writable
    return [
        Client(network, writable)
        for network, writable in sorted(
            merged.items(),
            key=lambda item: (-item[0].prefixlen, item[0].version, int(item[0].network_address)),
        )
    ]
