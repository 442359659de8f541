"""A store inside an open transaction: what several use cases write is one commit.

    with store.transaction() as tx:
        share = shares_create.create(Env(Joined(tx), settings), ctx, wanted)
        ...                                        # written if and only if the share is

Each of their transactions is a savepoint: one that raises undoes its own writes alone, as it would
have by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .engine import Store, Tx


class Joined(Store):
    """Looks like a store; everything happens in the transaction it was made from."""

    def __init__(self, tx: Tx) -> None:
        outer = tx.store
        self.url, self.dialect, self.signals = outer.url, outer.dialect, outer.signals
        self.engine, self.relaxed = outer.engine, outer.relaxed
        self._tx = tx

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Tx]:
        """It is as durable as the outer one."""
        with self._tx.part():
            yield self._tx

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """Sees what has been written so far."""
        yield self._tx

    def close(self) -> None:
        """The outer store is somebody else's."""
