"""The simulated storage: the fake array in memory, and its driver."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.contract.private_storage import PrivateStorageBase
from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.fake.driver import FakeShareDriver
from abaca.drivers.fake.state import State

TABLES = ("shares", "snapshots", "objects", "files", "rules", "rule_states", "calls", "faults",
          "pending", "pools")  # fmt: skip


class _InMemory(State):
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(":memory:", isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.executescript(self.schema)
        return self._connection


class Array(FakeBackend):
    """The fake array (abaca.drivers.fake.backend), but in memory."""

    def __init__(self) -> None:
        self.state = _InMemory(Path("simulated"))

    def reset(self) -> None:
        """Nothing is on it, nothing was ever called."""
        with self.state.write() as tx:
            for table in TABLES:
                tx.execute(f"DELETE FROM {table}")


class SimulatedDriver(FakeShareDriver):
    """The fake driver, on that array."""

    def __init__(self, array: Array, storage: PrivateStorageBase, **options: Any) -> None:
        values = {
            "driver_handles_share_servers": False,
            "share_backend_name": "fake",
            "fake_pools": ["fake"],
            **options,
        }
        super().__init__(
            configuration=DictConfiguration(values, config_group="fake"), private_storage=storage
        )
        self._backend = array
