"""Files on a machine that may be far away, by ordinary commands: a shell account will do."""

from __future__ import annotations

from pathlib import PurePosixPath

from abaca.drivers.nodes.node import Node, checked


def write(node: Node, path: str, text: str) -> None:
    """Replace the file in one step; it is on disk there when this returns.  Not for secrets."""
    fresh = _fresh(path)
    checked(node, "dd", f"of={fresh}", "conv=fsync", "status=none", data=text)
    checked(node, "mv", "-f", "-T", "--", fresh, path)
    checked(node, "sync", "--", str(PurePosixPath(path).parent))


def remove(node: Node, path: str) -> None:
    """Delete the file for good, with what a write that was cut off left; absent is success."""
    checked(node, "rm", "-f", "--", path, _fresh(path))
    checked(node, "sync", "--", str(PurePosixPath(path).parent))


def _fresh(path: str) -> str:
    place = PurePosixPath(path)
    return str(place.with_name(f".{place.name}.new"))


def read(node: Node, path: str) -> str:
    """The file's text; ProcessExecutionError when it cannot be read."""
    return checked(node, "cat", "--", path)


def names(node: Node, directory: str, pattern: str) -> set[str]:
    """The names of the files in a directory."""
    words = ("-maxdepth", "1", "-type", "f", "-name", pattern, "-printf", r"%f\0")
    return set(checked(node, "find", directory, *words).split("\0")) - {""}


def read_all(node: Node, directory: str, pattern: str) -> dict[str, str]:
    """name -> text of the files in a directory, in one command however many there are."""
    words = ("-maxdepth", "1", "-type", "f", "-name", pattern)
    shown = ("-printf", r"%f\0", "-exec", "cat", "{}", ";", "-printf", r"\0")
    parts = checked(node, "find", directory, *words, *shown).split("\0")
    return dict(zip(parts[0::2], parts[1::2], strict=False))
