"""A client machine that opens connections and says nothing: a program of its own.

    python idle_connections.py SERVER NUMBER PORT...

Opens NUMBER connections to each port and prints how many each port has accepted, as
JSON.  It holds them until there is a line on standard input, and ends after a minute in any case.
"""

from __future__ import annotations

import contextlib
import errno
import json
import resource
import select
import selectors
import socket
import sys
from pathlib import Path

MOST_SECONDS = 60
PENDING = 40  # opened at the same time: fewer than smbd's queue of 50 holds, which drops the rest


def opened(server: str, port: int, number: int, held: contextlib.ExitStack) -> int:
    """How many of `number` connections are accepted."""
    accepted = 0
    for start in range(0, number, PENDING):
        with selectors.DefaultSelector() as selector:
            for _ in range(min(PENDING, number - start)):
                family = socket.AF_INET6 if ":" in server else socket.AF_INET
                one = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
                one.setblocking(False)
                if one.connect_ex((server, port)) in (0, errno.EINPROGRESS):
                    selector.register(one, selectors.EVENT_WRITE)
            while selector.get_map():
                ready = selector.select(5)
                if not ready:
                    break
                for key, _ in ready:
                    selector.unregister(key.fileobj)
                    one = key.fileobj  # type: ignore[assignment]
                    accepted += one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return accepted


def main(server: str, number: str, *ports: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as held:
        print(
            json.dumps({port: opened(server, int(port), int(number), held) for port in ports}),
            flush=True,
        )
        select.select([sys.stdin], [], [], MOST_SECONDS)


FILE = Path(__file__)

if __name__ == "__main__":
    main(*sys.argv[1:])
