"""Export files in a directory of this machine that nobody else uses.

Each file ends with its checksum: one that somebody or a broken disk has changed is never obeyed,
because a changed digit lets in a client that was denied.  What does not change during the life of
an export is kept in a second file, so that it keeps its id, and clients their file handles.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from abaca.drivers.ganesha.blocks import BrokenText
from abaca.drivers.ganesha.export import Export, from_text, to_text
from abaca.drivers.ganesha.files import private_directory, remove, write_atomic

_SUM = "#sum "
_Stamp = tuple[int, int, int]  # inode, size, time of the last change

log = logging.getLogger(__name__)


class DirectoryFiles:
    """<id>.conf is what Ganesha reads; <id>.base is the same without clients."""

    def __init__(self, directory: Path, counter: Path) -> None:
        self._directory = private_directory(directory)
        self._counter = counter
        self._stamps: dict[str, _Stamp] = {}  # of files as they were written or read, by name

    def load(self) -> list[Export]:
        """Damaged files are put aside; what they said is told without clients, if it is known."""
        for unfinished in self._directory.glob(".*.new"):
            unfinished.unlink()
        bases = self._read("*.base")
        found = {**bases, **self._read("*.conf")}
        for export in found.values():
            if export.name not in bases:
                self._store_base(export)
        return list(found.values())

    def path(self, export: Export) -> str:
        return str(self._file(export))

    def store(self, export: Export) -> None:
        if not self._base(export).exists():
            self._store_base(export)
        write_atomic(self._file(export), _sealed(to_text(export)))
        self._stamps[export.name] = _stamp(self._file(export))

    def damaged(self, exports: Iterable[Export]) -> list[Export]:
        return [e for e in exports if self._stamps.get(e.name) != _stamp(self._file(e))]

    def discard(self, export: Export) -> None:
        """The base first: without the other one it would bring the export back."""
        self._base(export).unlink(missing_ok=True)
        remove(self._file(export))
        self._stamps.pop(export.name, None)

    def clean(self, name: str) -> None:
        """Done by `load`: files have no names of exports here."""

    def last_id(self) -> int | None:
        try:
            return int(self._counter.read_text())
        except (OSError, ValueError):
            return None

    def keep_last_id(self, export_id: int) -> None:
        write_atomic(self._counter, str(export_id), durable=False)

    def _read(self, pattern: str) -> dict[str, Export]:
        found = {}
        for file in sorted(self._directory.glob(pattern)):
            stamp = _stamp(file)
            try:
                export = from_text(_opened(file.read_bytes()))
            except BrokenText as problem:
                log.error("%s is damaged and put aside: %s", file, problem)
                file.rename(file.with_name(f"{file.name}.damaged"))
                continue
            found[export.name] = export
            if file == self._file(export):
                self._stamps[export.name] = stamp
        return found

    def _store_base(self, export: Export) -> None:
        text = to_text(replace(export, clients=()))
        write_atomic(self._base(export), _sealed(text), durable=False)

    def _file(self, export: Export) -> Path:
        return self._directory / f"{export.export_id}.conf"

    def _base(self, export: Export) -> Path:
        return self._directory / f"{export.export_id}.base"


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _sealed(text: str) -> str:
    return f"{text}{_SUM}{hashlib.sha256(text.encode()).hexdigest()}\n"


def _opened(sealed: bytes) -> str:
    """The text below its checksum.  BrokenText if it is not what was written."""
    try:
        text, mark, _ = sealed.decode().rpartition(_SUM)
    except UnicodeDecodeError as problem:
        raise BrokenText(str(problem)) from problem
    if not mark or _sealed(text) != sealed.decode():
        raise BrokenText("the checksum is wrong")
    return text
