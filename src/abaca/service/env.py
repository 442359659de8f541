"""What every use case needs, and the few steps that most of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import Forbidden, OverQuota
from abaca.model.quotas import DEFAULT_LIMITS
from abaca.operations import enqueue as on_record
from abaca.operations import log as oplog
from abaca.store import quotas
from abaca.store.engine import Store, Tx


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The options that use cases look at (names as in manila.conf)."""

    default_share_type: str | None = None
    enabled_share_protocols: tuple[str, ...] = ("NFS", "CIFS")
    storage_availability_zone: str = "nova"
    soft_deleted_share_retention_time: int = 604800  # seconds
    message_ttl: int = 2592000  # seconds
    idempotency_retention_time: int = 86400  # seconds
    rules_per_share: int = 1000  # also of a mountable snapshot
    operation_retention_time: int = 2592000  # seconds since its end
    service_down_time: int = 60  # seconds
    admin_only_metadata: tuple[str, ...] = ()
    admin_only_el_metadata: tuple[str, ...] = ("preferred",)
    driver_updatable_metadata: tuple[str, ...] = ()
    default_mount_point_prefix: str = "{project_id}_"
    is_deferred_deletion_enabled: bool = False
    use_scheduler_creating_share_from_snapshot: bool = False
    quota_defaults: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(DEFAULT_LIMITS))


class Env(msgspec.Struct, frozen=True):
    """One abaca: its database and its settings."""

    store: Store
    settings: Settings = msgspec.field(default_factory=Settings)


def enqueue(
    tx: Tx,
    ctx: Context,
    kind: str,
    *,
    host: str | None,
    lock_key: str,
    resource: tuple[str, str],
    project_id: str,
    payload: dict[str, Any] | None = None,
) -> int:
    """Put work on record for the backend of a resource (type, id)."""
    return on_record.enqueue(
        tx,
        kind,
        host=host or oplog.UNPLACED,
        lock_key=lock_key,
        resource_type=resource[0],
        resource_id=resource[1],
        ctx=ctx,
        project_id=project_id,
        payload=payload,
    )


def charge(
    env: Env,
    tx: Tx,
    deltas: Mapping[str, int],
    *,
    project_id: str,
    user_id: str,
    share_type_id: str | None,
    error: type[OverQuota] | type[Forbidden] = OverQuota,
) -> None:
    """Count against the quotas, or refuse with a sentence that says what is left."""
    try:
        quotas.charge(
            tx,
            deltas,
            project_id=project_id,
            user_id=user_id,
            share_type_id=share_type_id,
            defaults=env.settings.quota_defaults,
        )
    except quotas.Exceeded as exceeded:
        raise error(over_quota_sentence(exceeded)) from exceeded


def over_quota_sentence(exceeded: quotas.Exceeded) -> str:
    of_whom = "share type" if exceeded.scope[2] else "user" if exceeded.scope[1] else "project"
    left = max(0, exceeded.limit - exceeded.in_use)
    return (
        f"Quota exceeded for {exceeded.resource}: {exceeded.delta} requested, but this {of_whom} "
        f"uses {exceeded.in_use} of {exceeded.limit}, so {left} can be had. "
        "Delete something, ask for less, or have the quota raised."
    )


def release(
    tx: Tx,
    deltas: Mapping[str, int],
    *,
    project_id: str,
    user_id: str,
    share_type_id: str | None,
) -> None:
    """Give quota back, in the transaction that deletes or shrinks the row."""
    quotas.charge(
        tx,
        {resource: -delta for resource, delta in deltas.items()},
        project_id=project_id,
        user_id=user_id,
        share_type_id=share_type_id,
        enforce=False,
    )
