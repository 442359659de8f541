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

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.blocks import BrokenText
from abaca.drivers.ganesha.bus import CallRefused
from abaca.drivers.ganesha.clients import Client, ordered
from abaca.drivers.ganesha.export import Export, Fsal, check_name, from_text, to_text
from abaca.drivers.ganesha.files import private_directory, remove, write_atomic
from abaca.drivers.ganesha.instance import Instance

LAST_ID = 65535  # Export_Id has 16 bits

log = logging.getLogger(__name__)


class ExportTable:
    """Exports by name.  Methods may be called from several threads."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.directory = instance.directory / "exports"
        self._counter = instance.directory / "last_export_id"
        self._lock = threading.RLock()
        self._exports: dict[str, Export] = {}
        self._applied: dict[str, Export] = {}  # what this process saw the server accept
        self._load()

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
                path = self.instance.path_of(export_id)
                export = Export(export_id, name, path, source, (), squash, fsal or Fsal())
            elif export.source != source:
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
            if self.instance.pid is not None:
                self.instance.exports.remove(export.export_id)
                self.instance.unbind(export)
            remove(self._file(export))
            self._applied.pop(name, None)
            del self._exports[name]

    def reconcile(self) -> bool:
        """Make the server serve this table, starting it if needed.  True if it was started."""
        with self._lock:
            if not self._exports and self.instance.pid is None:
                return False
            if not self.instance.is_serving():
                self._start()
                return True
            self._repair(self.instance.exports.show())
            return False

    def _repair(self, served: set[int]) -> None:
        """The running server against the table: surplus out, missing in, the rest as on file."""
        for surplus in served - {export.export_id for export in self._exports.values()}:
            log.warning("removing export %d that has no file", surplus)
            self.instance.exports.remove(surplus)
        for name, export in self._exports.items():
            if export.export_id not in served:
                self._applied.pop(name, None)
                if Path(export.source).exists():
                    self._add(export)
            elif self._applied.get(name) != export:
                self._update(export)

    def _apply(self, name: str, fresh: bool = False) -> None:
        """Make the running server agree on one export; `fresh`: it cannot know its id yet."""
        export = self._exports[name]
        if self.instance.pid is None:
            self._start()
        elif name in self._applied:
            if self._applied[name] != export:
                self._update(export)
        elif fresh or export.export_id not in self.instance.exports.show():
            self._add(export)
        else:
            self._update(export)

    def _start(self) -> None:
        self._applied.clear()
        lost = self.instance.start((e, self._file(e)) for e in self._exports.values())
        for export in lost:
            log.error("%s is not exported: %s does not exist", export.name, export.source)
        served = self.instance.exports.show()
        for name, export in self._exports.items():
            if export.export_id in served:
                self._applied[name] = export
            elif export not in lost:
                self._add(export)  # raises with Ganesha's reason

    def _add(self, export: Export) -> None:
        self.instance.bind(export)
        try:
            self.instance.exports.add(export.export_id, self._file(export))
        except CallRefused:
            self.instance.unbind(export)
            raise
        self._applied[export.name] = export

    def _update(self, export: Export) -> None:
        self.instance.exports.update(export.export_id, self._file(export))
        self._applied[export.name] = export

    def _store(self, export: Export) -> None:
        if self._exports.get(export.name) != export:
            write_atomic(self._file(export), to_text(export))
            self._exports[export.name] = export

    def _file(self, export: Export) -> Path:
        return self.directory / f"{export.export_id}.conf"

    def _load(self) -> None:
        private_directory(self.directory)
        for file in sorted(self.directory.glob("*.conf")):
            try:
                export = from_text(file.read_text())
            except BrokenText as problem:
                raise errors.GaneshaException(reason=f"{file} is damaged: {problem}") from problem
            self._exports[export.name] = export

    def _next_id(self) -> int:
        """The next free id after the last one given out.

        Going round keeps a removed export's id out of use as long as possible: old file handles
        of clients carry it.
        """
        used = {export.export_id for export in self._exports.values()}
        if len(used) >= LAST_ID:
            raise errors.GaneshaException(reason=f"all {LAST_ID} export ids are in use")
        try:
            last = int(self._counter.read_text())
        except (OSError, ValueError):
            last = max(used, default=0)
        candidate = last % LAST_ID + 1
        while candidate in used:
            candidate = candidate % LAST_ID + 1
        write_atomic(self._counter, str(candidate), durable=False)
        return candidate
