"""A raw NFSv4 client (RFC 7530, 8881, 7862): compounds of operations, sent as they are given.

    with Nfs4(port, minor=1) as nfs:
        root = nfs.run(PUTROOTFH, lookup(b"share-1"), GETFH).handle
        nfs.run(putfh(root), lookup(b"../other"), GETFH).status

Minor versions 1 and 2 get a session of one slot; version 0 gets a confirmed client.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from attack.onc_rpc import Connection, Reader, Rejected, opaque, u32, u64

NFS, COMPOUND = 100003, 1
OK = 0
REJECTED = -1
DIRECTORY, LINK_TYPE, SOCKET, FIFO = 2, 5, 6, 7
ANONYMOUS = bytes(16)  # the state of a reader without one
READ_ACCESS, BOTH_ACCESS = 1, 3
MODE = u32(2, 0, 1 << 1) + u32(4)  # the bitmap of an attribute list with a mode

(ACCESS, CLOSE, COMMIT, CREATE, GETATTR, GETFH, LINK, LOOKUP, LOOKUPP, OPEN) = (
    3, 4, 5, 6, 9, 10, 11, 15, 16, 18)  # fmt: skip
PUTFH, PUTROOTFH, READ, READDIR, READLINK, REMOVE, RENAME, RENEW = 22, 24, 25, 26, 27, 28, 29, 30
RESTOREFH, SAVEFH, SECINFO, SETATTR, SETCLIENTID, SETCLIENTID_CONFIRM = 31, 32, 33, 34, 35, 36
EXCHANGE_ID, CREATE_SESSION, DESTROY_SESSION, SECINFO_NO_NAME, SEQUENCE = 42, 43, 44, 52, 53
DESTROY_CLIENTID, RECLAIM_COMPLETE = 57, 58
COPY, CLONE, GETXATTR, SETXATTR, LISTXATTRS, REMOVEXATTR = 60, 71, 72, 73, 74, 75


def operation(number: int, *arguments: bytes) -> bytes:
    return u32(number) + b"".join(arguments)


def putfh(handle: bytes) -> bytes:
    return operation(PUTFH, opaque(handle))


def lookup(name: bytes) -> bytes:
    return operation(LOOKUP, opaque(name))


def create(name: bytes, kind: int = DIRECTORY, target: bytes = b"") -> bytes:
    """A directory, a link to `target`, a socket or a FIFO."""
    more = opaque(target) if kind == LINK_TYPE else b""
    mode = MODE + u32(0o755)
    return operation(CREATE, u32(kind), more, opaque(name), mode)


def remove(name: bytes) -> bytes:
    return operation(REMOVE, opaque(name))


def rename(old: bytes, new: bytes) -> bytes:
    """From the saved handle's directory into the current one."""
    return operation(RENAME, opaque(old), opaque(new))


def link(name: bytes) -> bytes:
    """The saved handle's file gets a name in the current directory."""
    return operation(LINK, opaque(name))


def secinfo(name: bytes) -> bytes:
    return operation(SECINFO, opaque(name))


def read(state: bytes = ANONYMOUS, length: int = 4096) -> bytes:
    return operation(READ, state, u64(0), u32(length))


def setattr_mode(mode: int) -> bytes:
    return operation(SETATTR, ANONYMOUS, MODE, u32(mode))


def readdir() -> bytes:
    return operation(READDIR, u64(0), bytes(8), u32(8192, 32768), u32(0))


def copy(length: int = 4096) -> bytes:
    """From the saved file to the current one, within the server."""
    return operation(COPY, ANONYMOUS, ANONYMOUS, u64(0, 0, length), u32(1, 1, 0))


def clone(length: int = 4096) -> bytes:
    return operation(CLONE, ANONYMOUS, ANONYMOUS, u64(0, 0, length))


def getxattr(name: bytes) -> bytes:
    return operation(GETXATTR, opaque(name))


def setxattr(name: bytes, value: bytes) -> bytes:
    return operation(SETXATTR, u32(0), opaque(name), opaque(value))


def removexattr(name: bytes) -> bytes:
    return operation(REMOVEXATTR, opaque(name))


