"""Whoever waits for work hears of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from abaca.model.operations import Operation
from abaca.operations import log as oplog
from abaca.operations import worker as worker_module
from abaca.operations.job import Job, Kinds, Retry
from abaca.operations.worker import Queue, Worker
from abaca.store.engine import Store
from store.test_operations import HOST, Flaky, change, put, state, wait_for
from store.test_operations import make_worker as make_worker  # a fixture

Make = Callable[..., Worker]


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


def test_what_is_claimed_anew_before_its_thread_has_let_go_is_run_when_it_has(
    store: Store, make_worker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 1000.0)  # nobody finds it by looking
    kinds, tries, claims, claimed = Kinds(), [], [], threading.Event()
    ended, submit = Queue.ended, Queue._submit

    @kinds.operation("x", retry=Retry(first_delay=0.0))
    def run(job: Job[str]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Flaky()

    def slowly(queue: Queue, op_id: int, lost: bool) -> None:
        if len(tries) == 1:
            assert claimed.wait(10)
        ended(queue, op_id, lost)

    def submitted(queue: Queue, op: Operation) -> None:
        submit(queue, op)
        claims.append(op.id)
        if len(claims) == 2:
            claimed.set()

    monkeypatch.setattr(Queue, "ended", slowly)
    monkeypatch.setattr(Queue, "_submit", submitted)
    make_worker(kinds)
    op_id = put(store, "x")
    wait_for(lambda: state(store, op_id) == "done")
    assert claimed.is_set() and len(tries) == 2


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
