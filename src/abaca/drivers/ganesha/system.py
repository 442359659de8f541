"""A Ganesha that the operator runs, on this machine or on another one.

abaca neither starts nor stops it.  Each export has a file in its export directory and a line in
INDEX.conf there, which the operator's ganesha.conf includes; so it serves them again whenever it is
started.  Files of others in that directory are kept, and indexed too.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.blocks import BrokenText
from abaca.drivers.ganesha.control import Bus, ExportManager
from abaca.drivers.ganesha.export import Export, from_text, to_text
from abaca.drivers.ganesha.packages import PLUGIN_DIRECTORIES, PLUGINS
from abaca.drivers.nodes import files
from abaca.drivers.nodes.node import Node, checked

INDEX = "INDEX.conf"
FIRST_ID = 100  # lower ones are left to exports that people write by hand

_BY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Paths:
    """Where the Ganesha has its configuration, and what its service is called."""

    config: str = "/etc/ganesha/ganesha.conf"
    exports: str = "/etc/ganesha/export.d"
    service: str = "ganesha.nfsd"

    @property
    def index(self) -> str:
        return str(PurePosixPath(self.exports) / INDEX)


class SystemGanesha:
    """The server: told of changes over its system bus, never started."""

    first_id = FIRST_ID
    shared = True

    def __init__(self, node: Node, paths: Paths, bus: Bus) -> None:
        self.node = node
        self.paths = paths
        self.exports = ExportManager(bus)

    def check(self, plugin: str) -> None:
        """BadConfigurationException with what to do, if this server could not serve `plugin`."""
        for library, package in PLUGINS[plugin].items():
            found = self.node.run(
                "find", *map(str, PLUGIN_DIRECTORIES), "-maxdepth", "1", "-name", library
            )
            if library not in found.out:
                raise errors.BadConfigurationException(
                    reason=f"{self.node.name} has no {library}: apt-get install {package} there"
                )
        checked(self.node, "mkdir", "-p", "--", self.paths.exports)
        include = f'%include "{self.paths.index}"'
        text = files.read(self.node, self.paths.config)
        if not re.search(rf'^\s*%include\s+"?{re.escape(self.paths.index)}"?\s*$', text, re.M):
            raise errors.BadConfigurationException(
                reason=f"{self.paths.config} on {self.node.name} lacks the line {include}; "
                "exports would be lost when Ganesha is started again"
            )

    def is_running(self) -> bool:
        """The same as is_serving: there is no more to see of it from here."""
        return self.is_serving()

    def is_serving(self) -> bool:
        """Whether it answers on the bus.  Raises BusFailure if there is no bus."""
        return self.exports.owner() is not None

    def start(self, exports: Iterable[tuple[Export, str]]) -> list[Export]:
        """It is not ours to start; what it shall serve is on file already."""
        raise errors.StorageCommunicationException(
            reason=f"NFS-Ganesha does not run on {self.node.name}; start its service there "
            f"({self.paths.service})"
        )

    def stop(self, at_once: bool = False) -> None:
        """It is not ours to stop."""

    def path_of(self, export_id: int, name: str) -> str:
        return f"/{name}"

    def bind(self, export: Export) -> None:
        """The file system is reached by the plug-in, not by a mount."""

    def unbind(self, export: Export) -> None:
        """See bind."""


class NodeFiles:
    """Export files in the Ganesha's export directory, named by their exports."""

    def __init__(self, server: SystemGanesha) -> None:
        self._node = server.node
        self._directory = PurePosixPath(server.paths.exports)
        self._index = server.paths.index
        self._names: set[str] = set()
        self._last: int | None = None
        self._lock = threading.Lock()

    def load(self) -> list[Export]:
        """All that are ours; the index is made whole."""
        texts = files.read_all(self._node, str(self._directory), "*.conf")
        index = texts.pop(INDEX, None)
        self._names = set(texts)
        if index != self._index_text():
            self._write_index()
        return self._ours(texts)

    def read(self) -> list[Export]:
        """The same, and nothing is changed."""
        return self._ours(self._texts())

    def _texts(self) -> dict[str, str]:
        texts = files.read_all(self._node, str(self._directory), "*.conf")
        texts.pop(INDEX, None)
        return texts

    def others(self) -> list[Export]:
        """Exports that somebody else wrote, as far as they can be read."""
        return [e for e, text in self._exports(self._texts()) if not _is_ours(e, text)]

    def _ours(self, texts: dict[str, str]) -> list[Export]:
        return [e for e, text in self._exports(texts) if _is_ours(e, text)]

    def _exports(self, texts: dict[str, str]) -> Iterator[tuple[Export, str]]:
        for name, text in sorted(texts.items()):
            try:
                export = from_text(text)
            except BrokenText as problem:
                log.info("%s/%s is not ours: %s", self._directory, name, problem)
                continue
            if name == f"{export.name}.conf":
                yield export, text

    def path(self, export: Export) -> str:
        return self._path(export.name)

    def store(self, export: Export) -> None:
        """The file first: the index must never name one that is not there."""
        files.write(self._node, self.path(export), to_text(export))
        name = f"{export.name}.conf"
        with self._lock:
            if name not in self._names:
                self._write_index()

    def damaged(self, exports: Iterable[Export]) -> list[Export]:
        texts = files.read_all(self._node, str(self._directory), "*.conf")
        return [e for e in exports if texts.get(f"{e.name}.conf") != to_text(e)]

    def discard(self, export: Export) -> None:
        with self._lock:
            self._write_index(without=f"{export.name}.conf")
            files.remove(self._node, self.path(export))

    def clean(self, name: str) -> None:
        files.remove(self._node, self._path(name))

    def _path(self, name: str) -> str:
        return str(self._directory / f"{name}.conf")

    def last_id(self) -> int | None:
        """Kept as long as abaca runs; then ids go on after the highest in use."""
        return self._last

    def keep_last_id(self, export_id: int) -> None:
        self._last = export_id

    def _write_index(self, without: str = "") -> None:
        """Of all files there are: others may have added some."""
        self._names = files.names(self._node, str(self._directory), "*.conf") - {INDEX, without}
        files.write(self._node, self._index, self._index_text())

    def _index_text(self) -> str:
        return "".join(f'%include "{self._directory / name}"\n' for name in sorted(self._names))


def _is_ours(export: Export, text: str) -> bool:
    """As abaca writes it; or named by an id, and only changed by somebody (who left no Tag)."""
    return text == to_text(export) or bool(_BY_ID.search(export.name) and "Tag" not in text)