@dataclass(frozen=True)
class Answer:
    """The status of a compound, how many of its operations were executed, and the rest, raw."""

    status: int
    done: int = 0
    handle: bytes = b""
    data: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status == OK


@dataclass
class _Session:
    client: int = 0
    name: bytes = b""
    number: int = 0
    owners: int = field(default=0)


class Nfs4:
    """A client of minor version 0, 1 or 2."""

    def __init__(self, port: int, minor: int = 1, **where: Any) -> None:
        self.minor = minor
        self.rpc = Connection(port, NFS, 4, **where)
        self._session = _Session()
        if minor == 0:
            self._introduce()
        else:
            self._open_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rpc.close()

    def run(self, *operations: bytes | int) -> Answer:
        """Send a compound, after what keeps the client's lease: a RENEW or a SEQUENCE.

        `handle`: that of the last operation, if it is GETFH and was executed.
        """
        given = [operation(each) if isinstance(each, int) else each for each in operations]
        first = self._sequence() if self.minor else operation(RENEW, u64(self._session.client))
        try:
            reply = self._compound(first, *given)
        except Rejected:
            return Answer(REJECTED)
        status = reply.u32()
        reply.opaque()
        done = reply.u32() - 1
        data = reply.data[reply.at :]
        handle = _last_handle(data) if status == OK and operations[-1] == GETFH else b""
        return Answer(status, done, handle, data)

    def open(
        self,
        name: bytes,
        access: int = READ_ACCESS,
        create: bool = False,
        claim: Callable[[bytes], bytes] = lambda name: u32(0) + opaque(name),
    ) -> bytes:
        """OPEN by name in the current directory, for a new owner each time."""
        session = self._session
        session.owners += 1
        owner = u64(session.client) + opaque(b"owner%d" % session.owners)
        how = u32(1, 0) + MODE + u32(0o644) if create else u32(0)
        return operation(OPEN, u32(0, access, 0), owner, how, claim(name))

    def _compound(self, *operations: bytes) -> Reader:
        body = opaque(b"") + u32(self.minor, len(operations)) + b"".join(operations)
        return self.rpc.call(COMPOUND, body)

    def _result(self, *operations: bytes) -> Reader:
        """The reader behind the status of the one operation; it must succeed."""
        reply = self._compound(*operations)
        status = reply.u32()
        assert status == OK, f"NFSv4.{self.minor}: status {status}"
        reply.opaque(), reply.u32()
        reply.u32(), reply.u32()
        return reply

    def _introduce(self) -> None:
        callback = u32(0x40000000) + opaque(b"tcp") + opaque(b"0.0.0.0.0.0")
        reply = self._result(
            operation(SETCLIENTID, os.urandom(8), opaque(os.urandom(16)), callback, u32(0))
        )
        self._session.client, confirm = reply.u64(), reply.fixed(8)
        self._result(operation(SETCLIENTID_CONFIRM, u64(self._session.client), confirm))

    def _open_session(self) -> None:
        owner = os.urandom(8) + opaque(os.urandom(16))
        reply = self._result(operation(EXCHANGE_ID, owner, u32(0, 0, 0)))
        self._session.client, sequence = reply.u64(), reply.u32()
        channel = u32(0, 1 << 20, 1 << 20, 1 << 16, 32, 1, 0)
        security = u32(1, 0)
        reply = self._result(
            operation(
                CREATE_SESSION,
                u64(self._session.client) + u32(sequence, 0) + channel + channel,
                u32(0x40000000) + security,
            )
        )
        self._session.name = reply.fixed(16)
        self.run(operation(RECLAIM_COMPLETE, u32(0)))

    def _sequence(self) -> bytes:
        self._session.number += 1
        return operation(SEQUENCE, self._session.name, u32(self._session.number, 0, 0, 0))


def _last_handle(data: bytes) -> bytes:
    """GETFH was the last operation: its number, status 0, and a handle up to the end."""
    mark = u32(GETFH, OK)
    at = len(data)
    while (at := data.rfind(mark, 0, at)) >= 0:
        start = at + len(mark) + 4
        length = int.from_bytes(data[start - 4 : start], "big")
        if start + length + -length % 4 == len(data):  # else the mark is a part of the handle
            return data[start : start + length]
    return b""
