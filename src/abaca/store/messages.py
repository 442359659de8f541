"""User messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from abaca.model.ids import new_id
from abaca.model.messages import Message, words

from .engine import Tx
from .schema import messages

_m = messages.c
COLUMNS = (
    _m.id, _m.project_id, _m.request_id, _m.resource_type, _m.resource_id, _m.action_id,
    _m.detail_id, _m.message_level, _m.user_message, _m.created_at, _m.expires_at,
)  # fmt: skip
TIME = "%Y-%m-%dT%H:%M:%S.%f"


def insert(
    tx: Tx,
    *,
    project_id: str,
    request_id: str,
    resource_type: str,
    resource_id: str,
    action_id: str,
    detail_id: str,
    ttl: int = 2592000,
    text: str | None = None,
) -> str:
    """A message for the owner of a resource; text: more than the standard words for the ids."""
    message_id = new_id()
    expires = datetime.strptime(tx.now, TIME) + timedelta(seconds=ttl)
    values = {
        "id": message_id,
        "project_id": project_id,
        "request_id": request_id,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "action_id": action_id,
        "detail_id": detail_id,
        "message_level": "ERROR",
        "user_message": text or words(action_id, detail_id),
        "created_at": tx.now,
        "expires_at": expires.strftime(TIME),
    }
    tx.run(sa.insert(messages), values)
    return message_id


def get(tx: Tx, message_id: str) -> Message | None:
    row = tx.one(sa.select(*COLUMNS).where(_m.id == message_id))
    return Message(*row) if row else None


def find(
    tx: Tx,
    *,
    project_id: str | None = None,
    equal: Mapping[str, str] | None = None,
    since: str | None = None,
    before: str | None = None,
    sort_key: str = "created_at",
    descending: bool = True,
    limit: int,
    offset: int = 0,
    after: Message | None = None,
) -> list[Message]:
    """A page of messages.

    project_id: None for those of every project.  equal: column and value.  since, before: times of
    creation, included.  after: the last message of the page before.
    """
    stmt = sa.select(*COLUMNS)
    if project_id is not None:
        stmt = stmt.where(_m.project_id == project_id)
    for name, value in (equal or {}).items():
        stmt = stmt.where(_m[name] == value)
    if since is not None:
        stmt = stmt.where(_m.created_at >= since)
    if before is not None:
        stmt = stmt.where(_m.created_at <= before)
    key: sa.ColumnElement[Any] = sa.func.coalesce(_m[sort_key], "")
    if after is not None:
        here = sa.tuple_(key, _m.id)
        last = sa.tuple_(sa.literal(getattr(after, sort_key) or ""), sa.literal(after.id))
        stmt = stmt.where(here < last if descending else here > last)
    order = [column.desc() if descending else column.asc() for column in (key, _m.id)]
    return [Message(*row) for row in tx.all(stmt.order_by(*order).limit(limit).offset(offset))]


def delete(tx: Tx, message_id: str) -> bool:
    return tx.run(sa.delete(messages).where(_m.id == message_id)) == 1
