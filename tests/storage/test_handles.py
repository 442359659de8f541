"""File handles that a hostile client makes up."""

from __future__ import annotations

import socket
import struct

import pytest

from storage.kit import Backend, rule

pytestmark = pytest.mark.storage
NFS, MOUNT, LOOKUP, READ, MNT = 100003, 100005, 3, 6, 1
OK = 0


def call(port: int, program: int, procedure: int, body: bytes) -> bytes:
    """One ONC RPC call, version 3, as root; the reply after its header, b"" if refused."""
    identity = struct.pack(">II4sIII", 0, 2, b"me\0\0", 0, 0, 0)
    message = struct.pack(">6I", 7, 0, 2, program, 3, procedure)
    message += struct.pack(">II", 1, len(identity)) + identity + struct.pack(">II", 0, 0) + body
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(struct.pack(">I", 1 << 31 | len(message)) + message)
        head = connection.recv(4, socket.MSG_WAITALL)
        length = struct.unpack(">I", head)[0] & ~(1 << 31)
        return connection.recv(length, socket.MSG_WAITALL)[24:]


def opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def handle(reply: bytes) -> bytes:
    status, length = struct.unpack(">II", reply[:8])
    assert status == OK
    return reply[8 : 8 + length]


def status_of_read(port: int, made: bytes) -> int | None:
    reply = call(port, NFS, READ, opaque(made) + struct.pack(">QI", 0, 100))
    return struct.unpack(">I", reply[:4])[0] if len(reply) >= 4 else None


def handles(backend: Backend) -> tuple[int, bytes, bytes]:
    """The port, a file's handle in an allowed share, one in a share now denied."""
    found = []
    shares = [backend.share(), backend.share()]
    for share in shares:
        backend.allow(share, rule("127.0.0.1"))
        (backend.driver.share_path(share["id"]) / "file").write_text("secret")
        name = f"/share-{share['id']}"
        port, mount_port = backend.nfs_port(name[1:])
        root = handle(call(mount_port, MOUNT, MNT, opaque(name.encode())))
        found.append(handle(call(port, NFS, LOOKUP, opaque(root) + opaque(b"file"))))
    backend.allow(shares[1])
    return port, found[0], found[1]


def test_handle_of_a_denied_share_is_refused(backend: Backend) -> None:
    port, allowed, denied = handles(backend)
    assert status_of_read(port, allowed) == OK
    assert status_of_read(port, denied) != OK


def test_handle_with_another_export_id_is_refused(backend: Backend) -> None:
    port, allowed, denied = handles(backend)
    assert status_of_read(port, allowed[:4] + denied[4:]) != OK


def test_handle_with_another_file_system_id_is_refused(backend: Backend) -> None:
    """The part after the file system id names the inode, its subvolume included.

    The kernel would open it; export_guard.c does not let it.
    """
    port, allowed, denied = handles(backend)
    assert status_of_read(port, allowed[:15] + denied[15:]) != OK
    assert status_of_read(port, allowed) == OK
