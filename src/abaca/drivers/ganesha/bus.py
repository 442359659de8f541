"""A private message bus for the Ganesha instances of one backend.

The system bus refuses the names of second instances, and Ganesha then runs without any control
(spec/local-storage.md §2).  The bus outlives abaca and is taken over by its pid file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from pathlib import Path

from abaca.drivers.ganesha.bus_client import THE_BUS, BusClient, BusFailure, CallRefused
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.processes import find_running, terminate, wait_until

SOCKET_PATH_LIMIT = 100  # a UNIX socket address holds 108 bytes, its end included
START_SECONDS = 10.0

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <pidfile>{pid_file}</pidfile>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <deny user="*"/>
    <allow user="root"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow eavesdrop="false"/>
  </policy>
  <limit name="reply_timeout">120000</limit>
</busconfig>
"""


class MessageBus(BusClient):
    """One dbus-daemon, and calls over it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pid_file = directory / "bus.pid"
        self.config = directory / "bus.conf"
        self.socket = directory / "bus.sock"
        if len(str(self.socket)) > SOCKET_PATH_LIMIT:
            short = hashlib.sha256(str(directory).encode()).hexdigest()[:16]
            self.socket = Path("/run/abaca") / f"{short}.sock"
        super().__init__(f"unix:path={self.socket}")
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The daemon's pid, None if it does not run."""
        return find_running(self.pid_file, str(self.config))

    def ensure(self) -> bool:
        """Start the daemon unless it runs.  True if it had to be started."""
        with self._lock:
            if self.pid is not None and self._answers():
                return False
            self.stop()
            private_directory(self.directory)
            private_directory(self.socket.parent)
            self.socket.unlink(missing_ok=True)
            self.pid_file.unlink(missing_ok=True)
            text = _CONFIG.format(socket=self.socket, pid_file=self.pid_file)
            write_atomic(self.config, text)
            self._spawn()
            if not wait_until(lambda: self.pid is not None and self._answers(), START_SECONDS):
                raise BusFailure(reason=f"dbus-daemon did not start in {START_SECONDS} s")
            return True

    def _spawn(self) -> None:
        command = [find_program("dbus-daemon"), f"--config-file={self.config}", "--fork"]
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            start_new_session=True,
            cwd="/",
            env=environment,
            check=False,
        )
        if result.returncode != 0:
            raise BusFailure(reason=result.stderr.strip()[:300])

    def stop(self) -> None:
        """End the daemon; absent is success."""
        pid = self.pid
        if pid is not None:
            terminate(pid, str(self.config), 5.0)

    def _answers(self) -> bool:
        try:
            self.call(THE_BUS, "GetId", seconds=5.0)
        except (BusFailure, CallRefused):
            return False
        return True
