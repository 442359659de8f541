"""Connections from nobody's client, and too many from a client: others go on."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from abaca.drivers.contract.records import Share
from attack import idle_connections
from attack.conftest import Wall
from storage.kit import Backend, Foreigner, rule, running, why_not

WALL = "connections"
PER_CLIENT = 64
PATIENCE = 30.0

pytestmark = [
    pytest.mark.storage,
    pytest.mark.skipif(
        why_not("NFS", "CIFS", "firewall") is not None,
        reason=str(why_not("NFS", "CIFS", "firewall")),
    ),
]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with running(local_protocols=["NFS", "CIFS"]) as backend:
        yield backend


@pytest.fixture
def machine() -> Iterator[Foreigner]:
    """Another machine, at an address that no other test has."""
    machine = Foreigner()
    try:
        yield machine
    finally:
        machine.destroy()


@dataclass
class Held:
    """Idle connections of another machine."""

    accepted: dict[str, int]  # by port

    @property
    def total(self) -> int:
        return sum(self.accepted.values())


@contextlib.contextmanager
def idle(machine: Foreigner, number: int, *ports: int, server: str = "") -> Iterator[Held]:
    """`number` connections to each port, held."""
    words = [str(idle_connections.FILE), server or machine.ours, str(number), *map(str, ports)]
    process = subprocess.Popen(
        ["ip", "netns", "exec", machine.namespace, sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield Held(json.loads(process.stdout.readline()))
    finally:
        process.communicate("\n", timeout=PATIENCE)


@dataclass
class Tenant:
    """Another tenant's client on this machine: writes and reads back all the time."""

    backend: Backend
    share: Share
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def round(self, reconnect: bool = True) -> None:
        """One more: mount, write, read."""
        start = time.monotonic()
        try:
            with self.backend.mount(self.share) as client:
                client.write("/round", b"1" * 4096)
                assert client.read("/round") == b"1" * 4096
        except OSError as problem:
            self.errors.append(str(problem))
        self.seconds.append(time.monotonic() - start)

    def rounds(self, number: int) -> float:
        """Their median time in ms."""
        self.seconds = []
        for _ in range(number):
            self.round()
        return median(self.seconds) * 1000

    @contextlib.contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Rounds during a block of code."""
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                self.round()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def tenant(backend: Backend) -> Tenant:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    return Tenant(backend, share)


def server_ports(backend: Backend) -> tuple[int, int, int]:
    """NFS, mount and SMB."""
    names = ("local_nfs_port", "local_mount_port", "local_smb_port")
    nfs, mount, smb = (int(backend.options[name]) for name in names)
    return nfs, mount, smb


def smbd(backend: Backend) -> int:
    exporter: Any = backend.driver.exporter("CIFS")
    assert exporter.server.pid
    return int(exporter.server.pid)


def children(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def seen_by_servers(machine: Foreigner) -> int:
    """Sockets of this machine that have the other one as peer, in whatever state but closing."""
    peer = "".join(f"{int(part):02X}" for part in reversed(machine.address.split(".")))
    lines = (Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()).splitlines()
    fields = [line.split() for line in lines]
    return sum(f[2].split(":")[0].endswith(peer) and f[3] == "01" for f in fields)


def test_no_server_sees_a_stranger(
    wall: Wall, backend: Backend, tenant: Tenant, machine: Foreigner, record_property: Any
) -> None:
    ports = server_ports(backend)
    smb = backend.share(protocol="CIFS")
    backend.allow(smb, rule("127.0.0.1"))
    before, processes = tenant.rounds(20), children(smbd(backend))
    tenant.seconds = []
    with tenant.meanwhile(), idle(machine, 1000, *ports) as held:
        for port in ports:
            for number in range(1000):
                wall.attempt(f"port {port}", got_through=number < held.accepted[str(port)])
        wall.attempt("a socket", got_through=seen_by_servers(machine) > 0)
        wall.attempt("a process of smbd", got_through=children(smbd(backend)) > processes)
        tenant.round()
    record_property("latency", f"{before:.1f} ms, attacked {median(tenant.seconds) * 1e3:.1f} ms")
    assert not tenant.errors
    wall.assert_held()
