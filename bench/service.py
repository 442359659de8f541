"""A running `abaca serve` on a database of its own, and a client that costs little."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from abaca.store.schema import LIVE
from support.postgres import Postgres, free_port, server

TICKS = os.sysconf("SC_CLK_TCK")
VERSION = "2.87"
ABACA = (sys.executable, "-m", "abaca")

CONF = """[DEFAULT]
state_path = {state}
host = bench
enabled_share_backends = fake
auth_strategy = none
osapi_share_listen = 127.0.0.1
osapi_share_listen_port = {port}
log_file = {state}/abaca.log
[database]
connection = {database}
[quota]
shares = -1
gigabytes = -1
snapshots = -1
snapshot_gigabytes = -1
[fake]
share_driver = abaca.drivers.fake.driver.FakeShareDriver
driver_handles_share_servers = False
share_backend_name = fake
fake_capacity_gb = 10000000
"""


LOCAL_CONF = """[DEFAULT]
state_path = {state}
host = bench
my_ip = 127.0.0.1
enabled_share_backends = local
auth_strategy = none
osapi_share_listen = 127.0.0.1
osapi_share_listen_port = {port}
log_file = {state}/abaca.log
[database]
connection = {database}
[local]
share_driver = abaca.drivers.local.driver.LocalShareDriver
driver_handles_share_servers = False
share_backend_name = local
local_pool_size_gb = 20
local_protocols = NFS
local_nfs_port = {nfs_port}
local_mount_port = {mount_port}
"""


class Service:
    """One abaca; `cpu()` is what it has used, `database_cpu()` what PostgreSQL has."""

    def __init__(
        self, state: Path, database: str, postgres: Postgres | None, template: str = CONF
    ) -> None:
        self.state, self.database, self.postgres = state, database, postgres
        self.template = template
        self.nfs_ports = {"nfs_port": free_port(), "mount_port": free_port()}
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it answers."""
        conf = self.state / "abaca.conf"
        values = {"state": self.state, "port": self.port, "database": self.database}
        conf.write_text(self.template.format(**values, **self.nfs_ports))
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [*ABACA, "--config-file", str(conf), "serve", "--quiet"],
            stdout=subprocess.DEVNULL,
        )
        while True:
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/healthcheck")
                if connection.getresponse().status == 200:
                    return time.monotonic() - begun
            if time.monotonic() - begun > 60 or self.process.poll() is not None:
                raise RuntimeError("abaca did not start; see its log")
            time.sleep(0.01)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)

    def cpu(self) -> float:
        """Seconds of CPU of abaca."""
        assert self.process is not None
        return _cpu(self.process.pid)

    def database_cpu(self) -> float:
        """Seconds of CPU of PostgreSQL, ended backends included."""
        if self.postgres is None:
            return 0.0
        pid = int((self.postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
        return _cpu(pid, children=True) + sum(_cpu(child) for child in _children(pid))

    def until_idle(self, seconds: float = 120.0) -> None:
        """Until no operation is left to be done.  Asks the database: a look costs abaca nothing."""
        deadline = time.monotonic() + seconds
        with psycopg.connect(self.database.replace("+psycopg", ""), autocommit=True) as conn:
            while conn.execute(f"SELECT 1 FROM operations WHERE {LIVE} LIMIT 1").fetchone():
                if time.monotonic() > deadline:
                    raise RuntimeError("operations are left undone")
                time.sleep(0.01)

    def memory(self) -> float:
        """PSS in MB."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        line = next(line for line in text.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024


def _cpu(pid: int, children: bool = False) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    end = 15 if children else 13
    return sum(int(ticks) for ticks in fields[11:end]) / TICKS


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


class Client:
    """One kept-alive connection."""

    def __init__(self, port: int, project: str = "b" * 32) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {
            "X-Auth-Token": f"bench:{project}:admin",
            "X-OpenStack-Manila-API-Version": VERSION,
            "Content-Type": "application/json",
        }

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, f"/v2{path}", body=data, headers=self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, text

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, text = self.call(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {text[:300]!r}")
        return json.loads(text) if text else None


@contextlib.contextmanager
def on_postgresql() -> Iterator[Service]:
    """abaca on a PostgreSQL of its own, with fsync on as it would run."""
    state = Path(tempfile.mkdtemp(prefix="abaca-bench-"))
    try:
        with server(fsync=True) as postgres:
            service = Service(state, postgres.database(), postgres)
            service.start()
            try:
                yield service
            finally:
                service.stop()
    finally:
        shutil.rmtree(state, ignore_errors=True)


@contextlib.contextmanager
def with_local_backend() -> Iterator[Service]:
    """abaca on SQLite with the local backend: btrfs, Ganesha, real NFS.  Needs root."""
    state = Path(tempfile.mkdtemp(prefix="abaca-bench-"))
    service = Service(state, f"sqlite:///{state}/abaca.sqlite", None, LOCAL_CONF)
    try:
        service.start()
        yield service
    finally:
        service.stop()
        subprocess.run(
            [*ABACA, "--config-file", str(state / "abaca.conf"), "serve", "--stop-exports"],
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        shutil.rmtree(state, ignore_errors=True)
