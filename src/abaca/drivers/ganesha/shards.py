"""Many exports over several Ganesha instances.

The restart time of one instance grows with the square of its exports, so each takes a limited
number.  Shard k listens on the first port + k; shard 0 starts with the first export.

With isolation a project has shards of its own: a client that takes over a server finds the exports
of one project there.  The file `project` of a shard holds the project's id; a shard without that
file belongs to no project, and keeps the exports it has.  A shard whose last export is gone is
ended and given to the next project that needs one: no location names its ports any more.
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
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.instance import CONNECTIONS, Grace, Instance, Ports

PORTS_TRIED = 100


@dataclass(frozen=True)
class Layout:
    """Ports and sizes of a set of shards."""

    nfs_port: int = 2049
    mount_port: int = 20048
    exports_per_shard: int = 500
    squash: str = "No_Root_Squash"
    grace: Grace = field(default_factory=Grace)
    connections: int = CONNECTIONS  # of all clients to one instance
    isolation: bool = False  # shards of its own for each project


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
        self._projects: dict[int, str | None] = {}
        self._promised: dict[str, int] = {}  # exports that are being made, and their shard
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
        self,
        name: str,
        source: str,
        fsal: Fsal | None = None,
        near: str | None = None,
        project: str | None = None,
    ) -> Place:
        """Serve a directory under /<name>, to nobody yet; an existing export keeps its clients.

        `near`: the name of an export whose instance shall serve this one too.
        `project`: whose it is.
        """
        with self._lock:
            number = self._number_of(name, near, project if self.layout.isolation else None)
            table = self._tables[number]
            self._promised[name] = number
        try:
            _ensure(table)
            export = table.create(name, source, self.layout.squash, fsal)
        finally:
            self._promised.pop(name, None)
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

    def _number_of(self, name: str, near: str | None, project: str | None) -> int:
        """The shard that serves an export, or shall.  Under the lock: two new exports must not
        both take the last room."""
        for wanted in (name, near):
            for number, table in self._tables.items():
                if wanted and (wanted in table or self._promised.get(wanted) == number):
                    return number
        held = {number: self._held(number) for number in sorted(self._tables)}
        for number, count in held.items():
            if self._projects[number] == project and count < self.layout.exports_per_shard:
                return number
        for number, count in held.items():
            if count == 0:
                self._tables[number].server.stop(at_once=True)  # it was another project's
                self._give(number, project)
                return number
        return self._new(project)

    def _held(self, number: int) -> int:
        return len(self._tables[number]) + list(self._promised.values()).count(number)

    def _new(self, project: str | None) -> int:
        """Another shard.  Ports that other programs have are passed over, but not the first."""
        number = max(self._tables, default=-1) + 1
        for _ in range(PORTS_TRIED):
            if number == 0 or self._ports(number).are_free():
                break
            number += 1
        self._prepare(self._ports(number))
        self._give(number, project)
        self._open(number)
        return number

    def _give(self, number: int, project: str | None) -> None:
        file = private_directory(self._directory(number)) / "project"
        if project is None:
            file.unlink(missing_ok=True)
        else:
            write_atomic(file, project)
        self._projects[number] = project

    def _directory(self, number: int) -> Path:
        return self.directory / f"shard-{number}"

    def _ports(self, number: int) -> Ports:
        return Ports(self.layout.nfs_port + number, self.layout.mount_port + number)

    def _open(self, number: int) -> None:
        directory = private_directory(self._directory(number))
        project = directory / "project"
        self._projects[number] = project.read_text() if project.exists() else None
        layout = self.layout
        instance = Instance(directory, self._ports(number), layout.grace, layout.connections)
        files = DirectoryFiles(directory / "exports", directory / "last_export_id")
        self._tables[number] = ExportTable(instance, files)


def _ensure(table: ExportTable[Instance]) -> None:
    """A server that runs and does not answer has lost its bus: it has to be started again."""
    if table.server.is_running() and not table.server.is_serving():
        table.reconcile()
