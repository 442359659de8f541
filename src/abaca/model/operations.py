"""One durable operation: what was asked, and how far it is."""

from __future__ import annotations

from typing import Any

import msgspec

QUEUED, RUNNING = "queued", "running"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
LIVE = (QUEUED, RUNNING)


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
