"""Use cases of pools: where shares can be placed, and what is said of these places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from abaca.model.context import Context
from abaca.model.errors import BadRequest, NotFound
from abaca.model.services import Pool, is_up
from abaca.scheduler.operators import matcher
from abaca.scheduler.request import PlacementRequest
from abaca.store import services as store

from . import types
from .env import Env

# what is shown of a pool whose backend does not say it
UNSAID: dict[str, Any] = {
    "share_backend_name": None,
    "vendor_name": "Open Source",
    "driver_version": "1.0",
    "storage_protocol": None,
    "driver_handles_share_servers": False,
    "total_capacity_gb": "unknown",
    "free_capacity_gb": "unknown",
    "reserved_percentage": 0,
    "reserved_snapshot_percentage": 0,
    "reserved_share_extend_percentage": 0,
    "provisioned_capacity_gb": None,
    "max_over_subscription_ratio": 20.0,
    "thin_provisioning": False,
    "qos": False,
    "dedupe": False,
    "compression": False,
    "snapshot_support": False,
    "create_share_from_snapshot_support": False,
    "revert_to_snapshot_support": False,
    "mount_snapshot_support": False,
    "replication_type": None,
    "replication_domain": None,
    "sg_consistent_snapshot_support": None,
    "filter_function": None,
    "goodness_function": None,
    "ipv4_support": None,
    "ipv6_support": None,
    "security_service_update_support": False,
    "network_allocation_update_support": False,
    "share_server_multiple_subnet_support": False,
    "mount_point_name_support": False,
    "share_replicas_migration_support": False,
    "encryption_support": None,
    "qos_type_support": False,
    "max_shares_per_share_server": -1,
    "max_share_server_size": -1,
}
_OURS = "abaca_"  # keys of the stats that are abaca's own notes


class Place(msgspec.Struct, frozen=True):
    """A pool with the parts of its name."""

    name: str  # host@backend#pool
    host: str
    backend: str | None
    pool: str
    capabilities: dict[str, Any]


def place(pool: Pool) -> Place:
    service, _, name = pool.host.partition("#")
    host, _, backend = service.partition("@")
    said = {key: value for key, value in pool.stats.items() if not key.startswith(_OURS)}
    seen = datetime.fromtimestamp(pool.reported_at, UTC).replace(tzinfo=None)
    known = {
        **UNSAID,
        "allocated_capacity_gb": pool.allocated_gb,
        "timestamp": seen.isoformat(timespec="microseconds"),
        **said,
        "pool_name": said.get("pool_name", name),
    }
    return Place(pool.host, host, backend or None, name, known)


def find(
    env: Env,
    ctx: Context,
    patterns: Mapping[str, str],
    *,
    capabilities: Mapping[str, str] | None = None,
    share_type: str | None = None,
) -> list[Place]:
    """The pools of backends that are up and enabled.

    patterns: regular expressions for the beginnings of name, host, backend or pool.
    capabilities: extra specs that pools must satisfy; those of a share type come before them.
    """
    tests = {part: _compiled(part, pattern) for part, pattern in patterns.items()}
    with env.store.read() as tx:
        demanded: Mapping[str, str] = capabilities or {}
        if share_type:
            try:
                demanded = types.resolve(tx, ctx, share_type).extra_specs
            except NotFound as error:
                raise BadRequest(error.message) from error
        pools = store.pools_all(tx)
    wanted = PlacementRequest(size=0, extra_specs=demanded).requirements()
    found = [
        place(pool)
        for pool in pools
        if not pool.disabled and is_up(pool, env.settings.service_down_time)
    ]
    return [
        one
        for one in found
        if all(test.match(getattr(one, part) or "") for part, test in tests.items())
        and satisfies(one.capabilities, wanted)
    ]


def _compiled(part: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadRequest(
            f"{part} is {pattern[:60]!a}; it must be a regular expression ({error})."
        ) from error


def satisfies(capabilities: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Every spec without a scope, or in the scope `capabilities`, must match."""
    return all(
        matcher(requirement)(_said(capabilities, path))
        for key, requirement in wanted.items()
        if (path := _path(key)) is not None
    )


def _path(key: str) -> list[str] | None:
    """Where in the capabilities a spec looks; None: it is not for the scheduler."""
    if key in ("availability_zones", "default_qos_type"):
        return None
    scope, colon, rest = key.partition(":")
    if not colon:
        return [key]
    return rest.split(":") if scope == "capabilities" else None


def _said(capabilities: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(capabilities, Mapping):
            return None
        capabilities = capabilities.get(part)
    return capabilities
