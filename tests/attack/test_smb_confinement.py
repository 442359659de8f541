"""What a client finds that got out of its share: the root of smbd, with nothing in it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.confine import capabilities
from abaca.drivers.samba.server import CAPABILITIES, WRITABLE, SambaFailure
from attack import smb_client as smb
from attack.canary import Canary
from attack.conftest import Wall
from attack.smb_client import READING, WRITING, Login, SmbClient
from attack.smb_share import EVERYBODY, connect, exporter, open_share, samba, user_of
from storage.kit import Backend

pytestmark = pytest.mark.storage
WALL = "SMB: outside of a share is nothing"
ESCAPED = "escaped"  # a share of the root directory, with root's rights, for everybody


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with samba() as found:
        open_share(found, EVERYBODY)
        server = exporter(found).server
        server.run("net", "conf", "addshare", ESCAPED, "/", "writeable=y", "guest_ok=y")
        server.run("net", "conf", "setparm", ESCAPED, "force user", "root")
        yield found


def test_nothing_of_the_machine_is_there(wall: Wall, backend: Backend) -> None:
    server = exporter(backend).server
    targets = (
        *(server.directory / name for name in ("users", "shares", "smbd.pid", "import.conf")),
        *(backend.driver.pool.root, Path("/proc/1/environ"), Path("/proc/self/mem")),
        *(Path("/dev/loop0"), Path("/dev/sda"), Path("/dev/mem"), Path("/root"), Path("/run")),
        *(Path("/bin/sh"), Path("/usr/bin/sh"), Path("/usr/bin/python3"), Path("/var")),
    )
    with Canary() as canary, connect(backend) as client:
        outside = (canary.directory / "secret", canary.directory / "new", Path("/etc/shadow"))
        assert client.login(Login()) == client.tree(ESCAPED) == smb.SUCCESS
        status, _ = client.create(_name(Path("/etc/passwd")))
        assert status == smb.SUCCESS, "the first wall is down"
        for target in (*outside, *targets):
            wall.attempt(f"read {target}", _succeeds(client, target, READING))
            wall.attempt(f"write {target}", _succeeds(client, target, READING | WRITING))
        wall.attempt("something outside was changed", canary.is_touched())
    wall.assert_held()


def test_what_is_there_cannot_be_changed(wall: Wall, backend: Backend) -> None:
    server = exporter(backend).server
    passwd = server.directory / "etc" / "passwd"
    before = passwd.read_bytes()
    places = (
        *("/new", "/etc/passwd", "/etc/new", "/usr/sbin/smbd", "/usr/bin/smbcontrol"),
        *("/usr/lib/x86_64-linux-gnu/new", str(server.config), str(server.places / "new")),
        *("/lib64/new", f"{server.directory}/new"),
    )
    with connect(backend) as client:
        assert client.login(Login()) == client.tree(ESCAPED) == smb.SUCCESS
        for place in places:
            wall.attempt(f"write {place}", _succeeds(client, Path(place), READING | WRITING))
    wall.attempt("the passwd file was changed", passwd.read_bytes() != before)
    wall.assert_held()


def test_links_that_a_taken_smbd_leaves_lead_abaca_nowhere(wall: Wall, tmp_path: Path) -> None:
    """In the directories that smbd writes, for commands that run as root outside of its root."""
    with samba() as backend:
        server = exporter(backend).server
        share = open_share(backend)
        user_of(backend, share, "ann")
        server.stop()
        directories = [server.directory / name for name in WRITABLE]
        for file in [path for each in directories for path in each.rglob("*") if path.is_file()]:
            file.unlink()
            file.symlink_to(tmp_path / f"{file.parent.name}-{file.name}")
        with contextlib.suppress(SambaFailure):
            backend.restart()
        with contextlib.suppress(SambaFailure):
            user_of(backend, share, "bob")
        for made in tmp_path.iterdir():
            wall.attempt(f"make {made.name} outside", got_through=True)
        wall.attempt("make files outside", got_through=any(tmp_path.iterdir()))
    wall.assert_held()


OPEN_BY_HANDLE = """
import os, sys
from abaca.drivers import handles
from abaca.drivers.confine import capabilities
capabilities.keep_only(sys.argv[2:])
inside = os.open(sys.argv[1], os.O_RDONLY)
try:
    handles.open_handle(inside, handles.handle_of(inside, b"file"), os.O_RDWR)
except PermissionError:
    print("refused")
"""


def test_smbd_opens_no_file_by_its_handle(wall: Wall, backend: Backend, tmp_path: Path) -> None:
    """A handle leads to every file of a file system, past all roots."""
    (tmp_path / "file").touch()
    program = [sys.executable, "-c", OPEN_BY_HANDLE, str(tmp_path), *sorted(CAPABILITIES)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    wall.attempt("with the capabilities that it is to have", done.stdout != "refused\n")
    has = int(capabilities.status(exporter(backend).server.pid or 0)["CapPrm"], 16)
    wall.attempt("it has others", bool(has & ~capabilities.mask(sorted(CAPABILITIES))))
    wall.assert_held()


def _succeeds(client: SmbClient, path: Path, access: int) -> bool:
    disposition = smb.OPEN_OR_MAKE if access & WRITING else smb.OPEN
    status, file = client.create(_name(path), access, disposition)
    if file:
        client.finish(file)
    return status == smb.SUCCESS


def _name(path: Path) -> bytes:
    return str(path)[1:].replace("/", "\\").encode("utf-16-le")
