"""NFS shares of the local driver: Ganesha exports of bind-mounted subvolumes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from abaca.drivers.firewall.filter import Filter
from abaca.drivers.firewall.filter import Wanted as Admitted
from abaca.drivers.firewall.networks import Networks
from abaca.drivers.firewall.ruleset import Server
from abaca.drivers.ganesha.clients import Client, why_unwritable
from abaca.drivers.ganesha.exports import Seen
from abaca.drivers.ganesha.instance import STANDARD_PORT, Ports
from abaca.drivers.ganesha.shards import Layout, Place, Shards
from abaca.drivers.local.exporter import Location, Served, rule
from abaca.drivers.rules import Wanted


class NfsExporter:
    """NFS v3, 4.0, 4.1 and 4.2."""

    rule_types: tuple[str, ...] = ("ip",)

    def __init__(
        self, directory: Path, layout: Layout, addresses: list[str], connections: Filter
    ) -> None:
        self._addresses = addresses
        self._connections = connections
        self._limit = layout.connections
        self.shards = Shards(directory, layout, lambda ports: connections.open(self._server(ports)))

    def export(
        self, name: str, source: str, near: str | None = None, project: str | None = None
    ) -> None:
        place = self.shards.create(name, source, near=near, project=project)
        with self._changing(place, place.export.clients):
            pass  # what it had before, if it was served from elsewhere, may be more

    def has(self, name: str) -> bool:
        return self.shards.find(name) is not None

    def lets_in(self, name: str) -> bool:
        place = self.shards.find(name)
        return place is not None and bool(place.export.clients)

    def locations(self, name: str) -> list[Location]:
        place = self.shards.find(name)
        return locations_at(name, place, self._addresses) if place else []

    def locations_near(self, name: str, near: str) -> list[Location]:
        """Where `name` will be found once it is exported on the server of `near`."""
        place = self.shards.find(name) or self.shards.find(near)
        return locations_at(name, place, self._addresses) if place else []

    def mount_options(self, name: str) -> str:
        place = self.shards.find(name)
        return mount_options(place.ports) if place else ""

    def allow(self, name: str, wanted: Wanted) -> dict[str, dict[str, str]]:
        place = self.shards.find(name)
        if place is None:
            raise KeyError(name)
        wanted.refuse_networks(why_unwritable)
        with self._changing(place, wanted.clients):
            self.shards.set_clients(name, wanted.clients)
        return {}

    def withdraw(self, name: str) -> None:
        place = self.shards.find(name)
        with self._changing(place, ()) if place else contextlib.nullcontext():
            self.shards.delete(name)

    def admitted(self) -> Admitted:
        return {
            self._server(table.server.ports): {
                export.name: _networks(export.clients) for export in table.exports()
            }
            for table in self.shards.tables()
        }

    def check(self) -> None:
        self.shards.check()

    def reconcile(self) -> None:
        self.shards.reconcile()

    def look(self) -> dict[str, Served]:
        return {name: _served(seen) for name, seen in self.shards.look().items()}

    def stop(self) -> None:
        self.shards.stop()

    def _server(self, ports: Ports) -> Server:
        return Server(f"nfs{ports.nfs}", (ports.nfs, ports.mount), self._limit)

    def _changing(
        self, place: Place, clients: Iterable[Client]
    ) -> contextlib.AbstractContextManager[None]:
        server = self._server(place.ports)
        return self._connections.changing(server, place.export.name, _networks(clients))


def _networks(clients: Iterable[Client]) -> Networks:
    return frozenset(client.network for client in clients)


def _served(seen: Seen) -> Served:
    told = [(str(client.network), client.writable) for client in seen.clients]
    return Served(seen.exported, tuple(rule("ip", *each) for each in (*told, *seen.unparsed)))


def locations_at(name: str, place: Place, addresses: list[str]) -> list[Location]:
    """The first address is the preferred one; metadata says how to mount."""
    return [
        {
            "path": f"{f'[{address}]' if ':' in address else address}:/{name}",
            "is_admin_only": False,
            "metadata": {
                "preferred": str(position == 0),
                "nfs_port": str(place.ports.nfs),
                "mount_port": str(place.ports.mount),
                "mount_options": mount_options(place.ports),
            },
        }
        for position, address in enumerate(addresses)
    ]


def mount_options(ports: Ports) -> str:
    """Options for mount -t nfs.  NFSv4 needs the port only; v3 also mountport= and nolock."""
    return "vers=4.2" if ports.nfs == STANDARD_PORT else f"vers=4.2,port={ports.nfs}"
