"""Hosts that share a database: network namespaces, each with a link of its own to a PostgreSQL
that has a namespace, too.  No address is outside of them."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator

from support import postgres


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, timeout=20)


class Hosts:
    """`names` are the namespaces; see `hosts`."""

    def __init__(self, names: list[str], server: postgres.Postgres, database: str) -> None:
        self.names, self.server, self._database = names, server, database

    @property
    def url(self) -> str:
        """Of the database for this process, which is in no namespace: a socket in the file tree."""
        return self.server.url(str(self.server.folder), self._database)

    def new_database(self) -> None:
        """An empty one takes the place of the last."""
        self._database = self.server.database().rpartition("/")[2]

    def url_from(self, name: str) -> str:
        """Of the database, as the host of this name reaches it."""
        return self.server.url(_address(self.names.index(name), 1), self._database)

    def cut(self, name: str) -> None:
        """What the host sends gets lost, without a word to either side."""
        _ip("-n", name, "link", "set", "uplink", "down")

    def join(self, name: str) -> None:
        """The cable is back."""
        _ip("-n", name, "link", "set", "uplink", "up")


def _address(number: int, side: int) -> str:
    return f"10.231.{number + 1}.{side}"


@contextlib.contextmanager
def hosts(count: int) -> Iterator[Hosts]:
    """That many hosts and an empty database."""
    token = uuid.uuid4().hex[:6]
    center, *names = [f"abaca-{token}-{number}" for number in range(count + 1)]
    with contextlib.ExitStack() as stack:
        for name in (center, *names):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name, check=False)
            _ip("-n", name, "link", "set", "lo", "up")
        for number, name in enumerate(names):
            _connect(center, name, number)
        server = stack.enter_context(postgres.server(netns=center))
        database = server.database().rpartition("/")[2]
        yield Hosts(names, server, database)


def _connect(center: str, name: str, number: int) -> None:
    near = f"host{number}"
    peer = ("type", "veth", "peer", "name", "uplink", "netns", name)
    _ip("-n", center, "link", "add", near, *peer)
    for namespace, link, side in ((center, near, 1), (name, "uplink", 2)):
        _ip("-n", namespace, "addr", "add", f"{_address(number, side)}/24", "dev", link)
        _ip("-n", namespace, "link", "set", link, "up")
