"""What a table of exports wants of the Ganesha it keeps in step, and of the place of its files.

Two kinds: `Instance`, which abaca starts, owns and brings back whole; `SystemGanesha`, which the
operator runs here or on another machine and where others may have exports too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from abaca.drivers.ganesha.control import ExportManager
from abaca.drivers.ganesha.export import Export


class ExportFiles(Protocol):
    """A file for each export: the record of what shall be served."""

    def load(self) -> Iterable[Export]:
        """All of them.  Raises GaneshaException if one cannot be read."""

    def path(self, export: Export) -> str:
        """Where the file is, as the server sees it."""

    def store(self, export: Export) -> None:
        """Write it; on disk when this returns."""

    def damaged(self, exports: Iterable[Export]) -> list[Export]:
        """Those whose file no longer says what was stored."""

    def discard(self, export: Export) -> None:
        """Take it away for good; absent is success."""

    def clean(self, name: str) -> None:
        """Take away what a `store` that was cut off left of an export that does not exist."""

    def last_id(self) -> int | None:
        """The export id given out last, None if that is not known."""

    def keep_last_id(self, export_id: int) -> None:
        """Remember it."""


class Server(Protocol):
    """One Ganesha."""

    exports: ExportManager
    first_id: int  # the lowest export id that may be given out
    shared: bool  # others have exports there: theirs are left alone, their ids not taken

    def is_running(self) -> bool:
        """Whether it is there to be told of changes."""

    def is_serving(self) -> bool:
        """Whether it answers."""

    def start(self, exports: Iterable[tuple[Export, str]]) -> list[Export]:
        """Start it with these exports and their files; returns those that could not be served."""

    def stop(self, at_once: bool = False) -> None:
        """End it, if it is ours; absent is success."""

    def path_of(self, export_id: int, name: str) -> str:
        """The Path of an export."""

    def bind(self, export: Export) -> None:
        """Show it the export's source directory."""

    def unbind(self, export: Export) -> None:
        """Take that out of its sight; absent is success."""
