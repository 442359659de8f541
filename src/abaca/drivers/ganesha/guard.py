"""The library that keeps file handles inside their export; see handle_guard.c."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory
from abaca.drivers.ganesha.packages import find_program

COMPILE_SECONDS = 60.0
RUN = Path("/run/abaca")


def library(directory: Path) -> Path:
    """The compiled guard; made in `directory` when it is not there yet (0.1 s).

    Raises GaneshaException if it cannot be compiled: without it no server is started.
    """
    source = resources.files(__package__).joinpath("handle_guard.c").read_text()
    if any(mark in str(directory) for mark in " :"):  # LD_PRELOAD takes these for separators
        directory = RUN
    path = directory / f"handle_guard-{hashlib.sha256(source.encode()).hexdigest()[:16]}.so"
    if not path.exists():
        private_directory(directory)
        _compile(source, path)
    return path


def is_loaded(pid: int, path: Path) -> bool:
    """Whether the process runs with the guard: the loader passes over what it cannot load."""
    try:
        return str(path) in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def _compile(source: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        made = Path(scratch) / "guard.so"
        command = [
            find_program("cc"),
            *("-shared", "-fPIC", "-nostdlib", "-O2", "-fno-stack-protector"),
            *("-x", "c", "-", "-o", str(made)),
        ]
        result = subprocess.run(
            command,
            input=source,
            capture_output=True,
            text=True,
            timeout=COMPILE_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            raise errors.GaneshaException(
                reason=f"the handle guard cannot be compiled: {result.stderr.strip()[:300]}"
            )
        made.rename(path)
