"""A Linux kernel mounts shares; only when ABACA_TEST_GUEST is set, see guest.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from abaca.drivers.contract.records import Share
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local.nfs import NfsExporter
from storage import guest
from storage.guest import HOST, Guest
from storage.kit import Backend, rule, running

pytestmark = pytest.mark.storage
LINES = 40
FORGET = "echo 3 > /proc/sys/vm/drop_caches"


@pytest.fixture(scope="module")
def linux() -> Iterator[Guest]:
    reason = guest.why_not()
    if reason:
        pytest.skip(reason)
    with Guest() as machine:
        yield machine


@pytest.fixture(scope="module")
def backend(linux: Guest) -> Iterator[Backend]:
    """With a lease that an emulated machine can keep."""
    with running(local_nfs_grace_period=5, local_nfs_lease=5) as backend:
        yield backend


@pytest.fixture(params=["3", "4.2"])
def mounted(
    request: pytest.FixtureRequest, linux: Guest, backend: Backend
) -> Iterator[tuple[Guest, Share]]:
    """A share at /mnt of the guest."""
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    name = f"share-{share['id']}"
    port, mount_port = backend.nfs_port(name)
    options = f"sync,vers={request.param},port={port},addr={HOST},timeo=20"
    if request.param == "3":
        options += f",nolock,proto=tcp,mountproto=tcp,mountport={mount_port},mountaddr={HOST}"
    else:
        options += ",clientaddr=10.0.2.15"
    kind = "nfs" if request.param == "3" else "nfs4"
    status, said = linux.run(f"mount -t {kind} -o {options} {HOST}:/{name} /mnt")
    assert status == 0, said
    yield linux, share
    linux.run("exec 3>&-; umount -l /mnt")


def kill_server(backend: Backend) -> None:
    exporter = backend.driver.exporter("NFS")
    assert isinstance(exporter, NfsExporter)
    for table in exporter.shards.tables():
        pid = table.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/exe"), 10)  # type: ignore[misc]  # noqa: PTH110


def test_data_and_quota(mounted: tuple[Guest, Share], backend: Backend) -> None:
    linux, share = mounted
    assert linux.run("echo hello > /mnt/a && cat /mnt/a") == (0, "hello\n")
    path = backend.driver.share_path(share["id"])
    assert (path / "a").read_text() == "hello\n"
    with (path / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, (1 << 30) - (4 << 20))
    assert wait_until(lambda: "quota" in fill(linux), 60, 0.1)
    linux.run(FORGET)
    assert linux.run("cat /mnt/a") == (0, "hello\n")


def fill(linux: Guest) -> str:
    return linux.run("dd if=/dev/zero of=/mnt/more bs=1M count=8 conv=fsync")[1]


def test_an_open_file_goes_on_when_the_server_is_killed(
    mounted: tuple[Guest, Share], backend: Backend
) -> None:
    """It is written line by line to the server's disk; no write fails, no line is lost."""
    linux, share = mounted
    write = "echo $i >&3 || echo FAILED"
    linux.begin(
        f"exec 3>/mnt/log; i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); {write}; sleep 0.1; done; "
        "exec 3>&-"
    )
    log = backend.driver.share_path(share["id"]) / "log"
    for lines in (5, 20):
        assert wait_until(lambda: log.exists() and log.read_text().count("\n") > lines, 60)  # noqa: B023
        kill_server(backend)
        backend.driver.reconcile()
    assert linux.end(120) == (0, "")
    assert log.read_text().split() == [str(number + 1) for number in range(LINES)]


def test_a_denied_client_is_out_at_once(mounted: tuple[Guest, Share], backend: Backend) -> None:
    linux, share = mounted
    assert linux.run("echo hello > /mnt/a; exec 3</mnt/a")[0] == 0
    backend.allow(share)
    linux.run(FORGET)
    assert linux.run("cat /mnt/a")[0] != 0
    assert linux.run("cat <&3")[0] != 0
    assert linux.run("echo more >> /mnt/b")[0] != 0
