"""`abaca serve` with real storage: exports outlive abaca, and end when told to."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.testing import nfs
from storage.kit import free_ports, why_not
from support import loops
from support.processes import LOCAL, Site, local_site, site

pytestmark = pytest.mark.xdist_group("serve-local")


@pytest.fixture
def local() -> Iterator[Site]:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with local_site(free_ports(16)) as made:
        yield made


def written(said: str) -> tuple[str, str]:
    """Address and path that the first start wrote to."""
    found = re.search(r"wrote and read back \d+ bytes: (\S+):(/share-\S+)/hello.txt", said)
    assert found, said
    return found[1], found[2]


def read(local: Site, where: tuple[str, str]) -> bytes:
    text = local.file.read_text()
    ports = [int(re.findall(rf"local_{name}_port = (\d+)", text)[0]) for name in ("nfs", "mount")]
    with nfs.connect(*where, *ports) as client:
        return client.read("/hello.txt")


def servers(local: Site) -> set[str]:
    """The processes that serve this site's exports."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(local.state) in line and "abaca.conf" not in line:
            found.add(f"{process.name} {line.split()[0]}")
    return found


def test_exports_outlive_abaca_and_are_taken_over(local: Site) -> None:
    process = local.serve("--first-share", "hello")
    where = written(local.said(process))
    serving = servers(local)
    assert any("ganesha" in each for each in serving)
    assert re.search(r"mount      mount -t nfs -o vers=4.2,port=\d+ \S+ /mnt", local.said(process))
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        assert local.stop(process, how) < 3
        assert read(local, where).startswith(b"hello from abaca")
        process = local.serve("--first-share", "hello")
        assert written(local.said(process)) == where
        assert servers(local) == serving  # taken over, not restarted
    local.stop(process)
    ended = local.run("serve", "--stop-exports")
    assert (ended.returncode, ended.stdout) == (0, "local: exports have ended.\n")
    assert servers(local) == set()
    assert str(local.state) not in Path("/proc/mounts").read_text()
    assert loops.kept(local.state) == []
    again = local.serve("--first-share", "hello")
    assert written(local.said(again)) == where


def test_a_pool_that_another_abaca_has(local: Site) -> None:
    local.serve()
    pool = local.state / "local/local/pool.img"
    ports = free_ports(16)
    backend = f"{LOCAL.format(ports, ports + 5, ports + 10)}local_pool_path = {pool}\n"
    with site(backend=backend) as other:
        process = other.start("serve", "--first-share", "hello")
        other.await_text(process, "is not ready, abaca keeps trying")
        assert f"pool image {pool} is locked by another process" in other.said(process)
        assert other.stop(process) < 3


def test_without_root_it_says_so(local: Site) -> None:
    """The one right that is left: to find Python, wherever it is installed."""
    local.folder.chmod(0o755)
    local.file.chmod(0o644)
    right = "+dac_read_search"
    result = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={right}",
         f"--ambient-caps={right}", *local.command("serve")],
        capture_output=True,
        text=True,
        env={"ABACA_STATE_DIR": "/tmp/abaca-none", "PATH": "/usr/bin"},
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (
        1,
        "Error: The local backend mounts file systems and runs NFS and SMB servers: "
        "start abaca as root.\n",
    )
    assert not Path("/tmp/abaca-none").exists()
