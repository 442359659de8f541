"""The operation log with handlers that misbehave, and operations that are called off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from abaca.model.errors import DriverError
from abaca.model.operations import Operation
from abaca.operations import attempt
from abaca.operations import log as oplog
from abaca.operations.enqueue import enqueue
from abaca.operations.job import Job, Kinds, Retry
from abaca.operations.worker import Worker
from abaca.store import schema as t
from abaca.store.engine import Store, Tx
from store.test_operations import CTX, HOST, change, put, state, wait_for
from store.test_operations import make_worker as make_worker  # a fixture

Make = Callable[..., Worker]


def test_failing_in_failing_ends_the_operation_and_settles_the_rows(
    store: Store, make_worker: Make
) -> None:
    kinds, settled = Kinds(), []

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        tx.run(sa.insert(t.leases), {"name": "x", "owner": "", "epoch": 0, "expires_at": 0.0})
        raise KeyError("instance_id")

    @kinds.operation("x", failed=failed)
    def run(job: Job[str]) -> None:
        raise DriverError("no")

    def last_resort(tx: Tx, op: Operation) -> None:
        settled.append(op.id)

    worker = make_worker(kinds, start=False, last_resort=last_resort)
    worker.start()
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "failed")
    assert settled == [op_id]
    with store.read() as tx:
        assert tx.scalar(sa.select(t.leases.c.name).where(t.leases.c.name == "x")) is None


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_what_is_no_exception_fails_the_operation_too(
    store: Store, make_worker: Make, error: BaseException
) -> None:
    kinds, settled = Kinds(), []

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(str(error))

    @kinds.operation("x", failed=failed)
    def run(job: Job[str]) -> None:
        raise error

    make_worker(kinds)
    op_id, after = put(store, "x"), put(store, "x")
    wait_for(lambda: state(store, op_id) == state(store, after) == "failed")
    assert type(error).__name__ in settled[0]


def test_what_ends_its_process_each_time_is_given_up(store: Store, make_worker: Make) -> None:
    kinds, settled = Kinds(), []

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(str(error))

    kinds.operation("x", failed=failed)(lambda job: settled.append("ran"))
    op_id = put(store, "x")
    change(store, op_id, attempt=Retry().attempts + attempt.INTERRUPTIONS)
    make_worker(kinds)
    wait_for(lambda: state(store, op_id) == "failed")
    assert "interrupted" in settled[0] and len(settled) == 1


def test_often_interrupted_operations_let_others_go_first(store: Store) -> None:
    op_id, other = put(store, "x"), put(store, "x", key="other")
    change(store, op_id, state="running", attempt=9)
    change(store, other, state="running", attempt=1)
    now = time.time()
    with store.transaction() as tx:
        assert oplog.requeue_orphans(tx, HOST, now, []) == 2
        rows = tx.all(sa.select(t.operations.c.not_before).order_by(t.operations.c.id))
    assert [row[0] for row in rows] == [pytest.approx(now + 9), 0.0]


def test_an_operation_whose_time_is_up_fails(store: Store, make_worker: Make) -> None:
    kinds, settled = Kinds(), []

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(str(error))

    kinds.operation("x", failed=failed)(lambda job: settled.append("ran"))
    op_id = put(store, "x")
    change(store, op_id, deadline=time.time() - 1)
    make_worker(kinds)
    wait_for(lambda: state(store, op_id) == "failed")
    assert "time was up" in settled[0]


def test_an_unknown_kind_waits_and_others_go_on(store: Store, make_worker: Make) -> None:
    kinds = Kinds()
    kinds.operation("x")(lambda job: None)
    worker = make_worker(kinds)
    unknown, known = put(store, "of the future"), put(store, "x", key="other")
    wait_for(lambda: state(store, known) == "done" and state(store, unknown) == "queued")
    wait_for(lambda: worker.queues[HOST].busy == 0)


def test_a_running_operation_is_cancelled_before_its_next_step(
    store: Store, make_worker: Make
) -> None:
    kinds, settled = Kinds(), []
    begun, go_on = threading.Event(), threading.Event()

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(type(error).__name__)

    @kinds.operation("x", failed=failed)
    def run(job: Job[str]) -> None:
        begun.set()
        go_on.wait(5)
        with job.transaction():
            pass
        job.check()
        settled.append("went on")

    make_worker(kinds)
    op_id = put(store, "x")
    assert begun.wait(5)
    with store.transaction() as tx:
        assert oplog.cancel(tx, op_id)
    go_on.set()
    wait_for(lambda: state(store, op_id) == "failed")
    assert settled == ["Cancelled"]


def test_a_disowned_operation_keeps_its_key_until_its_thread_is_out(
    store: Store, make_worker: Make
) -> None:
    """What is enqueued next for the resource must find what the last driver call has made."""
    kinds, order = Kinds(), []
    begun, go_on = threading.Event(), threading.Event()

    @kinds.operation("create")
    def create(job: Job[str]) -> None:
        begun.set()
        go_on.wait(5)
        order.append("created")

    kinds.operation("delete")(lambda job: order.append("deleted"))
    make_worker(kinds)
    first = put(store, "create")
    assert begun.wait(5)
    with store.transaction() as tx:
        assert oplog.disown(tx, first)
        assert not oplog.disown(tx, first)
    second = put(store, "delete")
    time.sleep(0.3)
    assert order == []
    go_on.set()
    wait_for(lambda: state(store, second) == "done", 4)
    assert order == ["created", "deleted"] and state(store, first) == "cancelled"


def test_a_disowned_operation_of_a_dead_process_is_over(store: Store, make_worker: Make) -> None:
    op_id = put(store, "x")
    change(store, op_id, state="running", epoch=7)
    with store.transaction() as tx:
        oplog.disown(tx, op_id)
    make_worker(Kinds())
    wait_for(lambda: state(store, op_id) == "cancelled")


def test_an_operation_on_a_backend_is_not_ended_for_one_share(store: Store) -> None:
    with store.transaction() as tx:
        op_id = enqueue(
            tx, "ensure", host=HOST, lock_key="e", resource_type="BACKEND", resource_id="b", ctx=CTX
        )
        assert not oplog.disown(tx, op_id)
