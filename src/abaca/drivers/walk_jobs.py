"""Walks that run in a process of their own; see `abaca.drivers.aside`."""

from __future__ import annotations

import os
from pathlib import Path

from abaca.drivers import aside, walk


def remove(path: Path) -> None:
    """Delete a file or a whole tree; absent is success.  Raises OSError; may be repeated."""
    aside.run(__name__, "remove", str(path))


def clear(path: Path, keep: str) -> None:
    """Delete everything in a directory but the entry `keep`.  Raises OSError; may be repeated."""
    aside.run(__name__, "clear", str(path), keep)


def size(path: Path) -> int:
    """Bytes allocated to all files below a directory.  Raises OSError."""
    return int(aside.run(__name__, "size", str(path)))


def _remove(path: str, step: walk.Step) -> None:
    parent = os.open(Path(path).parent, walk.DIRECTORY)
    walk.remove(parent, os.fsencode(Path(path).name), step)


def _clear(path: str, keep: str, step: walk.Step) -> None:
    root = os.open(path, walk.DIRECTORY)
    with walk.Climb(root) as climb:
        while (entry := climb.next()) is not None:
            if entry.name != os.fsencode(keep):
                walk.remove(root, entry.name, step)


def _size(path: str, step: walk.Step) -> int:
    return walk.size(os.open(path, walk.DIRECTORY), step)


if __name__ == "__main__":
    aside.main({"remove": _remove, "clear": _clear, "size": _size})
