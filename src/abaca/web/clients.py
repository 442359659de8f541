"""Whose request it is: the client's address, also behind proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

CLIENT = "abaca.client_address"  # in the WSGI environ
MOST_HOPS = 32  # of one X-Forwarded-For that are read, from the right


def client_address(environ: Mapping[str, Any]) -> str:
    """The address of the client, as text: "192.0.2.7" or "2001:db8::7"; "" if it is not known.

    Use this, never REMOTE_ADDR, to count or to limit what a client does.  It is the peer of the
    connection; if that is one of `[abaca] trusted_proxies`, it is the right-most address of
    X-Forwarded-For that is not a trusted proxy.  A client cannot choose it: what stands further
    left in that header was written by the client itself, and is ignored.
    """
    return str(environ.get(CLIENT) or environ.get("REMOTE_ADDR") or "")


class TrustedProxies:
    """The proxies whose X-Forwarded-For is believed."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Addresses or networks, v4 or v6.  ValueError for anything else."""
        self._networks = [ipaddress.ip_network(text.strip(), strict=False) for text in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, address: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        if not self._networks:
            return False
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)

    def client_of(self, peer: str, forwarded_for: str | None) -> str:
        """The client of a request that `peer` sent with this X-Forwarded-For."""
        if not self._networks:
            return peer
        client = peer
        hops = (forwarded_for or "").split(",")
        for hop in reversed(hops[-MOST_HOPS:]):
            if not self.trusts(client):
                break
            found = _address(_without_port(hop.strip()))
            if found is None:  # a proxy that hides the address, or garbage before it
                break
            client = str(found)
        return client


def normal(address: str) -> str:
    """One spelling for an address: an IPv4 address that came over an IPv6 socket is IPv4."""
    if address.startswith("::ffff:"):
        found = _address(address)
        return address if found is None else str(found)
    return address


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, the /64 of an IPv6 address.

    Text that is no address counts as itself.
    """
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return address[:64] if found is None else str(found)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _without_port(hop: str) -> str:
    """`192.0.2.7:4711` and `[2001:db8::7]:4711`, as some proxies write, without the port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
