"""A power cut on SQLite: what was acknowledged is there, and what was torn is not half there.

A process that dies loses nothing, so power cuts are made: the database file as it was, and its
write-ahead log as far as it had been synced when a request was acknowledged; what was written after
that is missing, cut anywhere, or garbage.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from abaca.drivers.fake.backend import FakeBackend
from abaca.service.bootstrap import DEFAULT_TYPE, ensure_default_type
from abaca.service.env import Env, Settings
from abaca.store import migrate
from abaca.store import schema as t
from abaca.store.engine import Store
from abaca.testing.invariants import violations
from crash.world import World

REQUESTS, CUTS = 30, 90
FULL, NORMAL = 2, 1


class Machine:
    """A database in which requests were acknowledged, and how long the log was at each of them."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "abaca.sqlite"
        self.acknowledged: list[str] = []
        self.synced: list[int] = []  # bytes of the log after each of them

    @property
    def wal(self) -> Path:
        return self.file.with_name("abaca.sqlite-wal")

    def work(self) -> None:
        store = Store(f"sqlite:///{self.file}")
        migrate.upgrade(store)
        ensure_default_type(store)
        with store.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.base = self.file.read_bytes()
        env = Env(store, Settings(default_share_type=DEFAULT_TYPE))
        world = World(env, "", self.file.parent, FakeBackend(self.file.parent / "array"))
        for _ in range(REQUESTS):
            self.acknowledged.append(world.share(1))
            self.synced.append(self.wal.stat().st_size)
        self.log = self.wal.read_bytes()
        assert self.file.read_bytes() == self.base, "a checkpoint in the middle: too many requests"
        store.close()

    def after_cut(self, folder: Path, log: bytes) -> Store:
        """The database as another machine finds it."""
        folder.mkdir()
        file = folder / "abaca.sqlite"
        file.write_bytes(self.base)
        file.with_name("abaca.sqlite-wal").write_bytes(log)
        return Store(f"sqlite:///{file}")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    made = Machine(tmp_path_factory.mktemp("machine"))
    made.work()
    return made


def torn(machine: Machine, synced: int, dice: random.Random) -> bytes:
    """The log after a cut: what was synced is there, of the rest anything can be."""
    rest = bytearray(machine.log[synced : synced + dice.randrange(len(machine.log) + 1)])
    how = dice.choice(("cut", "garbled", "holes"))
    for _ in range(dice.randint(1, 20) if rest and how != "cut" else 0):
        place = dice.randrange(len(rest))
        length = dice.randint(1, 4096)
        noise = dice.randbytes(length) if how == "garbled" else bytes(length)
        rest[place : place + length] = noise[: len(rest) - place]
    return machine.log[:synced] + bytes(rest)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_power_cut_all_that_was_acknowledged_is_there(
    machine: Machine, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    for cut in range(CUTS // 3):
        count = dice.randrange(len(machine.synced) + 1)
        synced = machine.synced[count - 1] if count else 0
        store = machine.after_cut(tmp_path / str(cut), torn(machine, synced, dice))
        with store.read() as tx:
            assert tx.scalar(sa.text("PRAGMA integrity_check")) == "ok"
            found = {row[0] for row in tx.all(sa.select(t.shares.c.id))}
        later = len(found)
        assert later >= count, f"seed {seed}, cut {cut}: {count - later} of {count} are lost"
        assert found == set(machine.acknowledged[:later]), "not the state after a commit"
        nothing = FakeBackend(tmp_path / str(cut) / "array")
        assert violations(store, nothing) == []
        nothing.state.close()
        store.close()
        shutil.rmtree(tmp_path / str(cut))


@pytest.mark.parametrize(("durable", "level"), [(True, FULL), (False, NORMAL)])
def test_what_is_acknowledged_is_synced(tmp_path: Path, durable: bool, level: int) -> None:
    store = Store(f"sqlite:///{tmp_path}/abaca.sqlite")
    for wanted in (durable, not durable, durable):  # connections are used again
        with store.transaction(durable=wanted) as tx:
            found = tx.scalar(sa.text("PRAGMA synchronous"))
    assert found == level
    with store.read() as tx:
        assert tx.scalar(sa.text("PRAGMA journal_mode")) == "wal"
    store.close()
