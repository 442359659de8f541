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
from typing import Generic, NamedTuple, TypeVar

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.blocks import Value
from abaca.drivers.ganesha.bus_client import CallRefused
from abaca.drivers.ganesha.clients import Client, amount_to_the_same, ordered
from abaca.drivers.ganesha.control import InForce
from abaca.drivers.ganesha.export import Export, Fsal, check_name
from abaca.drivers.ganesha.server import ExportFiles, Server

LAST_ID = 65535  # Export_Id has 16 bits

log = logging.getLogger(__name__)
ServerT = TypeVar("ServerT", bound=Server)


class Seen(NamedTuple):
    """An export as the server has it right now."""

    exported: bool  # it is served, and would be again after a restart
    clients: tuple[Client, ...]
    unparsed: tuple[tuple[str, bool], ...] = ()  # see InForce


def _seen(told: InForce | None, is_whole: bool = True) -> Seen:
    if told is None:
        return Seen(False, ())
    return Seen(is_whole, tuple(ordered(told.clients)), told.unparsed)


class ExportTable(Generic[ServerT]):
    """Exports by name.  Methods may be called from several threads."""

    def __init__(self, server: ServerT, files: ExportFiles) -> None:
        self.server = server
        self.files = files
        self._lock = threading.RLock()
        self._applied: dict[str, Export] = {}  # what this process saw the server accept
        self._exports = {export.name: export for export in files.load()}
        self._restore()

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

    def exports(self) -> list[Export]:
        """All exports, as asked for; without waiting for a change that goes on."""
        return list(self._exports.values())

    def create(
        self,
        name: str,
        source: str,
        squash: str,
        fsal: Fsal | None = None,
        options: tuple[tuple[str, Value], ...] = (),
    ) -> Export:
        """Serve a directory under /<name>, to nobody yet.  An existing export keeps its clients."""
        with self._lock:
            export = self._exports.get(check_name(name))
            fresh = export is None
            if export is None:
                export_id = self._next_id()
                path = self.server.path_of(export_id, name)
                export = Export(export_id, name, path, source, (), squash, fsal or Fsal(), options)
            elif (export.source, export.fsal) != (source, fsal or Fsal()):
                self.delete(name)
                return self.create(name, source, squash, fsal, options)
            else:
                export = replace(export, squash=squash, options=options)
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
                self.files.clean(name)
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
            self._rewrite()
            if not self._exports and not self.server.shared:
                self.server.stop(at_once=True)
                return False
            if not self.server.is_serving():
                self._start()
                return True
            self._repair(self.server.exports.show())
            return False

    def look(self) -> dict[str, Seen]:
        """What is served, by name, as the server tells it.

        An export that it tells otherwise than this table is taken for unknown: the next call that
        is about it puts it in force again.
        """
        serving = self.server.is_serving()
        paths = self.server.exports.pseudo_paths() if serving else {}
        with self._lock:
            exports = dict(self._exports)
            damaged = {export.name for export in self.files.damaged(exports.values())}
        found = {}
        for name, export in exports.items():
            told = self._in_force(export.export_id) if export.export_id in paths else None
            if told and not told.unparsed and amount_to_the_same(told.clients, export.clients):
                told = InForce(list(export.clients))
            else:
                self._applied.pop(name, None)
            found[name] = _seen(told, is_whole=name not in damaged)
        known = {export.export_id for export in exports.values()}
        for surplus in set() if self.server.shared else set(paths) - known:
            told = self._in_force(surplus)
            if told is not None:
                found.setdefault(paths[surplus].strip("/"), _seen(told))
        return found

    def _in_force(self, export_id: int) -> InForce | None:
        """Whom the server lets in; None if it has no such export (any more)."""
        try:
            return self.server.exports.in_force(export_id)
        except CallRefused:
            return None

    def _restore(self) -> None:
        """Of files that were lost while nobody looked, the rules are those the server has; if it
        does not run, nobody is let in until somebody says who shall be."""
        damaged = self.files.damaged(self._exports.values())
        if not damaged:
            return
        serving = self.server.is_serving()
        for export in damaged:
            told = self._in_force(export.export_id) if serving else None
            clients = tuple(ordered(told.clients)) if told else ()
            self._store(replace(export, clients=clients), force=True)

    def _rewrite(self) -> None:
        """What is asked for is what this table says, not what somebody wrote into a file."""
        for export in self.files.damaged(self._exports.values()):
            log.warning(
                "the file of export %s was changed or lost; it is written again", export.name
            )
            self._store(export, force=True)

    def _repair(self, served: set[int]) -> None:
        """The running server against the table: surplus out, missing in, the rest as on file."""
        known = {export.export_id for export in self._exports.values()}
        for surplus in set() if self.server.shared else served - known:
            log.warning("removing export %d that has no file", surplus)
            self.server.exports.remove(surplus)
        for export in list(self._exports.values()):
            try:
                self._serve_as_filed(export, served)
            except CallRefused as problem:  # one bad export must not stop the others
                self._applied.pop(export.name, None)
                log.error("%s is not served as it should be: %s", export.name, problem)

    def _serve_as_filed(self, export: Export, served: set[int]) -> None:
        if export.export_id not in served:
            self._applied.pop(export.name, None)
            if not export.source or Path(export.source).exists():
                self._add(export)
        elif self._applied.get(export.name) != export:
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
        self._rewrite()
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

    def _store(self, export: Export, force: bool = False) -> None:
        if force or self._exports.get(export.name) != export:
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
