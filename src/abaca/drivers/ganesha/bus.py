"""The private message bus of one Ganesha.

The system bus refuses the names of second instances, and Ganesha then runs without any control.
The daemon runs in the root of its Ganesha and ends with it: no other
server reaches it, and abaca does so through the root of the server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abaca.drivers.confine.server import Entry, Text, program
from abaca.drivers.ganesha.bus_client import BusClient, BusFailure
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.processes import find_running, terminate

SOCKET = "/run/bus.sock"  # in the server's root
ADDRESS = f"unix:path={SOCKET}"

_TEXT = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{ADDRESS}</listen>
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


def entries(config: Path) -> tuple[Entry, ...]:
    """What the daemon needs in the server's root.  Its configuration exists only there."""
    return (program("dbus-daemon"), Text(str(config), _TEXT))


def command(config: Path) -> tuple[str, ...]:
    """Starts the daemon; ends when it listens."""
    return (find_program("dbus-daemon"), f"--config-file={config}", "--fork", "--nopidfile")


class MessageBus(BusClient):
    """Calls over the bus of the server that has this pid, if it runs."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        super().__init__()
        self._pid = pid

    @property
    def address(self) -> str:
        """Of the bus of the server that runs now.  BusFailure if none does."""
        pid = self._pid()
        if pid is None:
            raise BusFailure(reason="its server does not run")
        return f"unix:path=/proc/{pid}/root{SOCKET}"


def retire_shared(directory: Path) -> None:
    """End the daemon that earlier versions ran for all servers of a backend; absent is success."""
    config = str(directory / "bus.conf")
    pid = find_running(directory / "bus.pid", config)
    if pid is not None:
        terminate(pid, config, 5.0)
