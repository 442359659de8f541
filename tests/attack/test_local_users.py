"""An unprivileged user of the machine reads nothing that abaca keeps, and takes no lock of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from abaca.drivers.local.cifs import CifsExporter
from abaca.drivers.local.nfs import NfsExporter
from attack.conftest import Wall
from storage.kit import rule, running, why_not
from support.processes import Site

WALL = "The machine: its users reach nothing of abaca"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    full = [*NOBODY, *command]
    return subprocess.run(full, capture_output=True, text=True, timeout=30, check=False)


def attempt_all(wall: Wall, paths: Iterable[Path]) -> None:
    """Open every file to read and to write."""
    for file in (path for path in paths if not path.is_dir()):
        for right in ("-r", "-w"):
            wall.attempt(f"{right} {file}", as_nobody("test", right, str(file)).returncode == 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes another user")
def test_state_of_the_service(wall: Wall) -> None:
    with tempfile.TemporaryDirectory(prefix="abaca-local-user-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        site = Site(Path(folder), auth="embedded", backend="[sim]\nshare_driver = fake\n")
        try:
            site.state.mkdir()
            (site.state / "serve.pid").touch(mode=0o644)  # as earlier versions left it
            served = site.serve()
            attempt_all(wall, site.state.iterdir())  # not the fake backend's
            site.stop(served)
            lock = as_nobody("flock", "--nonblock", str(site.state / "serve.pid"), "true")
            wall.attempt("keep abaca from starting by its lock", lock.returncode == 0)
        finally:
            site.close()
    wall.assert_held()


@pytest.mark.storage
def test_state_and_servers_of_a_backend(wall: Wall) -> None:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["NFS", "CIFS"]) as backend:
        backend.directory.chmod(0o755)
        for protocol in ("NFS", "CIFS"):
            share = backend.share(protocol=protocol)
            backend.allow(share, rule("192.0.2.1"))
            (backend.driver.share_path(share["id"]) / "data").touch(mode=0o666)
        attempt_all(wall, backend.directory.rglob("*"))
        for pid_file in backend.directory.rglob("*.pid"):
            inside = f"/proc/{pid_file.read_text().strip()}/root/"
            wall.attempt(f"look into {inside}", as_nobody("ls", inside).returncode == 0)
    wall.assert_held()


@pytest.mark.storage
def test_a_process_that_looks_like_a_server(wall: Wall) -> None:
    """After a reboot, the pid of a server may be that of a user's process.  abaca would enter its
    namespaces, run programs there as root, and show it the shares."""
    if reason := why_not("NFS", "CIFS"):
        pytest.skip(reason)
    with running(local_protocols=["NFS", "CIFS"]) as backend, contextlib.ExitStack() as stack:
        for protocol in ("NFS", "CIFS"):
            backend.allow(backend.share(protocol=protocol), rule("192.0.2.1"))
        nfs, cifs = backend.driver.exporter("NFS"), backend.driver.exporter("CIFS")
        assert isinstance(nfs, NfsExporter) and isinstance(cifs, CifsExporter)
        servers = [*(table.server for table in nfs.shards.tables()), cifs.server]
        for server in servers:
            server.stop()
            looks = [str(server.config), "60"]
            user = subprocess.Popen(looks, executable="/bin/sleep", user=65534, group=65534)
            stack.callback(user.wait)
            stack.callback(user.kill)
            server.pid_file.write_text(str(user.pid))
            wall.attempt(f"{server.config.name}: taken for a server", server.pid == user.pid)
        backend.driver.reconcile()
        for server in servers:
            wall.attempt(f"{server.config.name}: keeps it from starting", server.pid is None)
    wall.assert_held()
