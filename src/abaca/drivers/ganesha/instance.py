"""One NFS-Ganesha process: started confined, taken over by a later abaca, never a child of it.

Its configuration is generated at every start from the exports it shall serve, so a crashed server
comes back whole.  It lives in a root of its own (abaca.drivers.confine), which dies with it.  What
it sees there has the same paths as outside.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from abaca.drivers.confine import running
from abaca.drivers.confine import server as confine
from abaca.drivers.confine.server import Bind, Entry, Link, MountTable, Tmpfs
from abaca.drivers.contract import errors
from abaca.drivers.ganesha import bus, guard, rpcbind
from abaca.drivers.ganesha.blocks import Block, render
from abaca.drivers.ganesha.bus_client import BusFailure, CallRefused
from abaca.drivers.ganesha.control import BUS_NAME, ExportManager
from abaca.drivers.ganesha.export import Export
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.ports import check_free
from abaca.drivers.ganesha.processes import (
    find_running,
    terminate,
    wait_for_end,
    wait_until,
)

START_SECONDS = 120.0  # 500 bind mounts take 2-3 s; a loaded machine takes longer
STOP_SECONDS = 20.0
STANDARD_PORT = 2049
CONNECTIONS = 4096
LARGEST_DATA = 1 << 20  # bytes in a READ or WRITE; export_guard.c refuses longer requests
OPENS_PER_CLIENT = 10000  # a sixth of the open files of an instance
CAPABILITIES = frozenset(
    {
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",  # open_by_handle_at
        "FOWNER",
        "FSETID",
        "MKNOD",
        "SETGID",  # files are made with the credentials of the client's user
        "SETUID",
    }
)
FIRST_FREE_PORT = 1024  # lower ones need NET_BIND_SERVICE
_READ = ("/etc/netconfig", "/etc/localtime", "/etc/idmapd.conf")


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one instance."""

    nfs: int
    mount: int  # the MOUNT protocol of NFSv3

    def check_free(self) -> None:
        """BadConfigurationException if another program has one of them."""
        for port in (self.nfs, self.mount):
            check_free(port, "stop the other NFS server, or give this backend other ports")

    def are_free(self) -> bool:
        """Whether no program has one of them."""
        try:
            self.check_free()
        except errors.BadConfigurationException:
            return False
        return True


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
        ports: Ports,
        grace: Grace | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self.directory = directory
        self.ports = ports
        self.config = directory / "ganesha.conf"
        self.log = directory / "ganesha.log"
        self.pid_file = directory / "ganesha.pid"
        self.mount_root = directory / "mnt"
        self.bus = bus.MessageBus(lambda: self.pid)
        self.exports = ExportManager(self.bus, f"p{ports.nfs}.{BUS_NAME}")
        self._bus_config = directory / "bus.conf"
        self._recovery = directory / "recovery"
        self._guard = directory
        self._rpcbind = directory / "rpcbind.sock"
        self._prefix = f"p{ports.nfs}"
        self._grace = grace or Grace()
        self._connections = connections

    @property
    def pid(self) -> int | None:
        """The server's pid, None if it does not run."""
        return find_running(self.pid_file, str(self.config))

    def is_serving(self) -> bool:
        """Whether the process of the pid file is confined, and answers on its bus.

        A server that an earlier version started is not confined; it is to be started again.
        """
        pid = self.pid
        inner = running.inner_pid(pid) if pid is not None else None
        try:
            return inner is not None and self.exports.owner() == inner
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
        for directory in (self.directory, self.mount_root, self._recovery):
            private_directory(directory)
        self._guard = guard.library(self.directory.parent)  # one for all servers of a backend
        wanted = list(exports)
        lost = [export for export, _ in wanted if not _has_source(export)]
        served = {export: file for export, file in wanted if export not in lost}
        self._make_places(served)
        write_atomic(self.config, self._render(served.values()))
        self.pid_file.unlink(missing_ok=True)
        with rpcbind.stand_in(self._rpcbind):
            confine.start(self._confined(served))
            self._wait_until_serving()
        return lost

    def stop(self, at_once: bool = False) -> None:
        """End the server; absent is success.  Takes about 2 s when it runs.

        at_once: without any time to end its work; for one that serves nothing.
        """
        pid = self.pid
        if pid is not None:
            terminate(pid, str(self.config), STOP_SECONDS, at_once)
        wait_for_end(self.pid_file, STOP_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def bind(self, export: Export) -> None:
        """Show the export's source directory to the running server.  Repeating it is harmless."""
        if export.source:
            _make_place(export)
            running.show(self._running(), _bind(export))

    def unbind(self, export: Export) -> None:
        """Take the export's directory out of the server's sight; absent is success."""
        pid = self.pid
        if export.source and pid is not None:
            running.hide(pid, export.path)
            _remove_place(Path(export.path))

    @property
    def _registers(self) -> bool:
        """Only the server on the standard port is worth finding by a real rpcbind."""
        return self.ports.nfs == STANDARD_PORT and rpcbind.is_listening()

    def _running(self) -> int:
        pid = self.pid
        if pid is None:
            raise errors.GaneshaException(reason=f"the server of {self.directory} does not run")
        return pid

    def _make_places(self, exports: Iterable[Export]) -> None:
        """The mount points of these exports, and no others."""
        names = {Path(export.path).name for export in exports}
        for place in self.mount_root.iterdir():
            if place.name not in names:
                _remove_place(place)
        for export in exports:
            if export.source:
                _make_place(export)

    def _confined(self, exports: Iterable[Export]) -> confine.Server:
        """The server, and all it may see."""
        command = (
            *(find_program("ganesha.nfsd"), "-F", "-f", str(self.config), "-p", "/run/ganesha.pid"),
            *("-L", str(self.log), "-N", "NIV_EVENT"),
        )
        return confine.Server(
            directory=self.directory,
            entries=(*self._system(), *self._own(), *map(_bind, exports)),
            command=command,
            first=(bus.command(self._bus_config),),
            environment=self._environment(),
            capabilities=CAPABILITIES | self._for_ports(),
            pid_file=self.pid_file,
            log=self.log,
        )

    def _environment(self) -> dict[str, str]:
        return {"DBUS_SYSTEM_BUS_ADDRESS": bus.ADDRESS, "LD_PRELOAD": str(self._guard)}

    def _for_ports(self) -> set[str]:
        low = min(self.ports.nfs, self.ports.mount) < FIRST_FREE_PORT
        return {"NET_BIND_SERVICE"} if low else set()

    def _system(self) -> tuple[Entry, ...]:
        """What it needs of the machine."""
        return (
            *confine.libraries(),
            *confine.users(),
            *(Bind(file) for file in _READ if Path(file).exists()),
            MountTable(),
            confine.device("/dev/null"),
            Tmpfs("/run", size="64k"),
            Tmpfs("/tmp", size="64k"),  # Ganesha tries file locks there
            Link("/var/run", "/run"),
            Bind(rpcbind.SOCKET if self._registers else self._rpcbind, rpcbind.SOCKET),
            confine.program("ganesha.nfsd"),
            *bus.entries(self._bus_config),
        )

    def _own(self) -> tuple[Entry, ...]:
        """Its own files."""
        self.log.touch(mode=0o600)
        return (
            Bind(self.config),
            Bind(self.directory / "exports"),
            Bind(self.mount_root),
            Bind(self._guard, executable=True),
            Bind(self._recovery, writable=True),
            Bind(self.log, writable=True),
        )

    def _wait_until_serving(self) -> None:
        def settled() -> bool:
            return self.is_serving() or self.pid is None

        if not wait_until(settled, START_SECONDS) or not self.is_serving():
            raise errors.GaneshaException(reason=self._last_words())
        try:
            self.exports.show()
        except CallRefused as problem:  # it registered its name, then gave up
            raise errors.GaneshaException(reason=self._last_words()) from problem
        if not guard.is_loaded(self._running(), self._guard):
            self.stop()
            raise errors.GaneshaException(reason=f"the server runs without {self._guard}")

    def _last_words(self) -> str:
        """Why the server ended, from its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-40:]
            grave = [line for line in lines if ":FATAL :" in line or ":MAJ :" in line]
            if grave:
                return f"{grave[-1].rsplit(' :', 1)[-1].strip()} (log: {self.log})"
        return f"the server did not start (log: {self.log})"

    def _render(self, files: Iterable[str]) -> str:
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
                # a connection too many is closed by Ganesha after it was accepted; the connection
                # filter refuses it before
                ("RPC_Max_Connections", self._connections),
            ),
        )
        version4 = Block(
            "NFSV4",
            (
                ("Graceless", not _has_clients(self._recovery)),
                ("Grace_Period", self._grace.period),
                ("Lease_Lifetime", self._grace.lease),
                ("Minor_Versions", ("0", "1", "2")),
                ("RecoveryBackend", "fs"),
                ("RecoveryRoot", str(self._recovery)),
                ("Only_Numeric_Owners", True),
                # Ganesha 4 does not know it, and warns
                ("Max_Open_States_Per_Client", OPENS_PER_CLIENT),
            ),
        )
        file_system = Block("VFS", (("maxread", LARGEST_DATA), ("maxwrite", LARGEST_DATA)))
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
        text = "".join(render(block) for block in (core, version4, file_system, defaults))
        return text + "".join(f'%include "{file}"\n' for file in files)


def _has_clients(recovery: Path) -> bool:
    """Whether an NFSv4 client of an earlier run may want its state back: v4recov/node0/<client>."""
    return any(recovery.glob("*/*/*"))


def _has_source(export: Export) -> bool:
    return not export.source or Path(export.source).is_dir()


def _bind(export: Export) -> Bind:
    """As the server sees it: what clients write there is data, never a program or a device."""
    return Bind(export.source, export.path, writable=True, links=False)


def _make_place(export: Export) -> None:
    """A directory that shows nothing and takes nothing until something is bound there."""
    Path(export.path).mkdir(mode=0o000, exist_ok=True)


def _remove_place(place: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        place.rmdir()
