"""What is kept of a backend as a whole: its fingerprint, and the round of ensuring its shares."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from .engine import Tx
from .fixed import Fixed
from .schema import backend_info, operations, services, share_instances
from .services import of_backend

_b, _s, _i, _o = backend_info.c, services.c, share_instances.c, operations.c


_HASH = Fixed(sa.select(_b.info_hash).where(_b.host == sa.bindparam("which")))
_SET_HASH = Fixed(
    sa.text(
        "INSERT INTO backend_info (host, info_hash, updated_at) VALUES (:host, :hash, :now)"
        " ON CONFLICT (host) DO UPDATE SET info_hash = excluded.info_hash,"
        " updated_at = excluded.updated_at"
    )
)
_SET_ENSURING = Fixed(
    sa.update(services)
    .where(_s.host == sa.bindparam("which"), _s.binary == "manila-share")
    .values(ensuring=sa.bindparam("now_so"))
)


def info_hash(tx: Tx, host: str) -> str | None:
    found: str | None = tx.scalar(_HASH, {"which": host})
    return found


def set_info_hash(tx: Tx, host: str, text: str) -> None:
    tx.run(_SET_HASH, {"host": host, "hash": text, "now": tx.now})


def set_ensuring(tx: Tx, host: str, ensuring: bool) -> None:
    tx.run(_SET_ENSURING, {"which": host, "now_so": ensuring})


# A share with a live operation is passed over: that operation makes it right.
_BUSY = sa.exists().where(
    _o.lock_key == _i.id, sa.text("operations.state IN ('queued', 'running')")
)


_IDLE = Fixed(
    sa.select(_i.share_id, _i.id)
    .where(
        of_backend(_i.host),
        _i.status == "available",
        _i.operation_id.is_(None),
        _i.share_id > sa.bindparam("after"),
        ~_BUSY,
    )
    .order_by(_i.share_id)
    .limit(sa.bindparam("most"))
)


def idle_shares(tx: Tx, host: str, after: str, most: int) -> list[tuple[str, str]]:
    """Available shares of a backend that nothing goes on with, by id from `after` on: pairs of
    the ids of share and instance."""
    rows = tx.all(_IDLE, {"backend": host, "after": after, "most": most})
    return [(row[0], row[1]) for row in rows]


def take_for_ensuring(tx: Tx, found: Sequence[tuple[str, str]], op_id: int) -> list[str]:
    """Take those of them that are idle still into `ensuring`; the ids of the shares."""
    if not found:
        return []
    ids = [instance_id for _, instance_id in found]
    take = sa.update(share_instances).where(
        _i.id.in_(ids), _i.status == "available", _i.operation_id.is_(None)
    )
    taken = take.values(status="ensuring", operation_id=op_id).returning(_i.id, _i.share_id)
    mine = {row[0]: row[1] for row in tx.all(taken)}
    # A change of rules may have been committed while we waited for the row.  From now on none
    # can: the rows are ours.
    busy = sa.update(share_instances).where(_i.id.in_(list(mine)), _BUSY)
    for row in tx.all(busy.values(status="available", operation_id=None).returning(_i.id)):
        del mine[row[0]]
    return sorted(mine.values())


def still_ours(tx: Tx, instance_id: str, op_id: int) -> bool:
    """Whether the round still owns a share; nobody takes it away until the transaction ends."""
    stmt = sa.update(share_instances).where(_i.id == instance_id, _i.operation_id == op_id)
    return tx.run(stmt.values(operation_id=op_id)) == 1


_RELEASE = Fixed(
    sa.update(share_instances)
    .where(_i.operation_id == sa.bindparam("op"), _i.status == "ensuring")
    .values(status="available", operation_id=None)
)


def release_ensuring(tx: Tx, op_id: int) -> int:
    """Those that an interrupted round still holds are available again."""
    return tx.run(_RELEASE, {"op": op_id})
