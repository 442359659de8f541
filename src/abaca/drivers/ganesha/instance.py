"""One NFS-Ganesha process: started detached, taken over by a later abaca, never a child of it.

Its configuration is generated at every start from the exports it shall serve, so a crashed server
comes back whole.  Its bind mounts live in its own mount namespace and die with it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from abaca.drivers.contract import errors
from abaca.drivers.ganesha import guard, mounts, rpcbind
from abaca.drivers.ganesha.blocks import Block, render
from abaca.drivers.ganesha.bus import MessageBus
from abaca.drivers.ganesha.bus_client import BusFailure, CallRefused
from abaca.drivers.ganesha.control import BUS_NAME, ExportManager
from abaca.drivers.ganesha.export import Export
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.ports import check_free
from abaca.drivers.ganesha.processes import (
    find_running,
    read_pid,
    terminate,
    wait_for_end,
    wait_until,
)

LAUNCH_SECONDS = 15.0  # until the pid file is there
START_SECONDS = 120.0  # 500 bind mounts take 2-3 s; a loaded machine takes longer
STOP_SECONDS = 20.0
OPEN_FILES = 65536
STANDARD_PORT = 2049


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one instance."""

    nfs: int
    mount: int  # the MOUNT protocol of NFSv3

    def check_free(self) -> None:
        """BadConfigurationException if another program has one of them."""
        for port in (self.nfs, self.mount):
            check_free(port, "stop the other NFS server, or give this backend other ports")


@dataclass(frozen=True)
class Grace:
    """How long NFSv4 clients may reclaim their state after a restart; seconds."""

    period: int = 10
    lease: int = 10


