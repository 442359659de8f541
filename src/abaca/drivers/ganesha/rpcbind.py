"""A stand-in for rpcbind while a Ganesha starts.

Ganesha refuses to serve NFSv3 unless it can register its ports with rpcbind.  Several servers on
one machine would overwrite each other's entries there, and a machine may run none.  Clients of
abaca are told the ports, so each server registers with this instead: a socket, bound at rpcbind's
path in the server's own root, that acknowledges every call (RFC 1833, RFC 5531).
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

SOCKET = Path("/run/rpcbind.sock")
_LAST_FRAGMENT = 1 << 31
_REPLY, _ACCEPTED, _SUCCESS, _YES = 1, 0, 0, 1


class _Answer(socketserver.StreamRequestHandler):
    """Acknowledge every call of a connection."""

    def handle(self) -> None:
        while len(head := self.rfile.read(4)) == 4:
            length = struct.unpack(">I", head)[0] & ~_LAST_FRAGMENT
            call = self.rfile.read(length)
            if len(call) < 4:
                return
            reply = call[:4] + struct.pack(">6I", _REPLY, _ACCEPTED, 0, 0, _SUCCESS, _YES)
            with contextlib.suppress(OSError):
                self.wfile.write(struct.pack(">I", _LAST_FRAGMENT | len(reply)) + reply)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def stand_in(path: Path) -> Iterator[None]:
    """Answer at a UNIX socket while the context lasts."""
    path.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # a socket address holds 108 bytes; this one is short however deep the directory is
        server = _Server(f"/proc/self/fd/{directory}/{path.name}", _Answer)
    finally:
        os.close(directory)
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="rpcbind")
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def is_listening() -> bool:
    """Whether a real rpcbind answers on this machine."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(SOCKET)) == 0
