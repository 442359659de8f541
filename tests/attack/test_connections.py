"""Connections from nobody's client, and too many from a client: others go on."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from abaca.drivers.contract.records import Share
from abaca.drivers.firewall.filter import table_name
from abaca.drivers.firewall.nftables import Nftables
from abaca.drivers.ganesha.clients import Client
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local.cifs import reachable_from
from abaca.drivers.samba.rules import Rules
from attack import idle_connections, nfs4
from attack.conftest import Wall
from attack.onc_rpc import u32
from storage.kit import CONTEXT, Backend, Foreigner, rule, running, why_not

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

    def round(self) -> None:
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
    record_property("latency", f"{before:.1f} ms, attacked {median(tenant.seconds) * 1e3:.1f} ms")
    assert not tenant.errors
    wall.assert_held()


@pytest.mark.parametrize("family", [4, 6])
def test_a_client_has_so_many_connections_and_others_go_on(
    wall: Wall, backend: Backend, tenant: Tenant, machine: Foreigner, family: int
) -> None:
    server, address = (
        (machine.ours, machine.address) if family == 4 else (machine.ours6, machine.address6)
    )
    nfs, _, smb = server_ports(backend)
    for protocol in ("NFS", "CIFS"):
        backend.allow(backend.share(protocol=protocol), rule(address))
    before = children(smbd(backend))
    with idle(machine, 300, nfs, smb, server=server) as held:
        for number in range(300):
            wall.attempt("NFS", got_through=PER_CLIENT <= number < held.accepted[str(nfs)])
            wall.attempt("SMB", got_through=PER_CLIENT <= number < held.accepted[str(smb)])
        assert held.total == 2 * PER_CLIENT, "its connections are its own up to the limit"
        assert children(smbd(backend)) <= before + PER_CLIENT
        tenant.rounds(5)
    assert not tenant.errors
    with idle(machine, PER_CLIENT, nfs, server=server) as held:
        assert held.total == PER_CLIENT, "what was closed is not counted"
    wall.assert_held()


def test_smb_without_address_rules_is_open_and_limited(
    wall: Wall, backend: Backend, machine: Foreigner
) -> None:
    _, _, smb = server_ports(backend)
    share = backend.share(protocol="CIFS")
    exporter: Any = backend.driver.exporter("CIFS")
    name = f"share-{share['id']}"
    exporter.export(name, str(backend.driver.share_path(share["id"])))
    with exporter._connections.changing(
        exporter._server, name, reachable_from(Rules(users={"somebody": True}))
    ):
        pass
    with idle(machine, 300, smb) as held:
        for number in range(300):
            wall.attempt("SMB", got_through=PER_CLIENT <= number < held.total)
        assert held.total == PER_CLIENT
    backend.driver.reconcile()  # the file says that nobody has a rule
    with idle(machine, 10, smb) as held:
        wall.attempt("SMB", got_through=held.total > 0)
    wall.assert_held()


def connects(machine: Foreigner, port: int) -> bool:
    with idle(machine, 1, port) as held:
        return held.total == 1


def test_the_table_keeps_step_with_the_rules(
    wall: Wall, backend: Backend, machine: Foreigner
) -> None:
    nfs, mount, _ = server_ports(backend)
    share, twin = backend.share(), backend.share()
    for port in (nfs, mount):
        wall.attempt("before a rule", got_through=connects(machine, port))
        backend.allow(share, rule(machine.address))
        assert connects(machine, port)
        backend.allow(share)
        wall.attempt("after a rule", got_through=connects(machine, port))
    backend.allow(share, rule(machine.address))
    backend.allow(twin, rule(f"{machine.address}/24"))
    backend.allow(share)
    assert connects(machine, nfs), "a rule of another share admits it"
    backend.delete(twin)
    wall.attempt("after the last share", got_through=connects(machine, nfs))
    wall.assert_held()


def test_a_removed_table_is_restored(wall: Wall, backend: Backend, machine: Foreigner) -> None:
    nfs, _, _ = server_ports(backend)
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    table = table_name(backend.driver.state)
    for harm in (
        f"delete table {table}",
        f"flush chain {table} input",
        f"add element {table} nfs{nfs}_hosts4 {{ {machine.address} }}",
        f"add rule {table} nfs{nfs} accept",
    ):
        Nftables().run(harm)
        backend.driver.reconcile()
        wall.attempt(harm, got_through=connects(machine, nfs))
        with backend.mount(share) as client:
            client.write("/x", b"1")
    Nftables().run(f"flush set {table} nfs{nfs}_hosts4")
    assert not _exported(backend, share), "the look for drift tells that no client gets in"
    backend.driver.reconcile()
    assert _exported(backend, share)
    Nftables().run(f"delete table {table}")
    other = backend.share()
    backend.allow(other, rule(machine.address))
    assert connects(machine, nfs)
    backend.allow(other)
    wall.attempt("a change of rules restores it, too", got_through=connects(machine, nfs))
    wall.assert_held()


def _exported(backend: Backend, share: Share) -> bool:
    [found] = [i for i in backend.driver.get_inventory(CONTEXT) if i["id"] == share["id"]]
    return bool(found["exported"])


@pytest.mark.parametrize("allowed", [True, False])
def test_killed_between_the_file_and_the_table(
    wall: Wall, machine: Foreigner, allowed: bool
) -> None:
    """The file is written, the server may have been told, the process is gone: as if at any of
    these points, a new process makes the table what the files say."""
    with running() as own:
        nfs = int(own.options["local_nfs_port"])
        share = own.share()
        own.allow(share, *([] if allowed else [rule(machine.address)]))
        exporter: Any = own.driver.exporter("NFS")
        clients = [Client(ip_network(machine.address), True)] if allowed else []
        exporter.shards.set_clients(f"share-{share['id']}", clients)  # and not the table
        own.restart()
        assert connects(machine, nfs) is allowed
        wall.attempt("a rule that is gone", got_through=not allowed and connects(machine, nfs))
    wall.attempt(
        "the table is left", Nftables().list_table(table_name(own.driver.state)) is not None
    )
    wall.assert_held()


# --- what one client may hold of a server -------------------------------------------------------
@pytest.fixture(scope="module")
def crowded() -> Iterator[Backend]:
    """A backend where one address may have many connections."""
    with running(local_connections_per_client=5000) as backend:
        yield backend


@pytest.fixture
def apart() -> Iterator[Backend]:
    """A backend where each share has a Ganesha of its own."""
    with running(local_exports_per_ganesha=1) as backend:
        yield backend


def allowed_share(backend: Backend, address: str) -> Share:
    share = backend.share()
    backend.allow(share, rule(address))
    return share


def ganesha(backend: Backend, share: Share) -> int:
    """The process that serves a share."""
    port, _ = backend.nfs_port(f"share-{share['id']}")
    exporter: Any = backend.driver.exporter("NFS")
    [pid] = [t.server.pid for t in exporter.shards.tables() if t.server.ports.nfs == port]
    return int(pid)


def memory(pid: int) -> int:
    """Resident, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) >> 10