class Instance:
    """One Ganesha: its directory, its ports, its process."""

    first_id = 1
    shared = False

    def __init__(
        self,
        directory: Path,
        bus: MessageBus,
        ports: Ports,
        grace: Grace | None = None,
        open_files: int = OPEN_FILES,
    ) -> None:
        self.directory = directory
        self.ports = ports
        self.bus = bus
        self.exports = ExportManager(bus, f"p{ports.nfs}.{BUS_NAME}")
        self.config = directory / "ganesha.conf"
        self.log = directory / "ganesha.log"
        self.pid_file = directory / "ganesha.pid"
        self.mount_root = directory / "mnt"
        self._guard = directory
        self._rpcbind = directory / "rpcbind.sock"
        self._prefix = f"p{ports.nfs}"
        self._grace = grace or Grace()
        self._open_files = open_files

    @property
    def pid(self) -> int | None:
        """The server's pid, None if it does not run."""
        return find_running(self.pid_file, str(self.config))

    def is_serving(self) -> bool:
        """Whether the process of the pid file is the one that answers on the bus."""
        pid = self.pid
        try:
            return pid is not None and self.exports.owner() == pid
        except BusFailure:
            return False

    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.pid is not None

    def path_of(self, export_id: int, name: str = "") -> str:
        """Where the server sees an export's directory."""
        return str(self.mount_root / str(export_id))

    def start(self, exports: Iterable[tuple[Export, str]]) -> list[Export]:
        """Start the server with these exports and their files.

        Returns the exports left out because their directory does not exist.  Raises
        GaneshaException if the server does not come up.
        """
        self.stop()
        self.ports.check_free()
        private_directory(self.directory)
        private_directory(self.mount_root)
        private_directory(self.directory / "recovery")
        self._guard = guard.library(self.directory)
        wanted = list(exports)
        self.pid_file.unlink(missing_ok=True)
        with rpcbind.stand_in(self._rpcbind):
            lost = mounts.in_new_namespace(lambda: self._launch(wanted))
            self._wait_until_serving()
        return lost

    def stop(self) -> None:
        """End the server; absent is success.  Takes about 2 s when it runs."""
        pid = self.pid
        if pid is not None:
            terminate(pid, str(self.config), STOP_SECONDS)
        wait_for_end(self.pid_file, STOP_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def bind(self, export: Export) -> None:
        """Show the export's source directory to the running server.  Repeating it is harmless."""
        if export.source:
            mounts.in_namespace_of(self._running(), lambda: _bind(export))

    def unbind(self, export: Export) -> None:
        """Take the export's directory out of the server's sight; absent is success."""
        pid = self.pid
        if export.source and pid is not None:
            mounts.in_namespace_of(pid, lambda: _unbind(export))

    @property
    def _registers(self) -> bool:
        """Only the server on the standard port is worth finding by a real rpcbind."""
        return self.ports.nfs == STANDARD_PORT and rpcbind.is_listening()

    def _running(self) -> int:
        pid = self.pid
        if pid is None:
            raise errors.GaneshaException(reason=f"the server of {self.directory} does not run")
        return pid

    def _launch(self, wanted: list[tuple[Export, str]]) -> list[Export]:
        """In the new mount namespace: bind mounts, then the process."""
        if not self._registers:
            rpcbind.replace(self._rpcbind)
        mounts.mount(
            "abaca",
            str(self.mount_root),
            "tmpfs",
            mounts.MS_NOSUID | mounts.MS_NODEV,
            "size=64k,nr_inodes=200000,mode=0700",
        )
        lost, files = [], []
        for export, file in wanted:
            try:
                _bind(export)
                files.append(file)
            except FileNotFoundError:
                lost.append(export)
        write_atomic(self.config, self._render(files))
        self._spawn()
        return lost

    def _spawn(self) -> None:
        command = [
            find_program("prlimit"),
            f"--nofile={_possible_files(self._open_files)}",
            find_program("ganesha.nfsd"),
            *("-f", str(self.config), "-p", str(self.pid_file), "-L", str(self.log)),
            *("-N", "NIV_EVENT"),
        ]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "LD_PRELOAD": str(self._guard),
        }
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=START_SECONDS,
            start_new_session=True,
            cwd="/",
            env=environment,
            check=False,
        )
        if result.returncode != 0:
            raise errors.GaneshaException(reason=f"{result.stderr[:300]} {self._last_words()}")

    def _wait_until_serving(self) -> None:
        def settled() -> bool:
            return self.is_serving() or self._died()

        launched = wait_until(self.pid_file.exists, LAUNCH_SECONDS)
        if not launched or not wait_until(settled, START_SECONDS) or not self.is_serving():
            raise errors.GaneshaException(reason=self._last_words())
        try:
            self.exports.show()
        except CallRefused as problem:  # it registered its name, then gave up
            raise errors.GaneshaException(reason=self._last_words()) from problem
        if not guard.is_loaded(self._running(), self._guard):
            self.stop()
            raise errors.GaneshaException(reason=f"the server runs without {self._guard}")

    def _died(self) -> bool:
        """It wrote its pid file and is gone.  A pid file still empty is one being written."""
        return read_pid(self.pid_file) is not None and self.pid is None

    def _last_words(self) -> str:
        """Why the server ended, from its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-40:]
            grave = [line for line in lines if ":FATAL :" in line or ":MAJ :" in line]
            if grave:
                return f"{grave[-1].rsplit(' :', 1)[-1].strip()} (log: {self.log})"
        return f"the server did not start (log: {self.log})"

    def _render(self, files: Iterable[str]) -> str:
        recovery = self.directory / "recovery"
        core = Block(
            "NFS_CORE_PARAM",
            (
                ("NFS_Port", self.ports.nfs),
                ("MNT_Port", self.ports.mount),
                ("Protocols", ("3", "4")),
                ("Enable_NLM", False),  # needs rpc.statd and rpcbind; v3 clients mount with nolock
                ("Enable_RQUOTA", False),
                ("Enable_UDP", False),
                ("mount_path_pseudo", True),
                ("Dbus_Name_Prefix", self._prefix),
            ),
        )
        version4 = Block(
            "NFSV4",
            (
                ("Graceless", not _has_clients(recovery)),
                ("Grace_Period", self._grace.period),
                ("Lease_Lifetime", self._grace.lease),
                ("Minor_Versions", ("0", "1", "2")),
                ("RecoveryBackend", "fs"),
                ("RecoveryRoot", str(recovery)),
                ("Only_Numeric_Owners", True),
            ),
        )
        defaults = Block(
            "EXPORT_DEFAULTS",
            (
                ("Access_Type", "None"),
                ("SecType", ("sys",)),
                # the file system is asked every time (a microsecond): a revert or a managed share
                # changes files behind the server's back
                ("Attr_Expiration_Time", 0),
            ),
        )
        text = "".join(render(block) for block in (core, version4, defaults))
        return text + "".join(f'%include "{file}"\n' for file in files)


def _possible_files(wanted: int) -> int:
    """The wanted number of open files, or this process's ceiling where it may not raise it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= wanted or not _may_raise_limits():
        return hard
    return min(wanted, int(Path("/proc/sys/fs/nr_open").read_text()))


def _may_raise_limits() -> bool:
    """CAP_SYS_RESOURCE, which containers often lack."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 24 & 1)
    return False


def _has_clients(recovery: Path) -> bool:
    """Whether an NFSv4 client of an earlier run may want its state back: v4recov/node0/<client>."""
    return any(recovery.glob("*/*/*"))


def _bind(export: Export) -> None:
    """In the server's namespace.  The guard keeps an empty mount point from being exported."""
    if not export.source:
        return
    source = Path(export.source).stat()
    target = Path(export.path)
    target.mkdir(mode=0o000, exist_ok=True)
    if _same(source, target.stat()):
        return
    mounts.bind(export.source, export.path)
    if not _same(source, target.stat()):
        raise errors.GaneshaException(reason=f"{export.path} does not show {export.source}")


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _unbind(export: Export) -> None:
    target = Path(export.path)
    with contextlib.suppress(OSError):  # not mounted
        mounts.unmount(export.path, mounts.MNT_DETACH)
    with contextlib.suppress(FileNotFoundError):
        target.rmdir()
