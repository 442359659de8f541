"""Use case: forget what is old enough, while everything goes on.

Each transaction looks at a bounded number of rows by an index, so nobody waits long for it; to be
killed in between loses nothing, and two at once do no harm.  Resources need no purge: their rows
are deleted in the transaction that ends their deletion.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from abaca.model import clock
from abaca.operations import purge as operations
from abaca.store import expired
from abaca.store.messages import TIME

from .env import Env

log = structlog.get_logger(__name__)
BATCH = 500  # rows


def run(env: Env, *, most: int = BATCH, stop: Callable[[], bool] = lambda: False) -> dict[str, int]:
    """How much of what was deleted: operations, messages, idempotency_keys.

    stop: asked between transactions.
    """
    found = {"operations": _operations(env, most, stop)}
    for name, table in expired.TABLES.items():
        found[name] = 0
        while not stop():
            with env.store.transaction(durable=False) as tx:
                gone = expired.batch(tx, table, most)
            found[name] += gone
            if gone < most:
                break
    log.info("purge.done", **found)
    return found


def _operations(env: Env, most: int, stop: Callable[[], bool]) -> int:
    before, deleted, after = cutoff(env), 0, 0
    while not stop():
        with env.store.transaction(durable=False) as tx:
            gone, upto = operations.batch(tx, before, after, most)
        deleted += gone
        if upto is None:
            break
        after = upto
    return deleted


def count(env: Env) -> dict[str, int]:
    """How much of what `run` would delete."""
    with env.store.read() as tx:
        found = {"operations": operations.count(tx, cutoff(env))}
        return found | {name: expired.count(tx, table) for name, table in expired.TABLES.items()}


def cutoff(env: Env) -> str:
    """Operations that ended before this time are old."""
    age = timedelta(seconds=env.settings.operation_retention_time)
    return (datetime.fromtimestamp(clock.now(), UTC) - age).strftime(TIME)
