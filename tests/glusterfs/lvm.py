"""Thin logical volumes for the bricks of a machine, on kernels without device mapper.

lvm.sh stands in for the tools that glusterd calls.  It sees them by mounts of the machine's own;
everything else is real: file systems on loop devices, which glusterd mounts and unmounts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from glusterfs.lab import Machine, sh, wait

SCRIPT = Path(__file__).with_name("lvm.sh")
TOOLS = ("lvs", "lvcreate", "lvremove")
_SETUP = """
ln -s "$1/lvm" /run/lvm
mount -t tmpfs -o size=1m tmpfs /dev/shm  # the part of /dev that a machine can have for its own
mount -t overlay -o lowerdir="$1/lvm-tools:/usr/sbin" overlay /usr/sbin
"""
_BRICK = """
truncate -s 64M "/run/lvm/$1"
mkfs.ext4 -q "/run/lvm/$1"
loop=$(losetup --find --show "/run/lvm/$1")
mknod "/dev/shm/$1" b 7 "${loop#/dev/loop}"
mkdir -p "$2"
mount "/dev/shm/$1" "$2"
mkdir "$2/brick"
"""


class Lvm:
    """The volume group of a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.directory = machine.directory / "lvm"
        tools = machine.directory / "lvm-tools"
        for made in (self.directory, tools):
            made.mkdir()
        for name in TOOLS:
            shutil.copy(SCRIPT, tools / name)
            (tools / name).chmod(0o755)
        self._script(_SETUP, str(machine.directory))

    def _script(self, text: str, *words: str) -> None:
        self.machine.run("sh", "-euc", text, "lvm", *words)

    def volume(self, name: str) -> None:
        """A started volume of Gluster's, whose brick is on a thin volume of that name."""
        place = self.machine.directory / "bricks" / name
        self._script(_BRICK, name, str(place))
        self.machine.gluster("volume", "create", name, f"{self.machine.address}:{place}/brick")
        self.machine.gluster("volume", "start", name)

    def names(self) -> set[str]:
        """Of the logical volumes."""
        return {file.name for file in self.directory.iterdir() if not file.name.startswith(".")}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the tools."""
        command = self.machine.command(*words)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """The thin pool has no room for another volume."""
        mark = self.directory / ".full"
        mark.touch()
        try:
            yield
        finally:
            mark.unlink()

    @contextlib.contextmanager
    def gate(self) -> Iterator[Gate]:
        """lvcreate waits before it does anything, until the gate is opened."""
        path = self.directory / ".gate"
        os.mkfifo(path)
        gate = Gate(self, path)
        try:
            yield gate
        finally:
            gate.open()

    def destroy(self) -> None:
        """Let go of the loop devices; what is mounted still goes with the machine."""
        for line in sh("losetup", "-nO", "NAME,BACK-FILE").splitlines():
            loop, _, file = line.strip().partition(" ")
            if file.strip().startswith(f"{self.directory}/"):
                sh("losetup", "-d", loop)


class Gate:
    """What lvcreate waits at."""

    def __init__(self, lvm: Lvm, path: Path) -> None:
        self._lvm, self._path = lvm, path
        self._writer: int | None = None

    def wait(self) -> None:
        """Until lvcreate stands before it."""
        wait(self._reached, "lvcreate")

    def _reached(self) -> bool:
        with contextlib.suppress(OSError):  # ENXIO: nobody reads
            self._writer = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        return self._writer is not None

    def open(self) -> None:
        """Let it go on, to its end."""
        self._path.unlink(missing_ok=True)
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None
            wait(lambda: not self._lvm.machine.pids("/sbin/lvcreate"), "the end of lvcreate")
