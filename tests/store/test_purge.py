"""What is old enough is forgotten: in small steps, while everything goes on."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from abaca.model.context import Context
from abaca.operations import purge as batches
from abaca.operations.enqueue import enqueue
from abaca.service import purge
from abaca.service.env import Env
from abaca.store import idempotency, messages
from abaca.store.engine import Store
from abaca.store.schema import idempotency_keys, operations

CTX = Context(user_id="u", project_id="p")
OLD, YOUNG = "2026-01-01T00:00:00.000000", "2999-01-01T00:00:00.000000"


@pytest.fixture
def env(store: Store) -> Env:
    return Env(store)


def put(env: Env, count: int, **values: Any) -> list[int]:
    """Operations, old and done unless values say otherwise."""
    with env.store.transaction() as tx:
        ids = [
            enqueue(
                tx, "kind", host="h@b", lock_key=f"k{n}", resource_type="SHARE",
                resource_id=f"s{n}", ctx=CTX,
            )
            for n in range(count)
        ]  # fmt: skip
        values = {"state": "done", "finished_at": OLD, "created_at": OLD, **values}
        tx.run(sa.update(operations).where(operations.c.id.in_(ids)).values(**values))
    return ids


def left(env: Env) -> list[int]:
    with env.store.read() as tx:
        return [row[0] for row in tx.all(sa.select(operations.c.id).order_by(operations.c.id))]


def test_operations_that_ended_long_ago_go_and_others_stay(env: Env) -> None:
    put(env, 7)
    kept = put(env, 2, state="queued", finished_at=None)  # old, and still to be done
    kept += put(env, 2, state="running", finished_at=None)
    put(env, 3, state="failed")
    kept += put(env, 2, finished_at=YOUNG)
    put(env, 3, state="cancelled")
    kept += put(env, 2, created_at=YOUNG, finished_at=YOUNG)
    assert purge.count(env)["operations"] == 13
    assert purge.run(env, most=4)["operations"] == 13
    assert left(env) == kept
    assert purge.run(env, most=4)["operations"] == 0 == purge.count(env)["operations"]


def test_messages_and_keys_go_at_their_own_time(env: Env) -> None:
    with env.store.transaction() as tx:
        for number in range(5):
            ttl = 3600 if number < 2 else -3600
            messages.insert(
                tx, project_id="p", request_id="r", resource_type="SHARE", resource_id="s",
                action_id="001", detail_id="008", ttl=ttl,
            )  # fmt: skip
            assert idempotency.claim(tx, CTX, f"key {number}", "f", ttl)
    wanted = {"operations": 0, "messages": 3, "idempotency_keys": 3}
    assert purge.count(env) == wanted
    assert purge.run(env, most=2) == wanted
    with env.store.read() as tx:
        assert len(messages.find(tx, limit=10)) == 2
        assert tx.scalar(sa.select(sa.func.count()).select_from(idempotency_keys)) == 2


def test_no_transaction_looks_at_more_than_a_batch(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(env, 25)
    real, deleted = batches.batch, []
    monkeypatch.setattr(
        batches, "batch", lambda *given: deleted.append(real(*given)) or deleted[-1]
    )
    purge.run(env, most=10)
    assert [count for count, _ in deleted] == [10, 10, 5, 0]


def test_it_can_be_stopped_and_goes_on_the_next_time(env: Env) -> None:
    put(env, 25)
    asked: list[bool] = []
    assert purge.run(env, most=10, stop=lambda: bool(asked) or asked.append(True))[
        "operations"
    ] == (10)
    assert purge.run(env)["operations"] == 15


def test_it_disturbs_nobody_who_works(env: Env) -> None:
    """Two purges at once, beside somebody who enqueues and somebody who finishes."""
    put(env, 400)
    failed: list[BaseException] = []

    def careful(action: Any) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (for the assertion below)
            failed.append(error)

    def work() -> None:
        for _ in range(20):
            put(env, 2, created_at=YOUNG, finished_at=YOUNG)

    jobs = [lambda: purge.run(env, most=20)] * 2 + [work] * 2
    threads = [threading.Thread(target=careful, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == [] and not any(thread.is_alive() for thread in threads)
    purge.run(env)
    assert len(left(env)) == 80
