"""What a confined server may see and do, and starting it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import abaca
from abaca.drivers.confine import capabilities, mounts, seccomp
from abaca.drivers.contract import errors
from abaca.drivers.ganesha.packages import find_program

START_SECONDS = 60.0  # 500 exports take half a second; a loaded machine takes longer
OPEN_FILES = 65536
NEEDED = ("SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE", "SETPCAP")  # of abaca itself

_LAUNCH = "import sys; sys.path.insert(0, sys.argv[1]); from abaca.drivers.confine.launcher import main; main()"  # noqa: E501
_LIBRARIES = ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib/ld-linux*", "/usr/lib/ganesha")


class ConfinementFailure(errors.ShareBackendException):
    """A server cannot be confined: {reason}"""


class Entry(Protocol):
    """Something in the server's root."""

    def plan(self) -> dict[str, Any]:
        """As the launcher takes it."""


@dataclass(frozen=True)
class Bind:
    """A file or directory of the machine, without what is mounted below it."""

    source: Path | str
    target: Path | str = ""  # the same path, unless it is given
    writable: bool = False
    executable: bool = False  # it holds programs or libraries
    device: bool = False  # it is a device
    links: bool = True  # symbolic links in it are followed

    def plan(self) -> dict[str, Any]:
        return {
            "kind": "bind",
            "source": str(self.source),
            "target": str(self.target or self.source),
            "attributes": self.attributes(),
        }

    def attributes(self) -> int:
        """Of the mount."""
        return (
            mounts.NO_SUID
            | (0 if self.writable else mounts.READ_ONLY)
            | (0 if self.executable else mounts.NO_EXEC)
            | (0 if self.device else mounts.NO_DEVICES)
            | (0 if self.links else mounts.NO_LINKS)
        )


@dataclass(frozen=True)
class Tmpfs:
    """A writable directory that is empty at the start, and gone with the server."""

    target: str
    size: str = "1m"
    mode: int = 0o755

    def plan(self) -> dict[str, Any]:
        return {"kind": "tmpfs", "target": self.target, "size": self.size, "mode": self.mode}


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str
    to: str

    def plan(self) -> dict[str, Any]:
        return {"kind": "link", "target": self.target, "to": self.to}


@dataclass(frozen=True)
class Text:
    """A read-only file with this text."""

    target: str
    text: str

    def plan(self) -> dict[str, Any]:
        return {"kind": "text", "target": self.target, "text": self.text}


@dataclass(frozen=True)
class MountTable:
    """The mounts that the server sees, as /etc/mtab has them, always up to date."""

    target: str = "/etc/mtab"

    def plan(self) -> dict[str, Any]:
        return {"kind": "mount_table", "target": self.target}


@dataclass(frozen=True)
class Server:
    """A server, and all that it may see and do."""

    directory: Path  # an existing one; see the launcher
    entries: tuple[Entry, ...]  # in this order: what is inside a directory comes after it
    command: tuple[str, ...]  # it must stay in the foreground
    capabilities: frozenset[str]
    pid_file: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    first: tuple[tuple[str, ...], ...] = ()  # commands inside the root that end before it starts
    open_files: int = OPEN_FILES

    def plan(self) -> dict[str, Any]:
        """As the launcher takes it."""
        return {
            "directory": str(self.directory),
            "entries": [entry.plan() for entry in self.entries],
            "command": self.command,
            "capabilities": sorted(self.capabilities),
            "pid_file": str(self.pid_file),
            "log": str(self.log),
            "environment": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment},
            "first": self.first,
            "open_files": self.open_files,
        }


def start(server: Server) -> None:
    """Start the server; its pid is in its pid file.  It may still be about to begin its work.

    Raises ConfinementFailure with one sentence.
    """
    check()
    package = Path(abaca.__file__).parents[1]
    try:
        result = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(package)],
            input=json.dumps(server.plan()),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=START_SECONDS,
            cwd="/",
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise ConfinementFailure(
            reason=f"{server.command[0]} was not started in {START_SECONDS:.0f} s"
        ) from problem
    if result.returncode != 0:
        raise ConfinementFailure(reason=result.stderr.strip()[-300:])


def check() -> None:
    """BadConfigurationException with one sentence if servers cannot be confined here."""
    problem = why_not()
    if problem:
        raise errors.BadConfigurationException(reason=problem)


def why_not() -> str | None:
    """A sentence why servers cannot be confined on this machine, or None."""
    had = capabilities.effective()
    missing = [name for name in NEEDED if not had & capabilities.mask([name])]
    if missing:
        return (
            "NFS and SMB servers run in a root of their own, and abaca lacks the "
            f"{'capability' if len(missing) == 1 else 'capabilities'} to make one: "
            + ", ".join(f"CAP_{name}" for name in missing)
        )
    if not mounts.are_supported():
        return "NFS and SMB servers run in a root of their own, which needs Linux 5.12 or later"
    if not seccomp.is_known():
        return "NFS and SMB servers are confined on x86_64 and aarch64 only"
    return None


def libraries() -> tuple[Entry, ...]:
    """Shared libraries and the loader, where Debian and others have them."""
    found = sorted({path for pattern in _LIBRARIES for path in Path("/").glob(pattern[1:])})
    binds = [Bind(path, executable=True) for path in found]
    names = [Path(name) for name in ("/lib", "/lib64")]
    links = [Link(str(name), str(name.readlink())) for name in names if name.is_symlink()]
    cache = Path("/etc/ld.so.cache")
    return (*binds, *links, *([Bind(cache)] if cache.exists() else []))


def program(name: str) -> Bind:
    """A program, at its path.  BadConfigurationException if it is not installed."""
    return Bind(find_program(name), executable=True)


def device(path: str) -> Bind:
    """A device, as /dev/null; it can be written."""
    return Bind(path, device=True)


def users() -> tuple[Entry, ...]:
    """root and nobody, without passwords; names of hosts and users come from files only."""
    return (
        Text("/etc/passwd", "root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n"),
        Text("/etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        Text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
        Text("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    )
