"""Files that no client of a share may reach, names that try to, and the place they try it from."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

SECRET = b"what no client of this share may read"


class Canary:
    """A directory of this host, outside every share; it is deleted at the end of the context."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="canary-", dir="/tmp"))
        self._watched = [self.directory]
        plant(self.directory)
        self._seen = self._look()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory)

    def watch(self, *directories: Path) -> None:
        """Only these besides its own."""
        self._watched = [self.directory, *directories]
        self._seen = self._look()

    def is_touched(self) -> bool:
        """Whether anything was made, changed or removed since the last call."""
        before, self._seen = self._seen, self._look()
        return before != self._seen

    def _look(self) -> list[tuple[object, ...]]:
        return [entry for directory in self._watched for entry in _described(directory)]


def plant(directory: Path) -> None:
    """Something to read, change, list and remove."""
    (directory / "secret").write_bytes(SECRET)
    (directory / "directory").mkdir()
    (directory / "directory" / "secret").write_bytes(SECRET)
    (directory / "empty").mkdir()


def _described(directory: Path) -> Iterator[tuple[object, ...]]:
    for path in (directory, *sorted(directory.rglob("*"))):
        it = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        owner = (it.st_mode, it.st_uid, it.st_gid)
        yield (str(path), *owner, it.st_nlink, it.st_size, it.st_mtime_ns, content)


def hostile(outside: Path, *others: Path) -> dict[str, bytes]:
    """Names that are no component, or that try to be understood as something else.

    others: more directories to reach, as the server sees them; it may not see `outside` at all.
    """
    there = os.fsencode(outside)
    up = b"../" * 16 + there[1:]
    return {
        **{
            f"{way} {name} of {other.name}": start + os.fsencode(other / name)[1:]
            for other in others
            for name in _OUTSIDE
            for way, start in (("absolute", b"/"), ("up to", b"../" * 16))
        },
        **{f"beside the share {other.name}": b"../" + other.name.encode() for other in others},
        **{f"beside its parent {other.name}": b"../../" + other.name.encode() for other in others},
        **{f"absolute {name}": there + b"/" + name.encode() for name in _OUTSIDE},
        **{f"up to {name}": up + b"/" + name.encode() for name in _OUTSIDE},
        **{f"through a link {name}": b"link-to-directory/" + name.encode() for name in _OUTSIDE},
        "root": b"/",
        "two slashes": b"//" + there,
        "up": b"..",
        "up with a slash": b"../",
        "up twice": b"../..",
        "here": b".",
        "here with a slash": b"./",
        "nothing": b"",
        "of another directory": b"inner/file",
        "in and out": b"inner/../../file",
        "with a slash": b"inner/",
        "link": b"link-to-file",
        "link to a directory": b"link-to-directory",
        "link to a directory with a slash": b"link-to-directory/",
        "link to a link": b"link-to-link",
        "through a link to a link": b"link-to-link/secret",
        "link up": b"link-up",
        "through a link up": b"link-up/..",
        "link to itself": b"link-to-itself",
        "link to nothing": b"link-to-nothing",
        "4096 bytes": b"n" * 4096,
        "4096 bytes up": (b"../" * 1400 + there[1:] + b"/secret")[-4096:],
        "255 bytes": b"n" * 255,
        "NUL": b"\0",
        "NUL inside": b"inner\0/../../secret",
        "NUL at the end": there + b"/secret\0",
        "NUL after up": b"..\0x",
        "not UTF-8": b"\xff\xfe",
        "not UTF-8 and up": b"\xff/../../secret",
        "a long slash": b"..\xc0\xaf..\xc0\xafsecret",
        "a control character": b"\n/../secret",
    }


_OUTSIDE = ("secret", "directory", "empty", "new")


def build_arena(directory: Path, outside: Path) -> None:
    """What a client has in its share to try names from; what was there before is gone."""
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (directory / "inner").mkdir()
    (directory / "file").write_bytes(b"own")
    (directory / "inner" / "file").write_bytes(b"own")
    for name, target in {
        "link-to-file": outside / "secret",
        "link-to-directory": outside,
        "link-to-link": "link-to-directory",
        "link-up": "../..",
        "link-to-itself": "link-to-itself",
        "link-to-nothing": outside / "new",
    }.items():
        (directory / name).symlink_to(target)
