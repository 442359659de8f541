"""The library that keeps every request of a client inside its export; see export_guard.c."""

from __future__ import annotations

import functools
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory
from abaca.drivers.ganesha.packages import PLUGIN_DIRECTORIES, find_program

TOOL_SECONDS = 60.0  # cc takes 0.1 s, nm 0.01 s
RUN = Path("/run/abaca")

# what the C library has for names that are relative to a descriptor, and for handles
_FUNCTIONS = """
openat openat2 mkdirat mkfifoat mknodat xmknodat symlinkat unlinkat linkat renameat renameat2
fstatat fxstatat newfstatat statx readlinkat faccessat faccessat2 scandirat execveat
fchmodat fchmodat2 fchownat futimesat utimensat
getxattrat setxattrat listxattrat removexattrat file_getattr file_setattr
name_to_handle_at open_by_handle_at open_tree move_mount fanotify_mark syscall
"""
NAME_FUNCTIONS = frozenset(_FUNCTIONS.split())
_DECORATION = re.compile(r"^_*(\w+?)(?:64)?(?:_2|_chk)?$")


def library(directory: Path) -> Path:
    """The compiled guard; made in `directory` when it is not there yet (0.1 s).

    Raises GaneshaException if it cannot be compiled, or if this machine's Ganesha takes names by a
    function that it does not guard: without it no server is started.
    """
    source = resources.files(__package__).joinpath("export_guard.c").read_text()
    if any(mark in str(directory) for mark in " :"):  # LD_PRELOAD takes these for separators
        directory = RUN
    path = directory / f"export_guard-{hashlib.sha256(source.encode()).hexdigest()[:16]}.so"
    if not path.exists():
        private_directory(directory)
        _compile(source, path)
    for part in parts():
        check_covers(path, part)
    return path


def is_loaded(pid: int, path: Path) -> bool:
    """Whether the process runs with the guard: the loader passes over what it cannot load."""
    try:
        return str(path) in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def parts() -> Iterator[Path]:
    """The parts of this machine's Ganesha that handle what clients send."""
    for directory in PLUGIN_DIRECTORIES:
        yield from directory.glob("libfsalvfs.so")
        yield from directory.glob("libganesha_nfsd.so.*")


def check_covers(path: Path, part: Path) -> None:
    """GaneshaException if `part` uses a function for names that the library `path` lacks."""
    guarded = _symbols(path, "--defined-only")
    loose = sorted(
        symbol
        for symbol in _symbols(part, "--undefined-only") - guarded
        if _DECORATION.sub(r"\1", symbol) in NAME_FUNCTIONS
    )
    if loose:
        raise errors.GaneshaException(
            reason=f"{part} uses {', '.join(loose)}, which abaca does not guard: a client could "
            "leave its share with this version of NFS-Ganesha"
        )


def _symbols(file: Path, which: str) -> frozenset[str]:
    """Dynamic symbols, without their versions."""
    status = file.stat()
    return _listed(file, which, (status.st_ino, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=32)
def _listed(file: Path, which: str, stamp: tuple[int, int, int]) -> frozenset[str]:
    """Asked once for each version of a file: many servers are started from the same."""
    lines = _run(find_program("nm"), "-D", "-P", which, str(file)).splitlines()
    return frozenset(line.split(maxsplit=1)[0].partition("@")[0] for line in lines)


def _compile(source: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        made = Path(scratch) / "guard.so"
        options = ("-shared", "-fPIC", "-nostdlib", "-O2", "-fno-stack-protector")
        _run(find_program("cc"), *options, "-x", "c", "-", "-o", str(made), given=source)
        made.rename(path)


def _run(*command: str, given: str = "") -> str:
    result = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
    )
    if result.returncode != 0:
        raise errors.GaneshaException(
            reason=f"the export guard cannot be made: {command[0]}: {result.stderr.strip()[:300]}"
        )
    return result.stdout
