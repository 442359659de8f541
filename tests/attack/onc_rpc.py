"""A raw ONC RPC client (RFC 5531) over TCP: record marking, AUTH_SYS, XDR (RFC 4506).

It sends what a caller asks it to send, checks nothing, and remembers every reply.
"""

from __future__ import annotations

import itertools
import socket
import struct
from typing import Self

from attack.sockets import receive_exactly

LAST_FRAGMENT = 1 << 31
AUTH_NONE, AUTH_SYS = 0, 1
MSG_ACCEPTED, SUCCESS = 0, 0
LIMIT = 4 << 20  # no honest reply is longer


class Rejected(Exception):
    """There is no result: an RPC error, a closed connection, or no answer in time."""


def u32(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def u64(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}Q", *numbers)


def opaque(data: bytes) -> bytes:
    """Variable-length data: strings, names, file handles."""
    return u32(len(data)) + fixed(data)


def fixed(data: bytes) -> bytes:
    """Fixed-length data, padded."""
    return data + b"\0" * (-len(data) % 4)


class Reader:
    """XDR data of a reply, read from its beginning.  struct.error at the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def u32(self) -> int:
        [number] = struct.unpack_from(">I", self.data, self.at)
        self.at += 4
        return int(number)

    def u64(self) -> int:
        return self.u32() << 32 | self.u32()

    def opaque(self) -> bytes:
        return self.fixed(self.u32())

    def fixed(self, length: int) -> bytes:
        data = self.data[self.at : self.at + length]
        self.at += length + -length % 4
        return data


class Connection:
    """One TCP connection to one program; made again when it was closed or a call was not answered.

    source: the local address to call from; 127.0.0.0/8 has many, and each is another client.
    seconds: how long to wait for an answer.
    """

    def __init__(
        self,
        port: int,
        program: int,
        version: int,
        *,
        server: str = "127.0.0.1",
        source: str = "127.0.0.1",
        user: int = 0,
        seconds: float = 20,
    ) -> None:
        self._program, self._version = program, version
        identity = u32(0) + opaque(b"attacker") + u32(user, user, 0)
        self._credential = u32(AUTH_SYS) + opaque(identity) + u32(AUTH_NONE, 0)
        self._numbers = itertools.count(1)
        self.replies: list[bytes] = []
        self._where = (server, port), seconds, (source, 0)
        self._socket = socket.create_connection(*self._where)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def call(self, procedure: int, body: bytes = b"") -> Reader:
        """The results of a call.  Rejected if there are none."""
        number = next(self._numbers)
        header = u32(number, 0, 2, self._program, self._version, procedure)
        try:
            self.send(header + self._credential + body)
            reply = Reader(self.receive())
        except OSError as problem:
            self.close()
            self._socket = socket.create_connection(*self._where)
            raise Rejected(str(problem)) from problem
        assert reply.u32() == number and reply.u32() == 1
        state = reply.u32()
        if state != MSG_ACCEPTED:
            raise Rejected(f"denied, {reply.u32()}")
        reply.u32(), reply.opaque()  # the server's verifier
        accepted = reply.u32()
        if accepted != SUCCESS:
            raise Rejected(f"not executed, {accepted}")
        return reply

    def send(self, message: bytes) -> None:
        """A message as one record of one fragment."""
        self._socket.sendall(u32(LAST_FRAGMENT | len(message)) + message)

    def receive(self) -> bytes:
        """The next record."""
        record, last = b"", 0
        while not last:
            [mark] = struct.unpack(">I", self._exactly(4))
            last = mark & LAST_FRAGMENT
            record += self._exactly(mark & ~LAST_FRAGMENT)
        self.replies.append(record)
        return record

    def _exactly(self, length: int) -> bytes:
        assert length <= LIMIT
        return receive_exactly(self._socket, length)
