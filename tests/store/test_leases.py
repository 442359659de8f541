"""Who may work: leases, and those who lost one."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from abaca.model.errors import LeaseLost
from abaca.operations import log as oplog
from abaca.operations.job import Job, Kinds
from abaca.operations.lease import Keeper, Lease, new_owner, owner_is_gone, try_take
from abaca.operations.worker import Worker
from abaca.store import schema as t
from abaca.store.engine import Store
from store.test_operations import HOST, put, state, wait_for
from store.test_operations import make_worker as make_worker  # a fixture

Make = Callable[..., Worker]


def test_a_claim_holds_the_lease_until_it_is_committed(store: Store) -> None:
    """A successor that comes in the middle sees what was claimed."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    lease = Lease(oplog.lease_name(HOST), 0.01)
    with store.transaction() as tx:
        assert try_take(tx, lease, "me/x/1/1/1") == 1
    op_id = put(store, "x")
    time.sleep(0.05)
    taken: list[int | None] = []

    def successor() -> None:
        with store.transaction() as tx:
            taken.append(try_take(tx, lease, "other/x/1/1/1"))
            taken.append(oplog.requeue_orphans(tx, HOST, time.time(), []))

    thread = threading.Thread(target=successor)
    with store.transaction() as tx:
        assert [op.id for op in oplog.claim(tx, HOST, 1, time.time(), 5)] == [op_id]
        thread.start()
        time.sleep(0.3)
        assert taken == [], "the successor waits"
    thread.join(5)
    assert taken == [2, 1]
    with store.transaction() as tx:
        assert oplog.claim(tx, HOST, 1, time.time(), 5) == [], "the old epoch claims nothing"


def test_a_heartbeat_does_not_wait_for_the_commits_of_those_who_mark_operations(
    store: Store,
) -> None:
    """They are many, and one follows the other: it might wait until the lease is over."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    keeper, lease = Keeper(store, "me/x/1/1/1", 60, 60), Lease(oplog.lease_name(HOST), 60)
    keeper.keep(lease)
    with store.transaction() as tx:
        lease.renewed(try_take(tx, lease, "me/x/1/1/1") or 0, time.monotonic())
    op_id = put(store, "x")
    thread = threading.Thread(target=keeper.renew)
    with store.transaction() as tx:
        assert [op.id for op in oplog.claim(tx, HOST, 1, time.time(), 5)] == [op_id]
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), "it waits"
    thread.join(20)


def test_a_standby_is_told_when_the_lease_may_be_free(store: Store) -> None:
    lease = Lease("l", 60.0)
    with store.transaction() as tx:
        assert try_take(tx, lease, "me/x/1/1/1") == 1
        assert try_take(tx, lease, "other/x/1/1/1") is None
    assert 30 < lease.free_in <= 60


def test_a_lease_that_was_renewed_since_we_looked_is_not_taken(store: Store) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    lease = Lease("l", 0.01)
    with store.transaction() as tx:
        try_take(tx, lease, "me/x/1/1/1")
    time.sleep(0.05)
    result: list[int | None] = []
    row = sa.update(t.leases).where(t.leases.c.name == "l")

    def other() -> None:
        with store.transaction() as tx:
            result.append(try_take(tx, lease, "other/x/1/1/1"))

    thread = threading.Thread(target=other)
    with store.transaction() as tx:
        tx.run(row.values(expires_at=t.leases.c.expires_at + 1000))  # its holder woke up
        thread.start()
        time.sleep(0.3)
    thread.join(5)
    assert result == [None]


def test_whose_process_is_gone() -> None:
    mine = new_owner()
    host, space, pid, started, nonce = mine.split("/")
    gone = [f"{host}/{space}/{pid}/{int(started) - 1}/{nonce}", ""]
    unknown = [
        mine,
        f"other/{space}/{pid}/1/{nonce}",  # another machine
        f"{host}/boot-1/{pid}/1/{nonce}",  # of the same name, or another container
        "an owner of another release",
    ]
    assert [owner_is_gone(owner) for owner in gone] == [True] * 2
    assert [owner_is_gone(owner) for owner in unknown] == [False] * 4


def test_a_stopped_worker_gives_back_its_lease_only_when_nothing_runs(
    store: Store, make_worker: Make
) -> None:
    kinds, begun, go_on = Kinds(), threading.Event(), threading.Event()

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        begun.set()
        go_on.wait(10)

    worker = make_worker(kinds)
    put(store, "x")
    assert begun.wait(5)
    worker.stop(0.2)
    owner = sa.select(t.leases.c.owner).where(t.leases.c.name == oplog.lease_name(HOST))
    with store.read() as tx:
        assert tx.scalar(owner) == worker.owner
    go_on.set()
    wait_for(lambda: worker.queues[HOST].busy == 0)
    worker.stop(2)
    with store.read() as tx:
        assert tx.scalar(owner) == ""
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if name.startswith((f"op {HOST}", f"queue {HOST}"))}


def test_progress_of_who_lost_the_lease_ends_the_work(store: Store, make_worker: Make) -> None:
    kinds, errors = Kinds(), []

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        job.progress(10)
        if job.op.attempt == 1:
            queue.lease._good_until = 0.0
            try:
                job.progress(20)
            except LeaseLost as error:
                errors.append(error)
                raise

    queue = make_worker(kinds).queues[HOST]
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done")
    assert len(errors) == 1


def test_signals_find_a_database_with_a_long_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    store = Store(f"sqlite:///{folder}/abaca.sqlite")
    heard: list[str] = []
    store.signals.listen(heard.append)
    wait_for(lambda: heard == [""])
    with store.transaction() as tx:
        store.signals.announce(tx, "q")
    wait_for(lambda: heard == ["", "q"])
    store.close()


def test_another_process_holds_the_sqlite_file_past_the_lease(
    store: Store, make_worker: Make
) -> None:
    if store.dialect != "sqlite":
        pytest.skip("only SQLite has one writer")
    kinds, ran, go_on = Kinds(), [], threading.Event()

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        ran.append(job.op.epoch)
        if len(ran) == 1:
            go_on.wait(5)
        job.check()

    make_worker(kinds, lease_seconds=0.5, heartbeat_seconds=0.1)
    op_id = put(store, "x")
    wait_for(lambda: bool(ran))
    other = sqlite3.connect(str(store.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(1.0)
    go_on.set()  # the lease is not ours any more, as far as we know
    later: list[int] = []
    writer = threading.Thread(target=lambda: later.append(put(store, "x", key="other")))
    writer.start()
    time.sleep(0.5)
    other.execute("ROLLBACK")
    other.close()
    writer.join(20)
    wait_for(lambda: state(store, op_id) == state(store, later[0]) == "done", 8)
    assert 3 <= len(ran) <= 8 and len(set(ran)) == 1, "nobody else had the lease"
