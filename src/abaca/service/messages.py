"""Use cases of user messages: what went wrong with a resource."""

from __future__ import annotations

from collections.abc import Mapping

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.model.messages import Message
from abaca.store import messages as store
from abaca.store.engine import Tx

from .env import Env


def load(tx: Tx, ctx: Context, message_id: str) -> Message:
    """A message that the caller may read; anybody else's does not exist."""
    found = store.get(tx, message_id)
    if found is None or not (ctx.is_admin or found.project_id == ctx.project_id):
        raise NotFound(noun="Message", id=message_id[:60])
    return found


def get(env: Env, ctx: Context, message_id: str) -> Message:
    with env.store.read() as tx:
        return load(tx, ctx, message_id)


def find(
    env: Env,
    ctx: Context,
    *,
    equal: Mapping[str, str],
    since: str | None,
    before: str | None,
    sort_key: str,
    descending: bool,
    limit: int,
    offset: int,
    marker: str | None,
) -> list[Message]:
    """A page of messages: those of the caller's project, for administrators those of all."""
    with env.store.read() as tx:
        after = _marked(tx, ctx, marker) if marker else None
        return store.find(
            tx,
            project_id=None if ctx.is_admin else ctx.project_id,
            equal=equal,
            since=since,
            before=before,
            sort_key=sort_key,
            descending=descending,
            limit=limit,
            offset=offset,
            after=after,
        )


def _marked(tx: Tx, ctx: Context, marker: str) -> Message:
    try:
        return load(tx, ctx, marker)
    except NotFound as error:
        raise BadRequest(f"marker {marker[:60]!a} is not the id of a message.") from error


def delete(env: Env, ctx: Context, message_id: str) -> None:
    with env.store.transaction() as tx:
        load(tx, ctx, message_id)
        store.delete(tx, message_id)
