"""The nftables commands for the servers of one backend.

Only packets that open a TCP connection are looked at.  One from an address that no rule names is
answered with a reset, as on a port where nobody listens: a client that has no rule (yet) is told at
once instead of waiting for minutes, and a reset is no larger than the packet it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abaca.drivers.firewall.networks import SETS, Change
from abaca.model.networks import Network, host_or_network

PER_SITE = 16  # an IPv6 site (/64) may have as many connections as so many clients
_OPENING = "tcp flags & (fin | syn | rst | ack) == syn"
_RESET = "reject with tcp reset"
_CHUNK = 1000  # elements in a command
COUNTERS: dict[str, str] = {
    "per_client4": "type ipv4_addr; flags dynamic; size 65535;",
    "per_client6": "type ipv6_addr; flags dynamic; size 65535;",
    "per_site6": "type ipv6_addr; flags dynamic; size 65535;",
}
"""Sets that the kernel fills: connections by source address."""


@dataclass(frozen=True)
class Server:
    """One process that listens."""

    name: str  # unique in its backend; letters, digits, _
    ports: tuple[int, ...]
    connections: int  # at most, from all clients together

    def set_name(self, kind: str) -> str:
        """kind: of SETS or COUNTERS."""
        return f"{self.name}_{kind}"


Elements = Mapping[str, Iterable[Network]]  # by set


def install(table: str, servers: Mapping[Server, Elements], per_client: int) -> str:
    """Make the table as it shall be, whatever it is now.  Counts of connections are kept."""
    lines = [
        f"add table {table}",
        f"add chain {table} input {{ type filter hook input priority 0; policy accept; }}",
        f"flush chain {table} input",
    ]
    for server, elements in servers.items():
        lines += _server(table, server, per_client)
        for name in SETS:
            lines.append(f"flush set {table} {server.set_name(name)}")
            lines += _elements("add", table, server, name, elements[name])
    for server in servers:
        ports = ", ".join(map(str, server.ports))
        lines.append(
            f"add rule {table} input tcp dport {{ {ports} }} {_OPENING} jump {server.name}"
        )
    return "\n".join(lines)


def change(table: str, server: Server, changes: Mapping[str, Change]) -> str:
    """Change the sets of one server."""
    lines: list[str] = []
    for name, each in changes.items():
        lines += _elements("delete", table, server, name, each.removed)
        lines += _elements("add", table, server, name, each.added)
    return "\n".join(lines)


def remove(table: str) -> str:
    """Remove the table; absent is success."""
    return f"add table {table}\ndelete table {table}"


def _server(table: str, server: Server, per_client: int) -> list[str]:
    lines = [
        f"add set {table} {server.set_name(name)} {{ {what} }}"
        for name, what in (SETS | COUNTERS).items()
    ]
    for chain in (server.name, f"{server.name}_count"):
        lines += [f"add chain {table} {chain}", f"flush chain {table} {chain}"]
    lines += [
        f"add rule {table} {server.name} {family} saddr @{server.set_name(name)} "
        f"goto {server.name}_count"
        for family, names in (("ip", ("hosts4", "networks4")), ("ip6", ("hosts6", "networks6")))
        for name in names
    ]
    lines.append(f"add rule {table} {server.name} {_RESET}")
    count = f"add rule {table} {server.name}_count"
    site = "ip6 saddr & ffff:ffff:ffff:ffff::"
    limits = (
        ("per_client4", "ip saddr", per_client),
        ("per_client6", "ip6 saddr", per_client),
        ("per_site6", site, per_client * PER_SITE),
    )
    lines += [
        f"{count} add @{server.set_name(name)} {{ {key} ct count over {limit} }} {_RESET}"
        for name, key, limit in limits
    ]
    lines.append(f"{count} ct count over {server.connections} {_RESET}")
    return lines


def _elements(
    verb: str, table: str, server: Server, name: str, networks: Iterable[Network]
) -> list[str]:
    listed = [host_or_network(network) for network in networks]
    target = f"{table} {server.set_name(name)}"
    return [
        f"{verb} element {target} {{ {', '.join(listed[at : at + _CHUNK])} }}"
        for at in range(0, len(listed), _CHUNK)
    ]
