"""What raw clients share."""

from __future__ import annotations

import socket


def receive_exactly(sock: socket.socket, length: int) -> bytes:
    """So many bytes.  ConnectionResetError if the server closes the connection before."""
    data = b""
    while len(data) < length:
        part = sock.recv(length - len(data))
        if not part:
            raise ConnectionResetError("the server has closed the connection")
        data += part
    return data
