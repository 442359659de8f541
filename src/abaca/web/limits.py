"""What a client can make the server keep, and for how long."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one server process; times are in seconds, sizes in bytes."""

    connections: int = 4096  # at a time, of all clients
    connections_per_address: int = 256  # an IPv6 client counts by its /64
    waiting: int = 1024  # complete requests that wait for a thread or run
    head: int = 32768  # request line and headers
    headers: int = 100  # how many
    body: int = 114688
    pipelined: int = 16  # requests that one read may bring
    request_seconds: float = 30.0  # from the first byte of a request to its last
    idle_seconds: float = 75.0  # between two requests, and before the first
    answer_seconds: float = 30.0  # to take an answer, and a second more for each SLOWEST bytes
    close_seconds: float = 2.0  # to read an answer after which the connection is closed
    stop_seconds: float = 3.0  # for requests that run when the server is told to stop


SLOWEST = 16384  # bytes per second
