"""The operation log when answers of the database are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from abaca.model.errors import Unavailable
from abaca.operations import log as oplog
from abaca.operations.job import Job, Kinds
from abaca.operations.worker import Worker
from abaca.store import seam
from abaca.store.engine import Store
from store.test_operations import HOST, change, put, state, wait_for
from store.test_operations import make_worker as make_worker  # a fixture

Make = Callable[..., Worker]


@pytest.fixture
def cut() -> Iterator[Callable[[Callable[[str, str], None]], None]]:
    """Call this at every seam with the name of the thread and the point."""

    def install(cutter: Callable[[str, str], None]) -> None:
        seam.install(lambda point: cutter(threading.current_thread().name, point))

    yield install
    seam.install(None)


@pytest.fixture
def elsewhere(store: Store) -> Iterator[Store]:
    """The same database, as another process sees it."""
    other = Store(store.url.render_as_string(hide_password=False))
    yield other
    other.close()


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_a_claim_whose_answer_is_lost_is_run(
    store: Store, elsewhere: Store, make_worker: Make, cut: Callable[..., None], point: str
) -> None:
    kinds, ran, lost = Kinds(), [], []
    kinds.operation("x")(lambda job: ran.append(job.op.id))
    worker = make_worker(kinds)
    wait_for(lambda: worker.queues[HOST].lease.held)
    time.sleep(0.2)

    def cutter(thread: str, where: str) -> None:
        if thread == f"queue {HOST}" and where == point and not lost:
            lost.append(1)
            raise Unavailable("the connection is gone")

    cut(cutter)
    op_id = put(elsewhere, "x")
    wait_for(lambda: state(store, op_id) == "done", 4)
    assert ran == [op_id] and lost


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_a_start_whose_answer_is_lost_is_run_if_it_was_written(
    store: Store, make_worker: Make, cut: Callable[..., None], point: str
) -> None:
    """The process that asks does the work itself: it starts with the commit, without a claim."""
    kinds, ran, lost = Kinds(), [], []
    kinds.operation("x")(lambda job: ran.append(job.op.id))
    queue = make_worker(kinds).queues[HOST]
    wait_for(lambda: queue.reserve() is not None)
    queue.release(None)

    def cutter(thread: str, where: str) -> None:
        if thread == "MainThread" and where == point and not lost:
            lost.append(1)
            raise Unavailable("the connection is gone")

    cut(cutter)
    with pytest.raises(Unavailable):
        put(store, "x")
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done" and queue.busy == 0, 8)
    with store.read() as tx:
        everything = [op.id for op in oplog.of_resource(tx, "k")]
    assert ran == everything and len(everything) == (1 if point == "before commit" else 2)


def test_what_is_asked_for_while_others_wait_comes_after_them(
    store: Store, make_worker: Make
) -> None:
    kinds, ran, go_on = Kinds(), [], threading.Event()

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        go_on.wait(10)
        ran.append(job.op.id)

    make_worker(kinds, threads=1)
    ids = [put(store, "x", key=f"k{n}") for n in range(6)]
    go_on.set()
    wait_for(lambda: state(store, ids[-1]) == "done")
    assert ran == ids


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_an_end_whose_answer_is_lost_is_the_end(
    store: Store, make_worker: Make, cut: Callable[..., None], point: str
) -> None:
    kinds, ran, lost = Kinds(), [], []
    kinds.operation("x")(lambda job: ran.append(job.op.id))
    make_worker(kinds)

    def cutter(thread: str, where: str) -> None:
        if thread.startswith("op ") and where == point and not lost:
            lost.append(1)
            raise Unavailable("the connection is gone")

    cut(cutter)
    op_id = put(store, "x")
    wait_for(lambda: bool(lost) and state(store, op_id) == "done", 4)
    assert ran == [op_id] * (2 if point == "before commit" else 1)


def test_a_retry_that_cannot_be_written_is_not_forgotten(
    store: Store, make_worker: Make, cut: Callable[..., None]
) -> None:
    """The database goes away in the middle of a job, and again while it is put back."""
    kinds, ran, lost = Kinds(), [], []

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        ran.append(1)
        if len(ran) == 1:
            raise Unavailable("the connection is gone")

    def cutter(thread: str, where: str) -> None:
        if thread == f"queue {HOST}" and ran and len(lost) < 2 and where == "before commit":
            lost.append(1)
            raise Unavailable("still away")

    make_worker(kinds)
    cut(cutter)
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done", 5)
    assert len(ran) == 2 and len(lost) == 2


def test_a_late_heartbeat_does_not_leave_an_operation_behind(
    store: Store, make_worker: Make
) -> None:
    """The lease runs out locally, the job stops before its next step, then the heartbeat comes
    through: nobody has taken the lease, and the operation must be run again."""
    kinds, ran = Kinds(), []

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        ran.append(job.op.epoch)
        if len(ran) == 1:
            queue.lease._good_until = 0.0
            job.check()

    worker = make_worker(kinds)
    queue = worker.queues[HOST]
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done", 4)
    assert len(ran) == 2 and ran[0] == ran[1], "the epoch stays: nobody else had the lease"


def test_a_claim_that_a_power_cut_forgot_is_not_run_twice_at_once(
    store: Store, make_worker: Make
) -> None:
    kinds, together, go_on = Kinds(), [], threading.Event()

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        together.append(job.op.attempt)
        go_on.wait(5)

    worker = make_worker(kinds)
    op_id = put(store, "x")
    wait_for(lambda: bool(together))
    change(store, op_id, state="queued", attempt=0, epoch=0)  # the relaxed commit is gone
    worker.queues[HOST].wake()
    wait_for(lambda: state(store, op_id) == "running")
    time.sleep(0.1)
    go_on.set()
    wait_for(lambda: state(store, op_id) == "done")
    assert together == [1]


def test_the_first_steps_of_a_new_holder_are_repeated_until_they_work(
    store: Store, make_worker: Make
) -> None:
    kinds, calls = Kinds(), []
    kinds.operation("x")(lambda job: None)
    worker = make_worker(kinds, start=False)

    def taken() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Unavailable("away")
        if len(calls) == 2:
            raise ZeroDivisionError

    worker.queues[HOST].on_taken = taken
    worker.start()
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done")
    time.sleep(0.3)
    assert len(calls) == 3


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_handing_over_is_all_or_nothing(
    store: Store, make_worker: Make, cut: Callable[..., None], point: str
) -> None:
    """Both queues have epoch 1; the answer to the commit that hands over is lost."""
    kinds, ran, lost = Kinds(), [], []

    @kinds.operation("x")
    def run(job: Job[str]) -> None:
        ran.append(job.op.host)
        if job.op.host == oplog.UNPLACED:
            with job.transaction() as tx:
                job.route(tx, HOST)

    worker = make_worker(kinds, start=False)
    worker.serve(oplog.UNPLACED, None, 1)
    worker.start()
    wait_for(lambda: all(queue.lease.held for queue in worker.queues.values()))

    def cutter(thread: str, where: str) -> None:
        if thread.startswith("op placement") and where == point and not lost:
            lost.append(1)
            raise Unavailable("the connection is gone")

    cut(cutter)
    op_id = put(store, "x", host=oplog.UNPLACED)
    wait_for(lambda: state(store, op_id) == "done", 8)
    assert ran[-1] == HOST and lost
    assert ran.count(HOST) == 1
