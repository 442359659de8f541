"""Trees that a client could build, made fast."""

from __future__ import annotations

import os
from pathlib import Path


def deep(root: Path, levels: int, every: int = 100) -> None:
    """A chain of directories `d`, with a file `f` on every so many levels."""
    directory = os.open(root, os.O_RDONLY)
    for level in range(levels):
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
        if level % every == 0:
            file = os.open("f", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=directory)
            os.write(file, b"x" * 4096)
            os.close(file)
    os.close(directory)


def wide(root: Path, entries: int, nonempty: bool = False) -> None:
    """So many directories beside each other."""
    directory = os.open(root, os.O_RDONLY)
    for number in range(entries):
        os.mkdir(f"{number}", dir_fd=directory)
        if nonempty:
            os.mkdir(f"{number}/x", dir_fd=directory)
    os.close(directory)


def levels(root: Path) -> int:
    """How many levels `deep` made."""
    directory, count = os.open(root, os.O_RDONLY), 0
    while True:
        try:
            below = os.open("d", os.O_RDONLY, dir_fd=directory)
        except FileNotFoundError:
            os.close(directory)
            return count
        os.close(directory)
        directory, count = below, count + 1
