"""The operation log when things go wrong: lost answers, lost leases, handlers that misbehave."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from abaca.model.errors import DriverError, LeaseLost, Unavailable
from abaca.model.operations import Operation
from abaca.operations import log as oplog
from abaca.operations import worker as worker_module
from abaca.operations.job import Job, Kinds, Retry
from abaca.operations.lease import Lease, new_owner, owner_is_gone, try_take
from abaca.operations.worker import Worker
from abaca.store import schema as t
from abaca.store import seam
from abaca.store.engine import Store, Tx
from store.test_operations import CTX, HOST, Flaky, put, state, wait_for
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


def change(store: Store, op_id: int, **values: object) -> None:
    with store.transaction() as tx:
        tx.run(sa.update(t.operations).where(t.operations.c.id == op_id).values(**values))


# --- answers that are lost ------------------------------------------------------------------------
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


# --- handlers that misbehave ----------------------------------------------------------------------
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

    worker = make_worker(kinds, start=False)
    worker.last_resort = last_resort
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
    change(store, op_id, attempt=Retry().attempts + worker_module.INTERRUPTIONS)
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
        op_id = oplog.enqueue(
            tx, "ensure", host=HOST, lock_key="e", resource_type="BACKEND", resource_id="b", ctx=CTX
        )
        assert not oplog.disown(tx, op_id)


# --- wake-ups -------------------------------------------------------------------------------------
def test_a_retry_is_on_time_though_a_follower_waits_for_it(store: Store, make_worker: Make) -> None:
    kinds, tries = Kinds(), []

    @kinds.operation("x", retry=Retry(first_delay=0.1))
    def run(job: Job[str]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Flaky()

    make_worker(kinds)
    ids = [put(store, "x") for _ in range(3)]
    wait_for(lambda: all(state(store, op_id) == "done" for op_id in ids), 2.5)


def test_many_announcements_and_no_lost_wake_up(store: Store, make_worker: Make) -> None:
    """Writers, chains behind one key and retries at once; each lost wake-up costs 5 seconds."""
    kinds = Kinds()

    @kinds.operation("x", retry=Retry(first_delay=0.01))
    def run(job: Job[str]) -> None:
        if job.op.payload["n"] % 7 == 0 and job.op.attempt == 1:
            raise Flaky()

    make_worker(kinds, threads=3)
    ids: list[int] = []

    def write(number: int) -> None:
        for n in range(15):
            ids.append(put(store, "x", key=f"k{(number + n) % 4}", n=n))

    for _ in range(3):
        writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        begun = time.monotonic()
        wait_for(lambda: all(state(store, op_id) == "done" for op_id in ids[-60:]))
        assert time.monotonic() - begun < worker_module.LOOK_SECONDS - 0.5


def test_ids_that_do_not_follow_commits_do_not_stop_the_queue(
    store: Store, make_worker: Make
) -> None:
    """Two requests on one key that lock nothing: the later id may be committed, and run, first."""
    kinds, go_on = Kinds(), threading.Event()
    kinds.operation("x")(lambda job: go_on.wait(5) and None)
    make_worker(kinds)
    late = put(store, "x", host="nobody")
    first = put(store, "x", key="k2")
    wait_for(lambda: state(store, first) == "running")
    change(store, late, lock_key="k2", host=HOST)
    with store.transaction() as tx:
        assert oplog.claim(tx, HOST, 1, time.time(), 5) == []
    go_on.set()
    wait_for(lambda: state(store, late) == "done", 8)


# --- handing over ---------------------------------------------------------------------------------
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


# --- leases ---------------------------------------------------------------------------------------
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
