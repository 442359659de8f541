"""The operation log keeps its promises on both databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from abaca.model.context import Context
from abaca.model.errors import Collision, DriverError, LeaseLost
from abaca.operations import log as oplog
from abaca.operations.enqueue import enqueue
from abaca.operations.job import Job, Kinds, Retry
from abaca.operations.worker import Worker
from abaca.store import schema as t
from abaca.store.engine import Store, Tx

CTX = Context(project_id="p", user_id="u")
HOST = "h@b"


class Flaky(DriverError):
    """Try again."""


def put(store: Store, kind: str, key: str = "k", host: str = HOST, **payload: object) -> int:
    with store.transaction() as tx:
        return enqueue(
            tx, kind, host=host, lock_key=key, resource_type="SHARE", resource_id=key,
            ctx=CTX, payload=payload,
        )  # fmt: skip


def state(store: Store, op_id: int) -> str:
    with store.read() as tx:
        found = oplog.get(tx, op_id)
    assert found is not None
    return found.state


def change(store: Store, op_id: int, **values: object) -> None:
    with store.transaction() as tx:
        tx.run(sa.update(t.operations).where(t.operations.c.id == op_id).values(**values))


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


@pytest.fixture
def make_worker(store: Store) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(kinds: Kinds, threads: int = 4, start: bool = True, **options: float) -> Worker:
        worker = Worker(
            store,
            kinds,
            is_transient=lambda error: isinstance(error, Flaky),
            **{"lease_seconds": 2.0, "heartbeat_seconds": 0.2, **options},
        )
        worker.serve(HOST, "backend", threads)
        if start:
            worker.start()
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.stop(5)


def test_an_operation_runs_once_and_is_done(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, ran = Kinds(), []
    kinds.operation("x")(lambda job: ran.append(job.op.payload["n"]))
    make_worker(kinds)
    op_id = put(store, "x", n=7)
    wait_for(lambda: state(store, op_id) == "done")
    assert ran == [7]


def test_a_request_that_is_rolled_back_leaves_no_work(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        enqueue(tx, "x", host=HOST, lock_key="k", resource_type="S", resource_id="r", ctx=CTX)
        raise ZeroDivisionError
    with store.read() as tx:
        assert oplog.live(tx) == []


def test_operations_of_one_key_run_in_order_and_never_together(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, order, together = Kinds(), [], []
    running: dict[str, int] = {}
    lock = threading.Lock()

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        key = job.op.lock_key
        with lock:
            running[key] = running.get(key, 0) + 1
            together.append(running[key])
            order.append((key, job.op.payload["n"]))
        time.sleep(0.002)
        with lock:
            running[key] -= 1

    ids = [put(store, "x", key=f"k{n % 5}", n=n) for n in range(50)]
    make_worker(kinds)
    wait_for(lambda: all(state(store, op_id) == "done" for op_id in ids))
    assert max(together) == 1
    for key in {key for key, _ in order}:
        mine = [n for k, n in order if k == key]
        assert mine == sorted(mine)


def test_two_that_begin_under_one_key_at_the_same_moment_collide(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    """Neither saw the other's.  The later one is told to run again, and then it waits in line."""
    if store.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    kinds, go_on = Kinds(), threading.Event()
    kinds.operation("x")(lambda job: go_on.wait(10))
    queue = make_worker(kinds).queues[HOST]
    wait_for(lambda: queue.reserve() is not None)
    queue.release(None)
    ended: list[Exception] = []

    def second() -> None:
        try:
            put(store, "x")
        except (Collision, sa.exc.DBAPIError) as error:
            ended.append(error)

    thread = threading.Thread(target=second)
    try:
        with store.transaction() as tx:
            first = enqueue(
                tx, "x", host=HOST, lock_key="k", resource_type="SHARE", resource_id="k", ctx=CTX
            )
            thread.start()
            blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            wait_for(lambda: tx.scalar(blocked) > 0)
        thread.join(10)
        assert [type(error) for error in ended] == [Collision]
        assert state(store, put(store, "x")) == "queued" and state(store, first) == "running"
    finally:
        go_on.set()
    wait_for(lambda: queue.busy == 0)


def test_a_transient_error_is_tried_again_and_a_final_one_settles_the_rows(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, tries, settled = Kinds(), [], []

    @kinds.operation("flaky", retry=Retry(first_delay=0.01))
    def flaky(job: Job[str]) -> None:
        tries.append(job.op.attempt)
        if len(tries) < 3:
            raise Flaky()

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(str(error))

    @kinds.operation("broken", failed=failed)
    def broken(job: Job[str]) -> None:
        raise DriverError("the disk is on fire")

    make_worker(kinds)
    first, second = put(store, "flaky", key="a"), put(store, "broken", key="b")
    wait_for(lambda: state(store, first) == "done" and state(store, second) == "failed")
    assert tries == [1, 2, 3]
    assert settled == ["the disk is on fire"]


def test_retries_end(store: Store, make_worker: Callable[..., Worker]) -> None:
    kinds, tries = Kinds(), []

    @kinds.operation("x", retry=Retry(attempts=3, first_delay=0.01))
    def run(job: Job[str]) -> None:
        tries.append(1)
        raise Flaky("no answer")

    make_worker(kinds)
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "unknown")
    assert len(tries) == 3


def test_a_second_worker_takes_over_what_a_silent_one_ran_and_the_first_is_fenced_off(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, begun, errors = Kinds(), threading.Event(), []
    go_on = threading.Event()

    @kinds.operation("x")
    def stuck(job: Job[str]) -> None:
        begun.set()
        go_on.wait(10)
        try:
            with job.finish():
                pass
        except LeaseLost as error:
            errors.append(error)
            raise

    other = Kinds()
    other.operation("x")(lambda job: None)
    first = make_worker(kinds, lease_seconds=0.5, heartbeat_seconds=0.1)
    op_id = put(store, "x")
    assert begun.wait(5)
    first.keeper.stop()  # as if the process were paused: no more heartbeats
    make_worker(other, lease_seconds=0.5, heartbeat_seconds=0.1)
    wait_for(lambda: state(store, op_id) == "done")
    go_on.set()
    wait_for(lambda: bool(errors))
    with pytest.raises(LeaseLost):
        first.queues[HOST].lease.check()
    first.stopping = True


def test_a_cancelled_operation_is_settled_not_run(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, settled = Kinds(), []

    def failed(job: Job[str], tx: Tx, error: Exception) -> None:
        settled.append(type(error).__name__)

    kinds.operation("x", failed=failed)(lambda job: settled.append("ran"))
    op_id = put(store, "x")
    with store.transaction() as tx:
        assert oplog.cancel(tx, op_id)
    make_worker(kinds)
    wait_for(lambda: state(store, op_id) == "failed")
    assert settled == ["Cancelled"]


def test_work_begins_within_milliseconds_of_the_request(
    store: Store, make_worker: Callable[..., Worker]
) -> None:
    kinds, begun = Kinds(), []
    kinds.operation("x")(lambda job: begun.append(time.monotonic()))
    worker = make_worker(kinds)
    wait_for(lambda: worker.queues[HOST].lease.held)
    delays = []
    for n in range(10):
        asked = time.monotonic()
        put(store, "x", key=f"k{n}")
        wait_for(lambda: len(begun) == n + 1)  # noqa: B023
        delays.append(begun[-1] - asked)
    assert sorted(delays)[5] < 0.2, delays
