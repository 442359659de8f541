"""A raw SMB 2.1 client: it sends whatever name it is told to, and reports the server's status.

Written after MS-SMB2 and MS-NLMP.  Names are bytes, usually UTF-16LE; nothing is checked here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
from dataclasses import dataclass
from typing import NamedTuple

from attack.sockets import receive_exactly

SUCCESS, MORE = 0, 0xC0000016
NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, CREATE, CLOSE = 0, 1, 2, 3, 5, 6
READ, WRITE, IOCTL, QUERY_DIRECTORY, QUERY_INFO, SET_INFO = 8, 9, 11, 14, 16, 17

READING, WRITING, DELETING = 0x00120089, 0x00120116, 0x00110080
OPEN, MAKE, OPEN_OR_MAKE, OVERWRITE_OR_MAKE = 1, 2, 3, 5
DIRECTORY, DELETE_ON_CLOSE, REPARSE_POINT = 0x1, 0x1000, 0x200000
FSCTL_PIPE_TRANSCEIVE, FSCTL_SET_REPARSE_POINT = 0x0011C017, 0x000900A4
FSCTL_GET_REPARSE_POINT, FSCTL_DFS_REFERRALS = 0x000900A8, 0x00060194
FSCTL_RESUME_KEY, FSCTL_COPY_CHUNK = 0x00140078, 0x001440F2
_FLAGS = 0xA2088205  # Unicode, NTLM, extended session security, 128 bit


class Answer(NamedTuple):
    status: int
    body: bytes  # without the header

    @property
    def ok(self) -> bool:
        return self.status == SUCCESS


@dataclass
class Login:
    """Without a password: a guest, or without a name anonymous."""

    user: str = ""
    password: str | None = None


class SmbClient:
    """One connection, one session, one tree at a time."""

    def __init__(self, server: str, port: int, seconds: float = 10) -> None:
        self._socket = socket.create_connection((server, port), seconds)
        self._message, self._session, self._tree = 0, 0, 0
        self._server = server
        body = struct.pack("<HHHHI16sQ", 36, 1, 1, 0, 0, os.urandom(16), 0)
        answer = self._ask(NEGOTIATE, body + struct.pack("<H", 0x0210))
        assert answer.ok, hex(answer.status)

    def __enter__(self) -> SmbClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # -- sessions and trees --------------------------------------------------------------------

    def login(self, who: Login) -> int:
        """The status."""
        first = self._setup(b"NTLMSSP\0" + struct.pack("<II16x", 1, _FLAGS))
        if first.status != MORE:
            return first.status
        offset, length = struct.unpack_from("<HH", first.body, 4)
        challenge = first.body[offset - 64 : offset - 64 + length]
        return self._setup(_authenticate(challenge, who)).status

    def tree(self, share: str) -> int:
        """Connect to a share; the status."""
        path = f"\\\\{self._server}\\{share}".encode("utf-16-le")
        answer = self._ask(TREE_CONNECT, struct.pack("<HHHH", 9, 0, 72, len(path)) + path)
        return answer.status

    # -- files -----------------------------------------------------------------------------------

    def create(
        self, name: bytes, access: int = READING, disposition: int = OPEN, options: int = 0
    ) -> tuple[int, bytes]:
        """The status and, if it is a success, the id of the open file."""
        fixed = struct.pack(
            "<HBBIQQIIIIIHHII",
            *(57, 0, 0, 2, 0, 0, access, 0, 7, disposition, options, 120, len(name), 0, 0),
        )
        answer = self._ask(CREATE, fixed + (name or b"\0"))
        return answer.status, answer.body[64:80] if answer.ok else b""

    def finish(self, file: bytes) -> None:
        self._ask(CLOSE, struct.pack("<HHI", 24, 0, 0) + file)

    def read(self, file: bytes, length: int = 65536) -> bytes:
        """What is at the beginning; nothing if it cannot be read."""
        fixed = struct.pack("<HBBIQ16sIIIHH", 49, 0, 0, length, 0, file, 0, 0, 0, 0, 0)
        answer = self._ask(READ, fixed + b"\0")
        return answer.body[16:] if answer.ok else b""

    def write(self, file: bytes, data: bytes) -> int:
        fixed = struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), 0, file, 0, 0, 0, 0, 0)
        return self._ask(WRITE, fixed + data).status

    def list(self, directory: bytes, pattern: bytes) -> Answer:
        fixed = struct.pack("<HBBI16sHHI", 33, 1, 0, 0, directory, 96, len(pattern), 65536)
        return self._ask(QUERY_DIRECTORY, fixed + (pattern or b"\0"))

    def rename(self, file: bytes, name: bytes, replace: bool = True) -> int:
        return self._set_name(file, 10, name, replace)

    def link(self, file: bytes, name: bytes, replace: bool = True) -> int:
        """A second name, a hard link."""
        return self._set_name(file, 11, name, replace)

    def ioctl(self, code: int, file: bytes = b"\xff" * 16, data: bytes = b"") -> Answer:
        fixed = struct.pack(
            "<HHI16sIIIIIIII", *(57, 0, code, file, 120, len(data), 0, 0, 0, 65536, 1, 0)
        )
        return self._ask(IOCTL, fixed + (data or b"\0"))

    def pipe(self, name: str) -> int:
        """Open a named pipe of the tree IPC$; the status."""
        status, file = self.create(name.encode("utf-16-le"), READING | WRITING)
        if file:
            self.finish(file)
        return status

    def _set_name(self, file: bytes, kind: int, name: bytes, replace: bool) -> int:
        data = struct.pack("<B7xQI", replace, 0, len(name)) + name
        fixed = struct.pack("<HBBIHHI16s", 33, 1, kind, len(data), 96, 0, 0, file)
        return self._ask(SET_INFO, fixed + data).status

    # -- the wire --------------------------------------------------------------------------------

    def _setup(self, blob: bytes) -> Answer:
        body = struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(blob), 0) + blob
        return self._ask(SESSION_SETUP, body)

    def _ask(self, command: int, body: bytes) -> Answer:
        header = struct.pack(
            "<4sHHIHHIIQIIQ16x",
            *(b"\xfeSMB", 64, 1, 0, command, 64, 0, 0, self._message),
            *(0, self._tree, self._session),
        )
        self._message += 1
        packet = header + body
        self._socket.sendall(struct.pack(">I", len(packet)) + packet)
        return self._answer(command)

    def _answer(self, command: int) -> Answer:
        while True:
            length = struct.unpack(">I", receive_exactly(self._socket, 4))[0]
            packet = receive_exactly(self._socket, length)
            (status,) = struct.unpack_from("<I", packet, 8)
            if status != 0x103:  # pending: the answer comes later
                break
        if command == SESSION_SETUP:
            self._session = struct.unpack_from("<Q", packet, 40)[0]
        if command == TREE_CONNECT and status == SUCCESS:
            self._tree = struct.unpack_from("<I", packet, 36)[0]
        return Answer(status, packet[64:])


def _authenticate(challenge: bytes, who: Login) -> bytes:
    """The third message of NTLMSSP: NTLMv2, or anonymous."""
    user = who.user.encode("utf-16-le")
    flags, answer, old = _FLAGS, b"", b""
    if who.password is not None:
        length, _, offset = struct.unpack_from("<HHI", challenge, 40)
        answer = _ntlm2(challenge[24:32], challenge[offset : offset + length], who)
        old = bytes(24)
    elif not who.user:
        flags, old = flags | 0x800, b"\0"
    parts = [old, answer, b"", user, b"", b""]  # LM, NT, domain, user, workstation, key
    position, fields = 64, b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), position)
        position += len(part)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<I", flags) + b"".join(parts)


def _ntlm2(challenge: bytes, target: bytes, who: Login) -> bytes:
    assert who.password is not None
    key = _hmac(md4(who.password.encode("utf-16-le")), who.user.upper().encode("utf-16-le"))
    blob = struct.pack("<BBHIQ8sI", 1, 1, 0, 0, 0, os.urandom(8), 0) + target + bytes(4)
    return _hmac(key, challenge + blob) + blob


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.md5).digest()


_ROUNDS = (
    (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
    (
        *(lambda x, y, z: x & y | x & z | y & z, 0x5A827999),
        *((0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
    ),
    (
        *(lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1),
        *((0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
    ),
)


def md4(message: bytes) -> bytes:
    """RFC 1320.  OpenSSL 3 no longer has it, and NTLM is made of it."""
    padded = message + b"\x80" + bytes(-(len(message) + 9) % 64)
    padded += struct.pack("<Q", len(message) * 8)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for offset in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, offset)
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for step, word in enumerate(order):
                value = (a + (mix(b, c, d) & 0xFFFFFFFF) + words[word] + constant) & 0xFFFFFFFF
                shift = shifts[step % 4]
                value = (value << shift | value >> (32 - shift)) & 0xFFFFFFFF
                a, b, c, d = d, value, b, c
        state = tuple((x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d), strict=True))  # type: ignore[assignment]
    return struct.pack("<4I", *state)
