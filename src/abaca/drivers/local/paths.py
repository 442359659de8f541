"""Names and paths that cannot lead anywhere but into the pool."""

from __future__ import annotations

import os
import re
from pathlib import Path

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


class UnsafePath(ValueError):
    """The text is no usable id or path."""


def checked_id(text: str) -> str:
    """An id that becomes a file name."""
    if not isinstance(text, str) or not _ID.match(text):
        raise UnsafePath(f"{text!r:.100} is not an id")
    return text


def below(root: Path, relative: str) -> Path:
    """The path `relative` below `root`, no component of which is a symbolic link.

    Raises UnsafePath for .., control characters, links and what leads outside; existence of the
    last component is not asked for.
    """
    if not relative.isprintable() or len(relative) > 1024:
        raise UnsafePath("the path holds control characters or is too long")
    parts = [part for part in relative.split("/") if part]
    if not parts or any(part in (".", "..") for part in parts):
        raise UnsafePath(f"{relative!r} does not name a directory in the pool")
    path = root
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise UnsafePath(f"{relative!r} leads over a symbolic link")
    if os.path.realpath(path) != os.path.join(os.path.realpath(root), *parts):  # noqa: PTH118
        raise UnsafePath(f"{relative!r} leads out of the pool")
    return path
