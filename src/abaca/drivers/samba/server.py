"""One smbd of our own: started detached, taken over by a later abaca."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from abaca.drivers.confine import running
from abaca.drivers.confine import server as confine
from abaca.drivers.confine.server import Bind
from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.ports import check_free, is_listening
from abaca.drivers.ganesha.processes import (
    find_running,
    is_running,
    terminate,
    wait_for_end,
    wait_until,
)

START_SECONDS = 30.0
STOP_SECONDS = 10.0
COMMAND_SECONDS = 60.0
WRITABLE = ("private", "lock", "state", "cache", "pid", "ncalrpc", "winbind", "log")
READABLE = ("etc", "places")
# On files it acts as root, as rules say who may do what; on anything else it cannot act.  With
# DAC_READ_SEARCH it could open any file of a file system by its handle, wherever its root is.
CAPABILITIES = frozenset(
    {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "NET_BIND_SERVICE", "SETGID", "SETUID"}
)
OWN_PROCESSES = 8  # of smbd, besides one for each connection
IDLE_MINUTES = 15  # a connection without an open file is closed then; clients connect again

_GLOBAL: Mapping[str, str] = {
    "server role": "standalone server",
    "disable netbios": "yes",
    "server min protocol": "SMB2",
    "map to guest": "Bad User",
    "guest account": "nobody",
    "load printers": "no",
    "printing": "bsd",
    "printcap name": "/dev/null",
    "disable spoolss": "yes",
    "usershare max shares": "0",
    "multicast dns register": "no",
    "allow insecure wide links": "no",
    # Without helpers there are no RPC services (srvsvc, samr, lsarpc, winreg, svcctl ...): nobody
    # lists shares or users, and nothing on this machine is managed over SMB.
    "rpc start on demand helpers": "no",
    "host msdfs": "no",
    "invalid users": "root",
    "deadtime": str(IDLE_MINUTES),
    "log level": "1",
    "max log size": "5000",
    "registry shares": "yes",
    "include": "registry",
}


class SambaFailure(errors.ShareBackendException):
    """Samba failed: {msg}"""


class SmbServer:
    """The daemon and its configuration, all of it below one directory.

    It is confined: of the machine it sees its libraries, and of the storage the directories that
    it shares, each at a place of its own below `places`.
    """

    def __init__(self, directory: Path, port: int, connections: int) -> None:
        """connections: of all clients."""
        self.directory = directory
        self.port = port
        self.connections = connections
        self.config = directory / "smb.conf"
        self.pid_file = directory / "smbd.pid"
        self.places = directory / "places"

    @property
    def pid(self) -> int | None:
        """The daemon's pid, None if it does not run."""
        return find_running(self.pid_file, str(self.config))

    def prepare(self) -> None:
        """Make the directories and the configuration."""
        if (
            any(mark in str(self.directory) for mark in '%"\\\n')
            or not str(self.directory).isascii()
        ):
            raise errors.BadConfigurationException(
                reason=f"the state directory {self.directory} has a character Samba cannot take"
            )
        for name in (*WRITABLE, *READABLE):
            private_directory(self.directory / name)
        for name in ("ncalrpc", "winbind", "etc"):
            (self.directory / name).chmod(0o755)  # Samba insists
        (self.directory / "etc" / "ld.so.cache").touch()  # the machine's is shown here
        text = self._render()
        if not self.config.exists() or self.config.read_text() != text:
            write_atomic(self.config, text)

    def start(self, shares: Mapping[str, str]) -> None:
        """Start the daemon with these shares' directories; SambaFailure if it does not accept
        connections."""
        self.prepare()
        if self.pid is not None:
            return
        self._end_unconfined()
        self.check_port()
        self.pid_file.unlink(missing_ok=True)
        shown = {name: source for name, source in shares.items() if Path(source).is_dir()}
        self._make_places(shown)
        confine.start(self._confined(shown))
        ready = wait_until(lambda: self._accepts() or self.pid is None, START_SECONDS)
        if not ready or self.pid is None:
            raise SambaFailure(msg=f"smbd did not start (log: {self.directory}/log)")

    def stop(self) -> None:
        """End the daemon; absent is success."""
        pid = self.pid
        if pid is not None:
            terminate(pid, str(self.config), STOP_SECONDS)
        wait_for_end(self.pid_file, STOP_SECONDS)

    def place(self, name: str) -> Path:
        """Where the daemon sees a share's directory."""
        return self.places / name

    def show(self, name: str, source: str) -> None:
        """Show a share's directory to the daemon, if both are there.  May be repeated."""
        pid = self.pid
        if pid is not None and Path(source).is_dir():
            self.place(name).mkdir(mode=0, exist_ok=True)
            running.show(pid, _bind(source, self.place(name)))

    def shows(self, name: str, source: str) -> bool:
        """Whether the daemon sees this directory as the share's."""
        try:
            seen = Path(f"/proc/{self.pid}/root{self.place(name)}").stat()
            wanted = Path(source).stat()
        except OSError:
            return False
        return (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino)

    def hide(self, name: str) -> None:
        """Take a share's directory out of the daemon's sight; absent is success."""
        pid = self.pid
        if pid is not None:
            running.hide(pid, str(self.place(name)))
        with contextlib.suppress(FileNotFoundError):
            self.place(name).rmdir()

    def _confined(self, shares: Mapping[str, str]) -> confine.Server:
        """The daemon, and all it may see."""
        programs = ("smbd", "smbcontrol", "smbstatus")
        return confine.Server(
            directory=self.directory,
            entries=(
                Bind(self.directory / "etc", "/etc"),  # its users are not those of the host
                *confine.libraries(),
                confine.device("/dev/null"),
                *map(confine.program, programs),
                Bind(self.config),
                Bind(self.places),
                *(Bind(self.directory / name, writable=True) for name in WRITABLE),
                *(_bind(source, self.place(name)) for name, source in shares.items()),
            ),
            command=(
                *(find_program("smbd"), "--foreground", "--no-process-group"),
                f"--configfile={self.config}",
            ),
            capabilities=CAPABILITIES,
            pid_file=self.pid_file,
            log=self.directory / "output",  # not where smbd could put a link in its place
        )

    def _make_places(self, names: Collection[str]) -> None:
        """The mount points of these shares, and no others."""
        for place in self.places.iterdir():
            if place.name not in names:
                place.rmdir()
        for name in names:
            self.place(name).mkdir(mode=0, exist_ok=True)

    def _end_unconfined(self) -> None:
        """End a daemon of an earlier version, which had no root of its own."""
        old = find_running(self.directory / "pid" / "smbd.pid", str(self.config))
        if old is not None and running.inner_pid(old) is None:
            os.killpg(os.getpgid(old), signal.SIGKILL)  # its children serve clients
            wait_until(lambda: not is_running(old, str(self.config)), STOP_SECONDS)

    def run(
        self,
        program: str,
        *arguments: str,
        text: str = "",
        instead: Mapping[str, Path] = MappingProxyType({}),
    ) -> str:
        """One of Samba's commands on this configuration: its output.  SambaFailure.

        instead: files of the machine, and which the command sees in their place.
        """
        full = (*arguments, f"--configfile={self.config}")
        work = partial(self._finish, program, *full, text=text)
        return running.beside(self.directory, work, instead)

    def run_inside(self, program: str, *arguments: str) -> str:
        """As `run`, beside the running daemon: its processes have other numbers out here."""
        enter = (f"--target={self.pid}", "--mount", "--pid", "--", find_program(program))
        return self._finish("nsenter", *enter, *arguments, f"--configfile={self.config}")

    def _finish(self, program: str, *arguments: str, text: str = "") -> str:
        command = [find_program(program), *arguments]
        try:
            result = subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise SambaFailure(msg=f"{program} took over {COMMAND_SECONDS:.0f} s") from problem
        if result.returncode != 0:
            said = (result.stderr or result.stdout).strip()[:300]
            raise SambaFailure(msg=f"{program} {' '.join(arguments)[:200]}: {said}")
        return result.stdout

    def disconnect(self, share: str) -> None:
        """End every client's connection to the share; none of them gets anything done after this.

        A process of smbd handles its messages in order, so one that answers a ping has already
        handled what was sent before it.
        """
        if self.pid is None:
            return
        self.run_inside("smbcontrol", "smbd", "close-share", share)
        for process in self._serving(share):
            try:
                self.run_inside("smbcontrol", process, "ping")
            except SambaFailure:
                if process in self._serving(share):
                    raise

    def end_sessions(self, logins: Collection[str]) -> None:
        """End the connections on which one of these users has logged in.  SambaFailure."""
        if self.pid is None or not logins:
            return
        for process in self._sessions_of(logins):
            self.run_inside("smbcontrol", process, "shutdown")
        if not wait_until(lambda: not self._sessions_of(logins), STOP_SECONDS):
            raise SambaFailure(msg=f"sessions of {', '.join(logins)} did not end")

    def _serving(self, share: str) -> set[str]:
        """The processes that serve a client of this share.  SambaFailure."""
        found = json.loads(self.run_inside("smbstatus", "--shares", "--json"))["tcons"].values()
        return {c["server_id"]["pid"] for c in found if c["service"] == share}

    def _sessions_of(self, logins: Collection[str]) -> set[str]:
        found = json.loads(self.run_inside("smbstatus", "--processes", "--json"))["sessions"]
        return {s["server_id"]["pid"] for s in found.values() if s["username"] in logins}

    def _accepts(self) -> bool:
        """By the kernel's table: a connection would need a rule for this machine."""
        return self.pid is not None and is_listening(self.port)

    def check_port(self) -> None:
        """BadConfigurationException if it does not run and another program has its port."""
        if self.pid is None:
            wait_for_end(self.pid_file, STOP_SECONDS)
            check_free(
                self.port,
                "stop the other SMB server, set local_smb_port, or take CIFS out of "
                "local_protocols",
            )

    def _render(self) -> str:
        own = {
            "smb ports": str(self.port),
            "max smbd processes": str(self.connections + OWN_PROCESSES),
            "private dir": str(self.directory / "private"),
            "passdb backend": f"tdbsam:{self.directory}/private/passdb.tdb",
            "lock directory": str(self.directory / "lock"),
            "state directory": str(self.directory / "state"),
            "cache directory": str(self.directory / "cache"),
            "pid directory": str(self.directory / "pid"),
            "ncalrpc dir": str(self.directory / "ncalrpc"),
            "winbindd socket directory": str(self.directory / "winbind"),
            "log file": str(self.directory / "log" / "smbd.log"),
        }
        lines = [f"\t{key} = {value}" for key, value in (own | dict(_GLOBAL)).items()]
        return "[global]\n" + "\n".join(lines) + "\n"


def _bind(source: str, place: Path) -> Bind:
    """As the daemon sees it: what clients write there is data, never a program or a device, and
    links in it lead nowhere."""
    return Bind(source, place, writable=True, links=False)
