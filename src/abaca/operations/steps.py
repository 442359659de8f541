"""What an operation did, step by step: noted in memory, written with the writes that happen anyway.

A note is one short JSON list, `[milliseconds since the epoch, name, milliseconds it took, how it
ended, detail]`; the column `steps` holds them one after the other, each with a comma behind it.
What a killed process had not written yet is missing; the run after it says that it is another one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from abaca.model import clock
from abaca.model.operations import FAILED_STEP, OK, Step
from abaca.store.engine import Tx
from abaca.store.schema import operations

MOST = 16000  # characters of one operation; what it does after that is not noted
LONGEST = 200  # characters of a detail
_encode = msgspec.json.Encoder().encode

NEW = sa.bindparam("new_steps", type_=sa.Text)
APPENDED = sa.case(
    (sa.func.length(operations.c.steps) < MOST, operations.c.steps + NEW),
    else_=operations.c.steps,
)


class Steps:
    """Of one run of an operation, as far as they are not in the database."""

    def __init__(self) -> None:
        self._new: list[str] = []

    def add(
        self,
        name: str,
        detail: str = "",
        *,
        outcome: str = OK,
        at: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """at: epoch seconds, now if it is not given."""
        took = None if seconds is None else round(seconds * 1000, 1)
        when = int((clock.now() if at is None else at) * 1000)
        self._new.append(_encode([when, name, took, outcome, detail[:LONGEST]]).decode())

    def timed(self, name: str) -> _Timed:
        """Around a block that is a step; an error that ends it is its outcome, and goes on."""
        return _Timed(self, name)

    def text(self, tx: Tx) -> str:
        """Those that this transaction has not written yet; they are forgotten when it commits."""
        written = tx.memo.get(self)
        if written is None:
            tx.after_commit(lambda: self._forget(tx.memo[self]))
        tx.memo[self] = len(self._new)
        return "".join(f"{step}," for step in self._new[written or 0 :])

    def _forget(self, count: int) -> None:
        del self._new[:count]


class _Timed:
    def __init__(self, steps: Steps, name: str) -> None:
        self._steps, self._name = steps, name

    def __enter__(self) -> None:
        self._at, self._begun = clock.now(), clock.uptime()

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        outcome, detail = OK, ""
        if error is not None:
            outcome, detail = FAILED_STEP, f"{type(error).__name__}: {error}"
        seconds = clock.uptime() - self._begun
        self._steps.add(self._name, detail, outcome=outcome, at=self._at, seconds=seconds)


def interrupted(at: float) -> str:
    """The step of a run whose process died, or lost its lease."""
    steps = Steps()
    steps.add("interrupted", outcome=FAILED_STEP, at=at)
    return f"{steps._new[0]},"


def decode(text: str) -> tuple[Step, ...]:
    """What the column holds."""
    rows: list[list[Any]] = msgspec.json.decode(f"[{text.rstrip(',')}]")
    return tuple(
        Step(_time(at), name, None if took is None else took / 1000, outcome, detail)
        for at, name, took, outcome, detail in rows
    )


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
