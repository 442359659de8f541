"""CIFS shares of the local driver: Samba registry shares."""

from __future__ import annotations

import threading
from ipaddress import ip_network
from pathlib import Path

from abaca.drivers.firewall.filter import Filter
from abaca.drivers.firewall.filter import Wanted as Admitted
from abaca.drivers.firewall.ruleset import Server
from abaca.drivers.local.exporter import Location, Rule, Served, rule
from abaca.drivers.rules import Wanted
from abaca.drivers.samba.rules import EVERYONE, Rules, of_one_level
from abaca.drivers.samba.server import SmbServer
from abaca.drivers.samba.shares import RegistryShares
from abaca.drivers.samba.users import UserRefused, Users
from abaca.model.networks import Network

STANDARD_PORT = 445
ONE_LEVEL = (
    "over SMB a share cannot be writable for one address and read-only for another; use rules for "
    "users, or remove the address rules of the other level first"
)


class CifsExporter:
    """SMB 2 and 3."""

    rule_types: tuple[str, ...] = ("ip", "user")

    def __init__(
        self,
        directory: Path,
        port: int,
        addresses: list[str],
        create_users: bool,
        connections: Filter,
        limit: int,
    ) -> None:
        """limit: connections of all clients; each is a process of smbd."""
        self.server = SmbServer(directory, port, limit)
        self.shares = RegistryShares(self.server)
        self.users = Users(self.server, create_users)
        self._addresses = addresses
        self._connections = connections
        self._server = Server(f"smb{port}", (port,), limit)
        self._lock = threading.Lock()  # a user is not deleted between being made and named

    def export(
        self, name: str, source: str, near: str | None = None, project: str | None = None
    ) -> None:
        self.shares.create(name, source)

    def has(self, name: str) -> bool:
        return self.shares.get(name) is not None

    def lets_in(self, name: str) -> bool:
        share = self.shares.get(name)
        if share is None:
            return False
        with self._lock:
            known = all(map(self.users.is_known, share.rules.users))
        return known and bool(share.rules.networks or share.rules.users)

    def locations(self, name: str) -> list[Location]:
        return [
            {
                "path": f"\\\\{_unc(address)}\\{name}",
                "is_admin_only": False,
                "metadata": {
                    "preferred": str(position == 0),
                    "smb_port": str(self.server.port),
                    "mount_options": self.mount_options(name),
                },
            }
            for position, address in enumerate(self._addresses)
        ]

    def locations_near(self, name: str, near: str) -> list[Location]:
        return self.locations(name)

    def mount_options(self, name: str) -> str:
        port = self.server.port
        return "vers=3.0" if port == STANDARD_PORT else f"vers=3.0,port={port}"

    def allow(self, name: str, wanted: Wanted) -> dict[str, dict[str, str]]:
        asked: dict[Network, bool] = {}
        for client in wanted.clients:
            asked[client.network] = asked.get(client.network, True) and client.writable
        with self._lock:
            share = self.shares.get(name)
            networks = of_one_level(asked, share.rules.networks if share else {})
            users, additions = self._users(wanted)
            rules = Rules(networks, users)
            with self._connections.changing(self._server, name, reachable_from(rules)):
                self.shares.set_rules(name, rules)
            self._forget_users()
        for key, network in wanted.networks.items():
            if network not in networks:
                additions[key] = {"state": "error", "reason": ONE_LEVEL}
        return additions

    def withdraw(self, name: str) -> None:
        with self._lock:
            with self._connections.changing(self._server, name, ()):
                self.shares.delete(name)
            self._forget_users()

    def admitted(self) -> Admitted:
        return {self._server: {s.name: reachable_from(s.rules) for s in self.shares.shares()}}

    def check(self) -> None:
        self.server.prepare()  # users can be made before the first share
        self.users.prepare()
        self.server.check_port()

    def reconcile(self) -> None:
        with self._lock:
            self.shares.reconcile()
            self._forget_users()

    def look(self) -> dict[str, Served]:
        return {
            name: Served(whole, self._in_force(rules) if rules else None)
            for name, (whole, rules) in self.shares.look().items()
        }

    def stop(self) -> None:
        self.server.stop()

    def _users(self, wanted: Wanted) -> tuple[dict[str, bool], dict[str, dict[str, str]]]:
        """The users that exist or were made, and what to tell of their rules."""
        users: dict[str, bool] = {}
        additions: dict[str, dict[str, str]] = {}
        for key, user in wanted.users.items():
            try:
                account = self.users.of_rule(user.name, wanted.project)
            except UserRefused as problem:
                additions[key] = {"state": "error", "reason": str(problem)}
                continue
            if account.password:
                additions[key] = {"access_key": account.password}
            users[account.login] = users.get(account.login, True) and user.writable
        return users, additions

    def _forget_users(self) -> None:
        """Users that no rule names any more, and what they are connected by."""
        gone = self.users.forget_all_but(self.shares.users())
        self.server.end_sessions(gone)

    def _in_force(self, rules: Rules) -> tuple[Rule, ...]:
        names = self.users.name_in_rules
        return (
            *(rule("ip", network, writable) for network, writable in rules.networks.items()),
            *(rule("user", names(login), writable) for login, writable in rules.users.items()),
        )


def reachable_from(rules: Rules) -> frozenset[Network]:
    """A user whom no rule for addresses binds may come from anywhere."""
    if rules.users and not rules.networks:
        return frozenset(map(ip_network, EVERYONE))
    return frozenset(rules.networks)


def _unc(address: str) -> str:
    """An address in a UNC path; colons are not allowed there."""
    return address.replace(":", "-") + ".ipv6-literal.net" if ":" in address else address
