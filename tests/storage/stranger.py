"""A client machine that must not get in, and knocks all the time: a program of its own.

    python stranger.py WAY SERVER PORT MOUNT_PORT LET_IN NEVER

WAY is nfs3, nfs4 or smb.  The stranger had a file of the share LET_IN open until he was denied;
NEVER has never let him in.  He says "ready" once he has shown that his ways lead in; a line on
standard input means that he is denied by now; at the next one he prints how often he has knocked
since, and how often each way led in: never, one hopes.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

from abaca.testing import nfs

FILE = "open"  # every share has it
PAUSE = 0.005  # seconds between knocks, for the others on this machine


class Way(Protocol):
    """How one tries; each says whether it led in."""

    def come(self, share: str) -> bool:
        """As a client that comes now."""

    def go_on(self) -> bool:
        """With the file of LET_IN that has been open all the time."""


class Nfs:
    def __init__(self, version: int, server: str, port: int, mount_port: int, share: str) -> None:
        self._version, self._server, self._ports = version, server, (port, mount_port)
        self._held = self._connect(share)  # without it, the file would be closed
        self._file = self._held.open(f"/{FILE}")

    def _connect(self, share: str) -> nfs.NfsClient:
        where = (self._server, f"/{share}", *self._ports)
        return nfs.connect(*where, seconds=2, version=self._version)

    def come(self, share: str) -> bool:
        with contextlib.suppress(OSError), self._connect(share) as client:
            client.read(f"/{FILE}")
            return True
        return False

    def go_on(self) -> bool:
        with contextlib.suppress(OSError):
            self._file.read()
            return True
        return False


class Smb:
    def __init__(self, server: str, port: int, share: str, folder: Path) -> None:
        self._words = ["smbclient", "-N", "-p", str(port)]
        self._server, self._folder, self._asked = server, folder, 0
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        command = [*self._words, f"//{server}/{share}"]
        self._held = subprocess.Popen(command, stdin=pipe, stdout=null, stderr=null, text=True)
        self.go_on()
        while not list(folder.iterdir()):
            assert self._held.poll() is None, "the session has ended"
            time.sleep(0.01)

    def close(self) -> None:
        self._held.kill()
        self._held.communicate()

    def come(self, share: str) -> bool:
        command = [*self._words, f"//{self._server}/{share}", "-c", f"get {FILE} -"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
            )
            return done.returncode == 0
        return False

    def go_on(self) -> bool:
        """Whether it has led in since it was asked last: the session answers when it can."""
        there = {path.name for path in self._folder.iterdir()}
        for name in there:
            (self._folder / name).unlink()
        with contextlib.suppress(BrokenPipeError):  # the server has ended the session
            self._asked += 1
            print(f"get {FILE} {self._folder}/{self._asked}", file=self._held.stdin, flush=True)
        return bool(there)


def main(name: str, server: str, port: str, mount_port: str, let_in: str, never: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ways: Way
        if name == "smb":
            ways = Smb(server, int(port), let_in, Path(folder))
        else:
            ways = Nfs(int(name[-1]), server, int(port), int(mount_port), let_in)
        assert ways.come(let_in) and not ways.come(never), "so it can be told who gets in"
        print("ready", flush=True)
        sys.stdin.readline()
        ways.go_on()  # what was asked for before does not count
        knocks, led_in = 0, Counter[str]()
        while not select.select([sys.stdin], [], [], PAUSE)[0]:
            knocks += 1
            led_in["a file open before"] += ways.go_on()
            led_in["come back"] += ways.come(let_in)
            led_in["never let in"] += ways.come(never)
        print(json.dumps({"knocks": knocks, **led_in}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
