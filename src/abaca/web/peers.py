"""Who is connected: a limit for each address and for all, and who goes when one is reached."""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, Protocol, TypeVar

from .clients import TrustedProxies, network_of
from .limits import Limits


class Rank(IntEnum):
    """What a connection does; connections are given up in this order."""

    IDLE = 0  # no request is there
    UNFINISHED = 1  # a handshake, half a request, an answer that is not taken
    BUSY = 2  # a complete request waits for its answer: never given up


class Connected(Protocol):
    """A connection as this module sees it."""

    group: str  # see `group_of`
    rank: Rank


C = TypeVar("C", bound=Connected)


class _Holding(Generic[C]):
    """Connections by rank; within a rank, the one that has been in it longest comes first."""

    def __init__(self) -> None:
        self.by_rank: tuple[dict[C, None], ...] = ({}, {}, {})

    def __len__(self) -> int:
        return sum(map(len, self.by_rank))

    def first_to_go(self) -> C | None:
        for held in self.by_rank[: Rank.BUSY]:
            for connection in held:
                return connection
        return None


class Peers(Generic[C]):
    """All connections of a server.  For one thread."""

    def __init__(self, limits: Limits, proxies: TrustedProxies) -> None:
        self._limits = limits
        self._proxies = proxies
        self._all: _Holding[C] = _Holding()
        self._groups: dict[str, _Holding[C]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def group_of(self, address: str) -> str:
        """`network_of` the address; "" for a trusted proxy, which has no limit of its own because
        it speaks for many clients."""
        return "" if self._proxies.trusts(address) else network_of(address)

    def make_room(self, group: str) -> tuple[bool, C | None]:
        """Whether one more connection of this group may come, and which one must go for it.

        Call `remove` for that one before `add`.
        """
        own = self._groups.get(group)
        if group and own is not None and len(own) >= self._limits.connections_per_address:
            gone = own.first_to_go()
        elif len(self._all) >= self._limits.connections:
            gone = self._all.first_to_go()
        else:
            return True, None
        return gone is not None, gone

    def add(self, connection: C) -> None:
        for holding in (self._all, self._groups.setdefault(connection.group, _Holding())):
            holding.by_rank[connection.rank][connection] = None

    def remove(self, connection: C) -> None:
        own = self._groups[connection.group]
        for holding in (self._all, own):
            del holding.by_rank[connection.rank][connection]
        if not own:
            del self._groups[connection.group]

    def rerank(self, connection: C, rank: Rank) -> None:
        """The connection goes on to something else; it is the last of that rank now."""
        for holding in (self._all, self._groups[connection.group]):
            del holding.by_rank[connection.rank][connection]
            holding.by_rank[rank][connection] = None
        connection.rank = rank

    def first_to_go(self) -> C | None:
        return self._all.first_to_go()

    def all(self) -> list[C]:
        """In the order of their ranks."""
        return [connection for held in self._all.by_rank for connection in held]
