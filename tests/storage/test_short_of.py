"""Something is missing: room in the pool, room on the disk, Ganesha, the pool itself.

Over HTTP, with real parts: the right status, one clear sentence, nothing changed, never a 500.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local import btrfs
from storage.kit import free_ports, why_not
from support.processes import Site, local_site

pytestmark = pytest.mark.storage
PATIENCE = 60.0
NEW = {"share": {"name": "new", "size": 1, "share_proto": "NFS"}}


@pytest.fixture
def site() -> Iterator[Site]:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with local_site(free_ports(16), "report_interval = 1\n") as made:
        yield made


def ask(site: Site, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and what was said."""
    request = urllib.request.Request(
        f"{site.url}/v2{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={
            "Content-Type": "application/json",
            "X-Auth-Token": "admin:admin",
            "X-OpenStack-Manila-API-Version": "2.65",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def await_(condition: Callable[[], object]) -> None:
    assert wait_until(lambda: bool(condition()), PATIENCE, 0.05)


def status(site: Site, share_id: str) -> str:
    code, shown = ask(site, "GET", f"/shares/{share_id}")
    return str(shown["share"]["status"]) if code == 200 else "gone"


def refused(site: Site) -> str:
    """A share that cannot be made; its message.  Deleted, it leaves nothing behind."""
    code, made = ask(site, "POST", "/shares", NEW)
    assert code == 200
    share_id = made["share"]["id"]
    await_(lambda: status(site, share_id) == "error")
    [message] = ask(site, "GET", f"/messages?resource_id={share_id}")[1]["messages"]
    assert ask(site, "DELETE", f"/shares/{share_id}")[0] == 202
    await_(lambda: status(site, share_id) == "gone")
    limits = ask(site, "GET", "/limits")[1]["limits"]["absolute"]
    assert limits["totalSharesUsed"] == limits["totalShareGigabytesUsed"] == 0
    return str(message["user_message"])


def free(site: Site) -> float:
    pools = ask(site, "GET", "/scheduler-stats/pools/detail")[1]["pools"]
    return float(pools[0]["capabilities"]["free_capacity_gb"]) if pools else 0.0


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a block is left on the disk of the folder."""
    assert folder.is_mount(), f"{folder} is on the disk of the machine, which shall not be filled"
    filler = folder / "filler"
    with filler.open("wb") as file:
        for step in (64 << 20, 1 << 20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.tell(), step)
                    file.seek(step, os.SEEK_CUR)
    try:
        yield
    finally:
        filler.unlink()


def test_a_full_pool(site: Site) -> None:
    site.serve()
    with filled(site.state / "local/local/pool"):
        await_(lambda: free(site) < 0.5)
        assert refused(site) == (
            "No storage pool can take a share of 1 GiB: the only one has too little free space."
        )
    btrfs.commit(site.state / "local/local/pool")  # otherwise it comes back within 30 s
    await_(lambda: free(site) > 2)
    site.await_share(site.create("fits"))


def test_a_full_disk(site: Site) -> None:
    """What would have to be written is refused; what can be read is; then all goes on."""
    site.state.mkdir()
    state = str(site.state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", state], check=True)
    try:
        process = site.serve()
        share = site.create("before")
        site.await_share(share)
        before = ask(site, "GET", "/shares/detail")
        with filled(site.state):
            for method, path, body in (
                ("POST", "/shares", NEW),
                ("POST", f"/shares/{share}/action", {"extend": {"new_size": 2}}),
                ("PUT", f"/shares/{share}", {"share": {"display_name": "x" * 200}}),
                ("DELETE", f"/shares/{share}", None),
            ):
                code, said = ask(site, method, path, body)
                assert code == 503, said
                assert "try again" in said["serviceUnavailable"]["message"]
            assert ask(site, "GET", "/shares/detail") == before
        await_(lambda: ask(site, "POST", "/shares", NEW)[0] == 200)
        for each in ask(site, "GET", "/shares")[1]["shares"]:
            site.await_share(each["id"])
        site.stop(process)
        assert site.run("serve", "--stop-exports").returncode == 0
    finally:
        site.close()
        subprocess.run(["umount", "-l", state], check=True)


HIDE = "mount --bind /dev/null /usr/bin/ganesha.nfsd"


def test_ganesha_is_missing(site: Site) -> None:
    """At the start it is said at once; when it vanishes later, the share says so."""
    command = site.command
    site.command = lambda *words: [  # type: ignore[method-assign]
        *("unshare", "--mount", "sh", "-c", f'{HIDE} && exec "$@"', "sh"),
        *command(*words),
    ]
    ended = site.run("serve")
    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: NFS needs packages: apt-get install nfs-ganesha\n",
    )
    site.command = lambda *words: ["unshare", "--mount", *command(*words)]  # type: ignore[method-assign]
    process = site.serve()
    site.command = command  # type: ignore[method-assign]
    subprocess.run(["nsenter", "-t", str(process.pid), "-m", *HIDE.split()], check=True)
    assert refused(site) == (
        "create: the storage backend lacks something that it needs; the log of abaca names it. "
        "Ask your administrator."
    )
    log = (site.state / "abaca.log").read_text()
    assert re.search(r"NFS needs the package nfs-ganesha \(ganesha.nfsd not found\)", log)


@pytest.mark.parametrize(
    ("option", "way_out"),
    [
        ("nfs", "stop the other NFS server, or give this backend other ports"),
        ("smb", "stop the other SMB server, set local_smb_port, or take CIFS out of"),
    ],
)
def test_another_server_has_the_port(site: Site, option: str, way_out: str) -> None:
    """Said at the start; what is asked for meanwhile is done when the port is free."""
    [port] = re.findall(rf"local_{option}_port = (\d+)", site.file.read_text())
    with socket.create_server(("127.0.0.1", int(port))):
        process = site.start("serve")
        site.await_text(process, f"TCP port {port} is taken (Address already in use); {way_out}")
        waiting = site.create("waits")
        assert status(site, waiting) == "creating"
    await_(lambda: status(site, waiting) == "available")


def test_the_pool_is_locked_by_another_process(site: Site) -> None:
    """The request waits for the pool; it says so, and is served when the pool is there."""
    image = site.state / "local/local/pool.img"
    image.parent.mkdir(parents=True)
    with image.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = site.start("serve")
        site.await_api()
        site.await_text(process, f"pool image {image} is locked by another process")
        waiting = site.create("waits")
        code, said = ask(site, "POST", f"/shares/{waiting}/action", {"extend": {"new_size": 2}})
        assert code == 400 and "creating" in said["badRequest"]["message"]
        assert status(site, waiting) == "creating"
        assert "No backend has reported yet" in site.run("status").stdout
    await_(lambda: status(site, waiting) == "available")
