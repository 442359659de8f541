"""Use cases of operations: what was done to a resource, also to one that is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.model.operations import Operation
from abaca.operations import timeline
from abaca.store.engine import Tx
from abaca.store.paging import Page

from . import shares, snapshots
from .env import Env

SHARE, SNAPSHOT = "SHARE", "SHARE_SNAPSHOT"
_LOAD: dict[str, Callable[[Tx, Context, str], Any]] = {
    SHARE: shares.load,
    SNAPSHOT: snapshots.load,
}


class History(msgspec.Struct, frozen=True):
    """Operations on a resource, oldest first, and whose it is or was."""

    project_id: str
    user_id: str
    operations: list[Operation]


def history(env: Env, ctx: Context, kind: str, resource_id: str, page: Page) -> History:
    """A page of what was done to a share or snapshot.  Raises NotFound for one of another project
    that is not public, and for one whose last operation has been purged with it."""
    with env.store.read() as tx:
        owner = _owner(tx, ctx, kind, resource_id)
        found = timeline.of_resource(
            tx,
            (kind, resource_id),
            after=_after(page.marker),
            limit=page.limit,
            offset=page.offset,
        )
        return History(owner.project_id, owner.user_id, found)


def _owner(tx: Tx, ctx: Context, kind: str, resource_id: str) -> Any:
    try:
        return _LOAD[kind](tx, ctx, resource_id)
    except NotFound:
        # it may have been the caller's, and be deleted: its history stays until it is purged
        for op in timeline.of_resource(tx, (kind, resource_id), limit=1):
            if ctx.is_admin or op.project_id == ctx.project_id:
                return op
        raise


def _after(marker: str | None) -> int:
    if marker is None:
        return 0
    if not (marker.isascii() and marker.isdigit() and len(marker) < 19):
        raise BadRequest(f"marker {marker[:60]!a} is not the id of an operation.")
    return int(marker)
