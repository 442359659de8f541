"""IP addresses and networks of access rules: one parser for the API and all drivers.

Servers give some addresses a meaning of their own: NFS-Ganesha takes 0.0.0.0 for everybody.  No
client can have such an address, so a rule for one is refused before any server sees it.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NO_CLIENT: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # "this network"; 0.0.0.0 is everybody to NFS-Ganesha
            "224.0.0.0/4",  # multicast
            "255.255.255.255/32",  # broadcast
            "::/128",  # unspecified
            "ff00::/8",  # multicast
        ),
    )
)
"""Networks in which no client can have an address (RFC 6890, RFC 5771, RFC 4291)."""


class BadNetwork(ValueError):
    """The text is no IP address or network."""


def parse(text: str) -> Network:
    """An address or CIDR network, v4 or v6; host bits are dropped.

    An IPv4 network inside IPv6 (::ffff:10.0.0.0/104) is that IPv4 network: clients come as IPv4.
    Raises BadNetwork for host names, zones (fe80::1%eth0) and everything else.
    """
    if "%" in text or not text.isascii() or text != text.strip():
        raise BadNetwork(f"{text!r:.80} is not an IP address or network (no zone, no host name)")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadNetwork(f"{text!r:.80} is not an IP address or network") from None
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            return ipaddress.ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


def why_no_client(network: Network) -> str | None:
    """Why no client can have an address in this network; None if one can."""
    for barred in NO_CLIENT:
        if (
            network.version == barred.version
            and network.prefixlen >= barred.prefixlen
            and network.network_address in barred
        ):
            everybody = "0.0.0.0/0" if network.version == 4 else "::/0"
            return f"no client has an address in {barred}; for every client write {everybody}"
    return None


def host_or_network(network: Network) -> str:
    """The usual notation: 10.0.0.0/8, and a single address without its length: 10.0.0.1."""
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if alone else network)


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """One spelling for one network: 10.0.0.1 is 10.0.0.1/32; text that is none stays as it is."""
    try:
        return str(parse(text))
    except BadNetwork:
        return text
