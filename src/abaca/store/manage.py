"""What is managed already."""

from __future__ import annotations

import sqlalchemy as sa

from .engine import Tx
from .schema import export_locations, services, share_instances

_i, _e, _s = share_instances.c, export_locations.c, services.c
_LOCK = sa.select(_s.id).where(_s.host == sa.bindparam("host")).with_for_update()
_EXPORTED = (
    sa.select(_i.share_id, _i.host)
    .select_from(export_locations.join(share_instances, _i.id == _e.share_instance_id))
    .where(_e.path == sa.bindparam("path"))
)


def lock_backend(tx: Tx, backend: str) -> None:
    """Whoever else manages a share of host@backend waits until this transaction ends."""
    tx.all(_LOCK, {"host": backend})


def exported_at(tx: Tx, backend: str, path: str) -> str | None:
    """The id of the share that a backend exports at this path."""
    for share_id, host in tx.all(_EXPORTED, {"path": path}):
        if (host or "").partition("#")[0] == backend:
            return str(share_id)
    return None
