"""Many exports over several Ganesha instances.

The restart time of one instance grows with the square of its exports, so each takes a limited
number.  Shard k listens on the first port + k; shard 0 starts with the first export.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from abaca.drivers.confine import server
from abaca.drivers.ganesha import bus
from abaca.drivers.ganesha.clients import Client
from abaca.drivers.ganesha.directory_files import DirectoryFiles
from abaca.drivers.ganesha.export import Export, Fsal
from abaca.drivers.ganesha.exports import ExportTable, Seen
from abaca.drivers.ganesha.files import private_directory
from abaca.drivers.ganesha.instance import CONNECTIONS, Grace, Instance, Ports


@dataclass(frozen=True)
class Layout:
    """Ports and sizes of a set of shards."""

    nfs_port: int = 2049
    mount_port: int = 20048
    exports_per_shard: int = 500
    squash: str = "No_Root_Squash"
    grace: Grace = field(default_factory=Grace)
    connections: int = CONNECTIONS  # of all clients to one instance


@dataclass(frozen=True)
class Place:
    """Where clients find an export."""

    export: Export
    ports: Ports


class Shards:
    """All Ganesha instances of one backend."""

    def __init__(
        self, directory: Path, layout: Layout, prepare: Callable[[Ports], None] = lambda ports: None
    ) -> None:
        """prepare: called with the ports of each new instance before it is started."""
        self.directory = private_directory(directory)
        self.layout = layout
        self._prepare = prepare
        self._lock = threading.Lock()
        self._tables: dict[int, ExportTable[Instance]] = {}
        for entry in directory.iterdir():
            match = re.fullmatch(r"shard-(\d+)", entry.name)
            if match:
                self._open(int(match.group(1)))

    def tables(self) -> Iterator[ExportTable[Instance]]:
        """The shards in order."""
        return iter([self._tables[number] for number in sorted(self._tables)])

    def find(self, name: str) -> Place | None:
        """The export of this name, None if there is none."""
        table = self._holder(name)
        export = table.get(name) if table else None
        return Place(export, table.server.ports) if table and export else None

    def create(
        self, name: str, source: str, fsal: Fsal | None = None, near: str | None = None
    ) -> Place:
        """Serve a directory under /<name>, to nobody yet; an existing export keeps its clients.

        `near`: the name of an export whose instance shall serve this one too.
        """
        with self._lock:  # two new exports must not both take the last room of a shard
            table = self._holder(name) or self._holder(near) or self._with_room()
            _ensure(table)
            export = table.create(name, source, self.layout.squash, fsal)
        return Place(export, table.server.ports)

    def set_clients(self, name: str, clients: Iterable[Client]) -> None:
        """Let exactly these clients in.  KeyError if there is no such export."""
        table = self._holder(name)
        if table is None:
            raise KeyError(name)
        _ensure(table)
        table.set_clients(name, clients)

    def delete(self, name: str) -> None:
        """Stop serving; absent is success."""
        table = self._holder(name)
        if table is not None:
            _ensure(table)
            table.delete(name)

    def check(self) -> None:
        """BadConfigurationException if servers could not be confined, or the first not started."""
        server.check()
        if not self._tables:
            self._ports(0).check_free()

    def reconcile(self) -> list[int]:
        """Start what does not run, repair what differs.  Returns the NFS ports started anew."""
        tables = list(self.tables())
        if not tables:
            return []
        with ThreadPoolExecutor(min(len(tables), 4), "reconcile") as pool:
            started = list(pool.map(ExportTable.reconcile, tables))
        bus.retire_shared(self.directory / "bus")
        return [t.server.ports.nfs for t, new in zip(tables, started, strict=True) if new]

    def look(self) -> dict[str, Seen]:
        """What is served right now, by name."""
        return {name: seen for table in self.tables() for name, seen in table.look().items()}

    def stop(self) -> None:
        """End all servers, side by side because each takes two seconds."""
        instances = [table.server for table in self.tables()]
        if instances:
            with ThreadPoolExecutor(len(instances)) as pool:
                list(pool.map(Instance.stop, instances))

    def _holder(self, name: str | None) -> ExportTable[Instance] | None:
        return next((table for table in self.tables() if name and name in table), None)

    def _with_room(self) -> ExportTable[Instance]:
        for table in self.tables():
            if len(table) < self.layout.exports_per_shard:
                return table
        number = max(self._tables, default=-1) + 1
        self._prepare(self._ports(number))
        return self._open(number)

    def _ports(self, number: int) -> Ports:
        return Ports(self.layout.nfs_port + number, self.layout.mount_port + number)

    def _open(self, number: int) -> ExportTable[Instance]:
        directory = private_directory(self.directory / f"shard-{number}")
        layout = self.layout
        instance = Instance(directory, self._ports(number), layout.grace, layout.connections)
        files = DirectoryFiles(directory / "exports", directory / "last_export_id")
        self._tables[number] = ExportTable(instance, files)
        return self._tables[number]


def _ensure(table: ExportTable[Instance]) -> None:
    """A server that runs and does not answer has lost its bus: it has to be started again."""
    if table.server.is_running() and not table.server.is_serving():
        table.reconcile()
