"""Data over NFSv4: written, read, refused; by libnfs, because a kernel client needs a kernel."""

from __future__ import annotations

import errno
import os

import pytest

from abaca.drivers.ganesha.processes import wait_until
from storage.kit import GIB, Backend, errno_of, rule

pytestmark = pytest.mark.storage
DENIED = {errno.EACCES, errno.EPERM, errno.ENOENT}


def test_files_are_written_read_and_deleted(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    data = os.urandom(20_000)
    with backend.mount(share, version=4) as client, backend.mount(share) as other:
        client.write("/a", data)
        assert client.read("/a") == data == other.read("/a")
        client.write("/a", b"shorter")
        assert other.read("/a") == b"shorter"
        other.write("/b", b"over v3")
        assert client.read("/b") == b"over v3"
        client.mkdir("/d")
        client.write("/d/c", b"1")
        assert client.listdir() == ["a", "b", "d"] and client.listdir("/d") == ["c"]
        client.unlink("/d/c")
        client.rmdir("/d")
        assert errno_of(lambda: client.read("/d/c")) == errno.ENOENT


def test_a_full_share_is_a_quota_error(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    path = backend.driver.share_path(share["id"])
    with backend.mount(share, version=4) as client:
        client.write("/before", b"1")
        with (path / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, GIB - (4 << 20))
        refused: set[int | None] = set()

        def full() -> bool:
            refused.add(errno_of(lambda: client.write(f"/x{len(refused)}", b"z" * (6 << 20))))
            return errno.EDQUOT in refused

        assert wait_until(full, 20, 0.1), refused
        assert client.read("/before") == b"1"


def test_rules_hold(backend: Backend) -> None:
    share = backend.share()
    assert errno_of(lambda: backend.mount(share, version=4)) in DENIED
    backend.allow(share, rule("127.0.0.1", "ro"))
    with backend.mount(share, version=4) as client:
        assert errno_of(lambda: client.write("/x", b"1")) == errno.EROFS
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share, version=4) as client:
        client.write("/x", b"1")
        file = client.open("/x", os.O_RDONLY)
        backend.allow(share)
        assert errno_of(lambda: client.listdir()) in DENIED
        assert errno_of(file.read) in DENIED, "an open file is no way in"
