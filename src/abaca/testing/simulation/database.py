"""The database of a simulated history: in memory, and as new in a fraction of a millisecond."""

from __future__ import annotations

import copy
import sqlite3
from typing import Any

from abaca.model import clock
from abaca.store import migrate, services, types
from abaca.store.clock import SQLITE_CLOCK
from abaca.store.engine import Store
from abaca.store.signals import Signals

URL = "sqlite:///file:simulation?mode=memory&cache=shared&uri=true"
TYPE_ID = "11111111-1111-4111-8111-111111111111"
SPECS = {
    "driver_handles_share_servers": "False",
    "snapshot_support": "True",
    "create_share_from_snapshot_support": "True",
    "revert_to_snapshot_support": "True",
    "mount_snapshot_support": "True",
}


class Database:
    """What all processes of a history share.  One for each process of the machine."""

    def __init__(self) -> None:
        self._base = Store(URL)
        migrate.upgrade(self._base)
        with self._base.transaction() as tx:
            types.insert(tx, {"id": TYPE_ID, "name": "default", "is_public": True}, SPECS)
            services.ensure_zone(tx, "nova")
        self._live = sqlite3.connect(
            str(self._base.url.database) + "?mode=memory&cache=shared", uri=True
        )
        self._live.create_function(SQLITE_CLOCK, 0, clock.now)
        self._first = {
            table: self.rows(f"SELECT * FROM {table}")
            for (table,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
            if table != "sqlite_master"
        }

    def reset(self) -> None:
        """Nothing has ever happened.  Row by row: a restored copy would have SQLite compile every
        statement anew, which takes longer than a history."""
        with self._live:
            for table, first in self._first.items():
                if self._live.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]:
                    self._live.execute(f"DELETE FROM {table}")
                if first:
                    marks = ", ".join("?" * len(first[0]))
                    self._live.executemany(f"INSERT INTO {table} VALUES ({marks})", first)

    def store(self) -> Store:
        """As a process has it: its own signals; the connections are everybody's, because making
        them anew for each simulated process would take longer than all the rest."""
        made = copy.copy(self._base)
        made.signals = Signals(made)
        return made

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Look, without passing any point."""
        return self._live.execute(statement, values).fetchall()