MIB = b"x" * (1 << 20)
LAST = 1 << 31
RECORDS = {
    "2 GiB announced": (u32(LAST | 0x7FFFFFFF), MIB),
    "endless fragments": (b"", u32(1 << 20) + MIB),
    "endless small fragments": (b"", (u32(1) + b"x") * 100_000),
    "a fragment of 3 MB": (u32(LAST | 3_000_000), MIB),
}


@pytest.mark.parametrize("what", RECORDS)
def test_a_request_has_a_limit(wall: Wall, crowded: Backend, what: str) -> None:
    share = allowed_share(crowded, "127.0.0.0/8")
    port, _ = crowded.nfs_port(f"share-{share['id']}")
    before = memory(ganesha(crowded, share))
    first, again = RECORDS[what]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        closed = False
        try:
            connection.sendall(first)
            for _ in range(100):
                connection.sendall(again)
        except ConnectionError:
            closed = True
        wall.attempt(what, got_through=not closed)
        grown = memory(ganesha(crowded, share)) - before
        wall.attempt(f"{what}: {grown} MiB", got_through=grown > 20)
    with crowded.mount(share) as client:
        client.write("/x", MIB * 4)
        assert client.read("/x") == MIB * 4
    wall.assert_held()


def test_unfinished_record_marks_hold_no_thread(wall: Wall, crowded: Backend) -> None:
    """More connections than Ganesha has threads, each with the first bytes of a request."""
    share = allowed_share(crowded, "127.0.0.0/8")
    port, mount = crowded.nfs_port(f"share-{share['id']}")
    tenant = Tenant(crowded, share)
    for beginning in (b"\x80", b"\x80\0\0", u32(LAST | 1000), u32(LAST | 1000) + b"x"):
        with contextlib.ExitStack() as held:
            for _ in range(300):
                for at in (port, mount):
                    one = held.enter_context(socket.create_connection(("127.0.0.1", at), 5))
                    one.sendall(beginning)
            tenant.rounds(3)
            wall.attempt(f"600 times {beginning!r}", got_through=bool(tenant.errors))
    wall.assert_held()


def test_files_that_one_client_opens(wall: Wall, apart: Backend, record_property: Any) -> None:
    """20,000 opens in one project's server; those of another server are as fast as ever."""
    hostile = allowed_share(apart, "127.0.0.2")
    tenant = Tenant(apart, allowed_share(apart, "127.0.0.1"))
    assert ganesha(apart, hostile) != ganesha(apart, tenant.share)
    port, _ = apart.nfs_port(f"share-{hostile['id']}")
    before = tenant.rounds(20)
    tenant.seconds, opened = [], 0
    with nfs4.Nfs4(port, source="127.0.0.2") as client, tenant.meanwhile():
        path = nfs4.lookup(f"share-{hostile['id']}".encode())
        root = client.run(nfs4.PUTROOTFH, path, nfs4.GETFH).handle
        for number in range(20_000):
            name = b"f%d" % (number % 100)
            opened += client.run(nfs4.putfh(root), client.open(name, create=True)).ok
        wall.attempt(f"{opened} open files", got_through=bool(tenant.errors))
    record_property("latency", f"{before:.1f} ms, attacked {median(tenant.seconds) * 1e3:.1f} ms")
    descriptors = Path(f"/proc/{ganesha(apart, hostile)}/fd")
    assert wait_until(lambda: len(list(descriptors.iterdir())) < 1000, PATIENCE), "its lease ends"
    wall.assert_held()
