"""A raw NFSv3 and MOUNT client (RFC 1813): names and handles are sent as they are given."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from attack.onc_rpc import Connection, Reader, Rejected, opaque, u32, u64

NFS, MOUNT = 100003, 100005
OK = 0
REJECTED = -1  # the call was refused before it was executed
MNT, DUMP, UMNT, UMNTALL, EXPORT = 1, 2, 3, 4, 5
SETATTR, LOOKUP, READLINK, READ, WRITE, CREATE, MKDIR, SYMLINK, MKNOD = 2, 3, 5, 6, 7, 8, 9, 10, 11
REMOVE, RMDIR, RENAME, LINK, READDIR, READDIRPLUS = 12, 13, 14, 15, 16, 17
SOCKET, FIFO = 6, 7


@dataclass(frozen=True)
class Answer:
    """What a procedure said: a status, and the handle it gave out."""

    status: int
    handle: bytes = b""
    data: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status == OK


def attributes(mode: int | None = None, size: int | None = None, now: bool = False) -> bytes:
    """A sattr3."""
    given = u32(0) if mode is None else u32(1, mode)
    length = u32(0) if size is None else u32(1) + u64(size)
    return given + u32(0, 0) + length + u32(1 if now else 0, 1 if now else 0)


def is_in_share(handle: bytes, root: bytes) -> bool:
    """Whether a handle is of the export, the file system and the subvolume of a root's.

    Ganesha's: 4 bytes that end with the export's id, 2 of kinds, 8 of the file system, the kind of
    the kernel's handle; this is of inode, subvolume (8 bytes each) and generation.
    """
    return (handle[:15], handle[23:31]) == (root[:15], root[23:31])


class Mount:
    """MOUNT, version 3 unless another one is asked for."""

    def __init__(self, port: int, version: int = 3, **where: Any) -> None:
        self.rpc = Connection(port, MOUNT, version, **where)

    def call(self, procedure: int) -> None:
        """A procedure without arguments; what it says is in the replies."""
        with contextlib.suppress(Rejected):
            self.rpc.call(procedure)

    def mnt(self, path: bytes) -> Answer:
        return _answer(self.rpc, MNT, opaque(path), lambda reply: reply.opaque())

    def exports(self) -> dict[bytes, list[bytes]]:
        """EXPORT: directories and the clients that the server names for each."""
        reply = self.rpc.call(EXPORT)
        found: dict[bytes, list[bytes]] = {}
        while reply.u32():
            clients = found.setdefault(reply.opaque(), [])
            while reply.u32():
                clients.append(reply.opaque())
        return found

    def mounted(self) -> list[tuple[bytes, bytes]]:
        """DUMP: (client, directory) of those who have mounted."""
        reply = self.rpc.call(DUMP)
        found = []
        while reply.u32():
            found.append((reply.opaque(), reply.opaque()))
        return found


class Nfs3:
    """NFS version 3."""

    def __init__(self, port: int, **where: Any) -> None:
        self.rpc = Connection(port, NFS, 3, **where)

    def lookup(self, at: bytes, name: bytes) -> Answer:
        return _answer(self.rpc, LOOKUP, opaque(at) + opaque(name), lambda reply: reply.opaque())

    def setattr(self, handle: bytes, **given: Any) -> Answer:
        return _answer(self.rpc, SETATTR, opaque(handle) + attributes(**given) + u32(0))

    def read(self, handle: bytes, length: int = 4096) -> Answer:
        return _answer(self.rpc, READ, opaque(handle) + u64(0) + u32(length))

    def write(self, handle: bytes, data: bytes) -> Answer:
        body = opaque(handle) + u64(0) + u32(len(data), 2) + opaque(data)
        return _answer(self.rpc, WRITE, body)

    def readlink(self, handle: bytes) -> Answer:
        return _answer(self.rpc, READLINK, opaque(handle))

    def create(self, at: bytes, name: bytes, how: int = 0, **given: Any) -> Answer:
        """how: 0 unchecked, 1 guarded, 2 exclusive."""
        wanted = b"verifier" if how == 2 else attributes(**{"mode": 0o644, **given})
        return self._make(CREATE, at, name, u32(how) + wanted)

    def mkdir(self, at: bytes, name: bytes) -> Answer:
        return self._make(MKDIR, at, name, attributes(mode=0o755))

    def symlink(self, at: bytes, name: bytes, target: bytes) -> Answer:
        return self._make(SYMLINK, at, name, attributes() + opaque(target))

    def mknod(self, at: bytes, name: bytes, kind: int = FIFO) -> Answer:
        return self._make(MKNOD, at, name, u32(kind) + attributes(mode=0o644))

    def remove(self, at: bytes, name: bytes) -> Answer:
        return _answer(self.rpc, REMOVE, opaque(at) + opaque(name))

    def rmdir(self, at: bytes, name: bytes) -> Answer:
        return _answer(self.rpc, RMDIR, opaque(at) + opaque(name))

    def rename(self, at: bytes, old: bytes, to: bytes, new: bytes) -> Answer:
        body = opaque(at) + opaque(old) + opaque(to) + opaque(new)
        return _answer(self.rpc, RENAME, body)

    def link(self, handle: bytes, at: bytes, name: bytes) -> Answer:
        return _answer(self.rpc, LINK, opaque(handle) + opaque(at) + opaque(name))

    def readdir(self, at: bytes, plus: bool = False) -> Answer:
        counts = u32(4096, 32768) if plus else u32(32768)
        body = opaque(at) + u64(0, 0) + counts
        return _answer(self.rpc, READDIRPLUS if plus else READDIR, body)

    def _make(self, procedure: int, at: bytes, name: bytes, more: bytes) -> Answer:
        def handle(reply: Reader) -> bytes:
            return reply.opaque() if reply.u32() else b""

        return _answer(self.rpc, procedure, opaque(at) + opaque(name) + more, handle)


def _answer(rpc: Connection, procedure: int, body: bytes, handle: Any = None) -> Answer:
    try:
        reply = rpc.call(procedure, body)
    except Rejected:
        return Answer(REJECTED)
    status = reply.u32()
    if status != OK:
        return Answer(status)
    return Answer(OK, handle(reply) if handle else b"", reply.data[reply.at :])
