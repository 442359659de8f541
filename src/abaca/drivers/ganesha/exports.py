"""The exports of one Ganesha: files on disk and the running server, kept in step.

The files are the record of what shall be served; the bus calls make the running server agree.
Narrowing and widening both write the file first: a server that crashes in between comes back with
the rules that were asked for, and the caller repeats a call whose outcome it does not know.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.blocks import BrokenText
from abaca.drivers.ganesha.bus_client import CallRefused
from abaca.drivers.ganesha.clients import Client, ordered
from abaca.drivers.ganesha.export import Export, Fsal, check_name, from_text, to_text
from abaca.drivers.ganesha.files import private_directory, remove, write_atomic
from abaca.drivers.ganesha.server import ExportFiles, Server

LAST_ID = 65535  # Export_Id has 16 bits

log = logging.getLogger(__name__)
ServerT = TypeVar("ServerT", bound=Server)


class DirectoryFiles:
    """Files in a directory of this machine that nobody else uses."""

    def __init__(self, directory: Path, counter: Path) -> None:
        self._directory = private_directory(directory)
        self._counter = counter

    def load(self) -> list[Export]:
        found = []
        for file in sorted(self._directory.glob("*.conf")):
            try:
                found.append(from_text(file.read_text()))
            except BrokenText as problem:
                raise errors.GaneshaException(reason=f"{file} is damaged: {problem}") from problem
        return found

    def path(self, export: Export) -> str:
        return str(self._file(export))

    def store(self, export: Export) -> None:
        write_atomic(self._file(export), to_text(export))

    def discard(self, export: Export) -> None:
        remove(self._file(export))

    def last_id(self) -> int | None:
        try:
            return int(self._counter.read_text())
        except (OSError, ValueError):
            return None

    def keep_last_id(self, export_id: int) -> None:
        write_atomic(self._counter, str(export_id), durable=False)

    def _file(self, export: Export) -> Path:
        return self._directory / f"{export.export_id}.conf"


class ExportTable(Generic[ServerT]):
    """Exports by name.  Methods may be called from several threads."""

    def __init__(self, server: ServerT, files: ExportFiles) -> None:
        self.server = server
        self.files = files
        self._lock = threading.RLock()
        self._exports: dict[str, Export] = {}
        self._applied: dict[str, Export] = {}  # what this process saw the server accept
        for export in files.load():
            self._exports[export.name] = export

    def __len__(self) -> int:
        return len(self._exports)

    def __contains__(self, name: str) -> bool:
        return name in self._exports

    def names(self) -> list[str]:
        """The names of all exports."""
        with self._lock:
            return list(self._exports)

    def get(self, name: str) -> Export | None:
        """The export of this name, as asked for."""
        return self._exports.get(name)

    def create(self, name: str, source: str, squash: str, fsal: Fsal | None = None) -> Export:
        """Serve a directory under /<name>, to nobody yet.  An existing export is kept as it is."""
        with self._lock:
            export = self._exports.get(check_name(name))
            fresh = export is None
            if export is None:
                export_id = self._next_id()
                path = self.server.path_of(export_id, name)
                export = Export(export_id, name, path, source, (), squash, fsal or Fsal())
            elif (export.source, export.fsal) != (source, fsal or Fsal()):
                self.delete(name)
                return self.create(name, source, squash, fsal)
            self._store(export)
            self._apply(name, fresh)
            return export

    def set_clients(self, name: str, clients: Iterable[Client]) -> None:
        """Let exactly these clients in.  KeyError if there is no such export."""
        with self._lock:
            old = self._exports[name]
            new = replace(old, clients=tuple(ordered(clients)))
            self._store(new)
            try:
                self._apply(name)
            except CallRefused:
                self._store(old)  # the server still serves the old list
                raise

    def delete(self, name: str) -> None:
        """Stop serving; absent is success."""
        with self._lock:
            export = self._exports.get(name)
            if export is None:
                return
            if self.server.is_running():
                self.server.exports.remove(export.export_id)
                self.server.unbind(export)
            self.files.discard(export)
            self._applied.pop(name, None)
            del self._exports[name]

    def reconcile(self) -> bool:
        """Make the server serve this table, starting it if needed.  True if it was started."""
        with self._lock:
            if not self._exports and not self.server.is_running():
                return False
            if not self.server.is_serving():
                self._start()
                return True
            self._repair(self.server.exports.show())
            return False

    def _repair(self, served: set[int]) -> None:
        """The running server against the table: surplus out, missing in, the rest as on file."""
        known = {export.export_id for export in self._exports.values()}
        for surplus in set() if self.server.shared else served - known:
            log.warning("removing export %d that has no file", surplus)
            self.server.exports.remove(surplus)
        for name, export in self._exports.items():
            if export.export_id not in served:
                self._applied.pop(name, None)
                if not export.source or Path(export.source).exists():
                    self._add(export)
            elif self._applied.get(name) != export:
                self._update(export)

    def _apply(self, name: str, fresh: bool = False) -> None:
        """Make the running server agree on one export; `fresh`: it cannot know its id yet."""
        export = self._exports[name]
        if not self.server.is_running():
            self._start()
        elif name in self._applied:
            if self._applied[name] != export:
                self._update(export)
        elif fresh or export.export_id not in self.server.exports.show():
            self._add(export)
        else:
            self._update(export)

    def _start(self) -> None:
        self._applied.clear()
        lost = self.server.start((e, self.files.path(e)) for e in self._exports.values())
        for export in lost:
            log.error("%s is not exported: %s does not exist", export.name, export.source)
        served = self.server.exports.show()
        for name, export in self._exports.items():
            if export.export_id in served:
                self._applied[name] = export
            elif export not in lost:
                self._add(export)  # raises with Ganesha's reason

    def _add(self, export: Export) -> None:
        self.server.bind(export)
        try:
            self.server.exports.add(export.export_id, self.files.path(export))
        except CallRefused:
            self.server.unbind(export)
            raise
        self._applied[export.name] = export

    def _update(self, export: Export) -> None:
        self.server.exports.update(export.export_id, self.files.path(export))
        self._applied[export.name] = export

    def _store(self, export: Export) -> None:
        if self._exports.get(export.name) != export:
            self.files.store(export)
            self._exports[export.name] = export

    def _next_id(self) -> int:
        """The next free id after the last one given out.

        Going round keeps a removed export's id out of use as long as possible: old file handles
        of clients carry it.
        """
        used = {export.export_id for export in self._exports.values()}
        if self.server.shared and self.server.is_running():
            used |= self.server.exports.show()
        lowest = self.server.first_id
        room = LAST_ID - lowest + 1
        last = self.files.last_id()
        start = max(used, default=lowest - 1) if last is None else last
        for step in range(1, room + 1):
            candidate = lowest + (start - lowest + step) % room
            if candidate not in used:
                self.files.keep_last_id(candidate)
                return candidate
        raise errors.GaneshaException(reason=f"all {room} export ids are in use")
