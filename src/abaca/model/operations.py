"""One durable operation: what was asked, and how far it is."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

QUEUED, RUNNING = "queued", "running"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
UNKNOWN = "unknown"  # given up without knowing whether the backend has done it, or will
ENDED_BADLY = (FAILED, UNKNOWN)
LIVE = (QUEUED, RUNNING)
OK, FAILED_STEP = "ok", "failed"  # how a step ended


class Step(msgspec.Struct, frozen=True):
    """Something that happened to an operation, or that it did."""

    at: str  # when it began
    name: str  # queued, run, placed, wait, retry, interrupted, done ..., or a method of a driver
    seconds: float | None  # how long it took; None: no time
    outcome: str
    detail: str  # for administrators: it may name what is inside a backend


class Operation(msgspec.Struct, frozen=True):
    id: int
    kind: str  # the name of its handler
    state: str
    host: str  # host@backend that runs it; '' until placed
    lock_key: str  # operations of one key run one at a time, in order
    resource_type: str
    resource_id: str  # the user-visible id
    project_id: str
    user_id: str
    request_id: str
    payload: dict[str, Any]
    attempt: int  # 1 for the first run
    epoch: int  # lease epoch it runs under
    deadline: float | None  # epoch seconds
    cancel_requested: bool
    progress: int | None  # percent
    message: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    steps: tuple[Step, ...] = ()  # what happened between its creation and its end, where asked for

    @property
    def retries(self) -> int:
        """Runs that had to be made again."""
        return sum(step.name in ("retry", "interrupted") for step in self.steps)


LONGEST_KEY = 64  # characters


def lock_key(text: str) -> str:
    """The text as a lock key; one that is too long for a key is hashed, never cut."""
    return text if len(text) <= LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()
