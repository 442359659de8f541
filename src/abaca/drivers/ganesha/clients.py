"""Who may reach an export, in the order that Ganesha needs.

Ganesha takes the first CLIENT block that matches, so networks are written longest prefix first:
a rule for one address wins over a rule for its network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadAddress(ValueError):
    """The text is no IP address or network."""


@dataclass(frozen=True)
class Client:
    """A network and what it may do."""

    network: Network
    writable: bool


def parse_network(text: str) -> Network:
    """An address or CIDR network, v4 or v6; host bits are dropped.

    Raises BadAddress for host names, zones (fe80::1%eth0) and everything else.
    """
    if "%" in text or not text.isascii() or text != text.strip():
        raise BadAddress(f"{text!r} is not an IP address or network (no zone, no host name)")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadAddress(f"{text!r} is not an IP address or network") from None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


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


def host_or_network(network: Network) -> str:
    """As people write it: an address alone without its length."""
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)
