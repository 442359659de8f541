"""A running abaca with real storage, the means to break it, and strangers that knock."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from abaca.drivers.ganesha.processes import wait_until
from abaca.testing import nfs
from storage import stranger
from storage.kit import Foreigner
from support.processes import Site

PATIENCE = 60.0  # seconds; a period is 0.5
PERIODS = "[abaca]\nreconcile_interval = 0.5\ndrift_interval = 0.5\n"


class Stranger:
    """A client machine that must not get in from `begin` on, see stranger.py."""

    def __init__(self, machine: Foreigner, way: str, *where: object) -> None:
        """where: the ports and names that the program takes."""
        words = [str(stranger.__file__), way, machine.ours, *map(str, where)]
        command = ["ip", "netns", "exec", machine.namespace, sys.executable, *words]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout
        self.shown = self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        self._say()

    def end(self) -> dict[str, int]:
        """How often he knocked, and how often each way led in."""
        self._say()
        output = self._process.communicate(timeout=PATIENCE)[0]
        found: dict[str, int] = json.loads(output)
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()


class Scene:
    """A running abaca with a few shares, and the means to break it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.process = site.serve()
        self.files: dict[str, Any] = {}  # of an allowed client, open all the time
        self.smb: list[str] = []  # CIFS shares

    # --- shares -----------------------------------------------------------------------------------
    def share(self, name: str) -> str:
        """One with a file that an allowed client keeps open."""
        share_id = self._made(name, "NFS")
        client = self.connect(share_id)
        client.write(f"/{stranger.FILE}", name.encode())
        self.files[share_id] = client.open(f"/{stranger.FILE}")
        return share_id

    def smb_share(self, name: str) -> str:
        share_id = self._made(name, "CIFS")
        self.path(share_id).joinpath(stranger.FILE).write_text(name)
        self.smb.append(share_id)
        return share_id

    def _made(self, name: str, proto: str) -> str:
        share_id = self.site.create(name, share_proto=proto)
        self.site.await_share(share_id)
        self.allow(share_id, "127.0.0.1")
        return share_id

    def allow(self, share_id: str, to: str) -> str:
        body = {"allow_access": {"access_type": "ip", "access_to": to, "access_level": "rw"}}
        rule = self.site.call("POST", f"/shares/{share_id}/action", body)["access"]["id"]
        self.await_(lambda: self.rules(share_id).get(to) == "active")
        return str(rule)

    def deny(self, share_id: str, rule: str, to: str) -> None:
        body = {"deny_access": {"access_id": rule}}
        self.site.call("POST", f"/shares/{share_id}/action", body)
        self.await_(lambda: to not in self.rules(share_id))

    def rules(self, share_id: str) -> dict[str, str]:
        found = self.site.call("GET", f"/share-access-rules?share_id={share_id}")
        return {rule["access_to"]: rule["state"] for rule in found["access_list"]}

    def instance(self, share_id: str) -> str:
        [found] = self.site.call("GET", f"/shares/{share_id}/export_locations")["export_locations"]
        return str(found["share_instance_id"])

    def name(self, share_id: str) -> str:
        """Under which it is exported."""
        return f"share-{self.instance(share_id)}"

    def port(self, of: str) -> int:
        """of: nfs, mount, smb."""
        return int(re.findall(rf"local_{of}_port = (\d+)", self.site.file.read_text())[0])

    def connect(self, share_id: str, version: int = 3) -> nfs.NfsClient:
        ports = self.port("nfs"), self.port("mount")
        return nfs.connect("127.0.0.1", f"/{self.name(share_id)}", *ports, version=version)

    def smb_command(self, share_id: str, *words: str) -> list[str]:
        server = f"//127.0.0.1/{self.name(share_id)}"
        return ["smbclient", "-N", "-p", str(self.port("smb")), server, *words]

    def reads_over_smb(self, share_id: str) -> bool:
        command = self.smb_command(share_id, "-c", f"get {stranger.FILE} -")
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        return done.returncode == 0

    def reads(self, share_id: str) -> bool:
        """Whether a client that comes now can read."""
        with contextlib.suppress(OSError), self.connect(share_id) as client:
            return bool(client.read(f"/{stranger.FILE}"))
        return False

    def lets_in(self, share_id: str) -> bool:
        """Whether a client that comes now can write, and another one read that over NFSv4; not
        while a server that has just started waits for the clients that it had before."""
        with contextlib.suppress(OSError), self.connect(share_id) as client:
            client.write("/new", b"1")
            with self.connect(share_id, version=4) as other:
                return other.read("/new") == b"1"
        return False

    # --- what is there ----------------------------------------------------------------------------
    @property
    def folder(self) -> Path:
        return self.site.state / "local" / "local"

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    def path(self, share_id: str) -> Path:
        return self.pool / "shares" / self.instance(share_id)

    def exports(self, share_id: str) -> Path:
        """The file that says how it is exported."""
        if share_id in self.smb:
            return next(self.folder.glob(f"*/shares/{self.name(share_id)}.json"))
        files = (self.folder / "ganesha/shard-0/exports").glob("*.conf")
        return next(f for f in files if self.instance(share_id) in f.read_text(errors="replace"))

    def servers(self, *words: str) -> list[int]:
        """Processes of this site's exports: ganesha.nfsd, dbus-daemon, smbd."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            program = os.path.basename(line[0].decode())  # noqa: PTH119
            if any(word in program for word in words) and str(
                self.site.state
            ).encode() in b" ".join(line):
                found.append(int(process.name))
        return found

    def await_(self, condition: Callable[[], bool]) -> None:
        assert wait_until(condition, PATIENCE, 0.05), self.site.said(self.process)[-3000:]

    def has_room(self) -> bool:
        """Whether the scheduler knows of room for another share."""
        [pool] = self.site.call("GET", "/scheduler-stats/pools/detail")["pools"]
        return float(pool["capabilities"]["free_capacity_gb"]) >= 1

    def looked_at(self) -> str:
        """When the last comparison ended; "": there was none."""
        return max((str(look["looked_at"]) for look in self._drift()["looks"]), default="")

    def _drift(self) -> Any:
        return self.site.call("GET", "/drift")

    def is_right(self, after: str) -> bool:
        """Whether a comparison that ended since then found nothing."""
        report = self._drift()
        [look] = report["looks"]
        return look["looked_at"] > after and look["problem"] is None and not report["drift"]

    def recovers(self) -> None:
        """Everything is as the database says, and open files go on."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        self.await_(lambda: self.looked_at() > now)  # that one may have begun before the blow
        first = self.looked_at()
        self.await_(lambda: self.is_right(after=first))
        assert accepts(self.port("nfs"))  # libnfs never comes back from a server that is not there
        for share_id, file in self.files.items():
            assert self.site.call("GET", f"/shares/{share_id}")["share"]["status"] == "available"
            self.await_(lambda file=file: goes_on(file))  # type: ignore[misc]
            self.await_(lambda share_id=share_id: self.lets_in(share_id))  # type: ignore[misc]
        for share_id in self.smb:
            self.await_(lambda share_id=share_id: self.reads_over_smb(share_id))  # type: ignore[misc]

    # --- blows ------------------------------------------------------------------------------------
    def kill(self, *words: str) -> None:
        pids = self.servers(*words)
        assert pids
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # smbd's children come and go
                os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), 10)

    def kill_abaca(self) -> None:
        self.site.stop(self.process, signal.SIGKILL)

    def start_abaca(self) -> None:
        self.process = self.site.serve()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def goes_on(file: Any) -> bool:
    try:
        file.write(b"0")
        return bool(file.read()[:1] == b"0")
    except OSError:
        return False
