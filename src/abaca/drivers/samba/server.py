"""One smbd of our own: started detached, taken over by a later abaca."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.mounts import bind, in_new_namespace
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
DIRECTORIES = ("private", "lock", "state", "cache", "pid", "ncalrpc", "winbind", "log", "etc")
MAX_PROCESSES = 1000  # one for each connection; about 2 MB each
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
    "max smbd processes": str(MAX_PROCESSES),
    "deadtime": str(IDLE_MINUTES),
    "log level": "1",
    "max log size": "5000",
    "registry shares": "yes",
    "include": "registry",
}


class SambaFailure(errors.ShareBackendException):
    """Samba failed: {msg}"""


class SmbServer:
    """The daemon and its configuration, all of it below one directory."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.config = directory / "smb.conf"
        self.pid_file = directory / "pid" / "smbd.pid"

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
        for name in DIRECTORIES:
            private_directory(self.directory / name)
        (self.directory / "ncalrpc").chmod(0o755)  # Samba insists
        (self.directory / "winbind").chmod(0o755)
        (self.directory / "etc").chmod(0o755)
        text = self._render()
        if not self.config.exists() or self.config.read_text() != text:
            write_atomic(self.config, text)

    def start(self) -> None:
        """Start the daemon; SambaFailure if it does not accept connections."""
        self.prepare()
        if self.pid is not None:
            return
        self.check_port()
        self.pid_file.unlink(missing_ok=True)
        result = in_new_namespace(self._launch)
        if result.returncode != 0 or not wait_until(self._accepts, START_SECONDS):
            raise SambaFailure(
                msg=f"smbd did not start: {result.stderr.strip()[:300]} (log: {self.directory}/log)"
            )

    def _launch(self) -> subprocess.CompletedProcess[str]:
        bind(str(self.directory / "etc"), "/etc")  # smbd's users are not those of the host
        return subprocess.run(
            [find_program("smbd"), "--daemon", f"--configfile={self.config}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            start_new_session=True,
            cwd="/",
            check=False,
        )

    def stop(self) -> None:
        """End the daemon; absent is success."""
        pid = self.pid
        if pid is not None:
            terminate(pid, str(self.config), STOP_SECONDS)
        wait_for_end(self.pid_file, STOP_SECONDS)

    def run(self, program: str, *arguments: str, text: str = "") -> str:
        """One of Samba's commands on this configuration: its output.  SambaFailure."""
        command = [find_program(program), *arguments, f"--configfile={self.config}"]
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
            raise SambaFailure(msg=f"{program} {' '.join(arguments[:3])}: {said}")
        return result.stdout

    def connected(self, share: str) -> set[int]:
        """The processes that serve a client of this share.  SambaFailure."""
        connections = json.loads(self.run("smbstatus", "--shares", "--json"))["tcons"].values()
        return {int(c["server_id"]["pid"]) for c in connections if c["service"] == share}

    def end_sessions(self, logins: Collection[str]) -> None:
        """End the connections on which one of these users has logged in.  SambaFailure."""
        if self.pid is None or not logins:
            return
        sessions = json.loads(self.run("smbstatus", "--processes", "--json"))["sessions"].values()
        for process in {int(s["server_id"]["pid"]) for s in sessions if s["username"] in logins}:
            self._shut_down(process)

    def _shut_down(self, process: int) -> None:
        self.run("smbcontrol", str(process), "shutdown")
        if not wait_until(lambda: not is_running(process, str(self.config)), STOP_SECONDS):
            raise SambaFailure(msg=f"process {process} of smbd did not end")

    def ping(self, process: int) -> None:
        """Wait until a process has handled its messages, or has ended.  SambaFailure."""
        try:
            self.run("smbcontrol", str(process), "ping")
        except SambaFailure:
            if Path(f"/proc/{process}").exists():
                raise

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
