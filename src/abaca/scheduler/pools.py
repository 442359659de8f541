"""What is known of a pool: what its backend reported, and what was promised since.

A backend reports once in a while (`get_share_stats`, driver contract section 6).  Between reports
shares are placed: those GiB are *booked*, and taken off what the report said.

    flat = flatten_stats("h@b", stats, allocated)        # manager, at each report: store this
    pool = pool_from_stats("h@b#p", flat["h@b#p"], ...)  # placement: from what is stored
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

# numbers are GiB; None: the backend said "nothing known", which no share is placed on
Capacity = float | Literal["unknown", "infinite"] | None

ALLOCATED_AT_REPORT = (
    "abaca_allocated_gb"  # database's sum when the driver was asked, in flat stats
)
DEFAULT_OVERSUBSCRIPTION = 20.0

# keys that describe the backend or one pool, and are never passed on from one to the other
_OWN_TO_POOL = frozenset(
    [
        "pool_name",
        "total_capacity_gb",
        "free_capacity_gb",
        "allocated_capacity_gb",
        "provisioned_capacity_gb",
        "mount_point_name_support",
    ]
)
_RESERVED = "reserved_percentage"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A place for shares.  `free` and `provisioned` already count what is booked."""

    host: str  # host@backend#pool
    availability_zone: str = ""
    total: Capacity = "unknown"
    free: Capacity = "unknown"
    allocated: float = 0.0  # GiB of shares that abaca placed
    provisioned: float = 0.0  # GiB promised to anybody, for thin pools
    booked: float = 0.0  # GiB placed since the report
    reserved: float = 0.0  # percent of total kept free when a share is created
    reserved_snapshot: float = 0.0  # ... when it is created from a snapshot
    reserved_extend: float = 0.0  # ... when it is extended
    thin: bool = False
    max_over_subscription_ratio: float = 1.0
    capabilities: Mapping[str, Any] = msgspec.field(default_factory=dict)
    filter_function: str | None = None
    goodness_function: str | None = None
    up: bool = True
    disabled: bool = False

    @property
    def backend(self) -> str:
        """host@backend"""
        return self.host.partition("#")[0]

    @property
    def name(self) -> str:
        return self.host.partition("#")[2]

    def book(self, size: float) -> Pool:
        """The same pool after `size` GiB more were placed in it."""
        free = self.free
        return msgspec.structs.replace(
            self,
            free=free - size if isinstance(free, float) else free,
            allocated=self.allocated + size,
            provisioned=self.provisioned + size,
            booked=self.booked + size,
        )

    def stats(self) -> dict[str, Any]:
        """What filter and goodness functions see as `stats`."""
        return {
            **self.capabilities,
            "host": self.host,
            "availability_zone": self.availability_zone,
            "total_capacity_gb": self.total,
            "free_capacity_gb": self.free,
            "allocated_capacity_gb": self.allocated,
            "provisioned_capacity_gb": self.provisioned,
            "reserved_percentage": self.reserved,
            "reserved_snapshot_percentage": self.reserved_snapshot,
            "reserved_share_extend_percentage": self.reserved_extend,
            "max_over_subscription_ratio": self.max_over_subscription_ratio,
        }


def flatten_stats(
    host: str, stats: Mapping[str, Any], allocated: Mapping[str, float] | None = None
) -> dict[str, dict[str, Any]]:
    """The report of backend host@backend as {host@backend#pool: all that is said of the pool}.

    allocated: {host@backend#pool: GiB placed}, read from the database *before* the driver was
    asked, so that what is placed meanwhile counts as booked (rather twice than never).
    A backend without pools gets one, named after share_backend_name.
    """
    backend = {k: v for k, v in stats.items() if k not in ("pools", "share_group_stats")}
    group = stats.get("share_group_stats")
    if isinstance(group, Mapping) and "sg_consistent_snapshot_support" not in backend:
        backend["sg_consistent_snapshot_support"] = group.get("consistent_snapshot_support")
    pools = [pool for pool in stats.get("pools") or () if isinstance(pool, Mapping)]
    if pools:
        passed_on = {k: v for k, v in backend.items() if k not in _OWN_TO_POOL}
        merged = [{**passed_on, **pool} for pool in pools]
    else:
        merged = [backend]
    fallback = str(backend.get("share_backend_name") or host.partition("@")[2] or host)
    flat = {}
    for pool in merged:
        name = str(pool.get("pool_name") or fallback)
        pool["pool_name"] = name
        if allocated is not None:
            pool[ALLOCATED_AT_REPORT] = allocated.get(f"{host}#{name}", 0)
        flat[f"{host}#{name}"] = pool
    return flat


def pool_from_stats(
    host: str,
    flat: Mapping[str, Any],
    *,
    availability_zone: str = "",
    allocated_gb: float | None = None,
    up: bool = True,
    disabled: bool = False,
    default_oversubscription: float = DEFAULT_OVERSUBSCRIPTION,
) -> Pool:
    """One pool from its flattened stats.

    allocated_gb: GiB of all instances placed in it, as the database says now.  What exceeds the
    value at the time of the report is booked; it is also the provisioned size of a backend that
    reports none.  Nonsense in a report counts as unknown, never as room.
    """
    at_report = _number(flat.get(ALLOCATED_AT_REPORT), None)
    booked = 0.0
    if allocated_gb is not None and at_report is not None:
        booked = max(0.0, allocated_gb - at_report)
    reported_allocated = _number(flat.get("allocated_capacity_gb"), None)
    reported_provisioned = _number(flat.get("provisioned_capacity_gb"), None)
    known_allocated = float(allocated_gb) if allocated_gb is not None else 0.0
    free = _capacity(flat.get("free_capacity_gb", "unknown"))
    reserved = _percent(flat.get(_RESERVED), 0.0)
    return Pool(
        host=host,
        availability_zone=availability_zone,
        total=_capacity(flat.get("total_capacity_gb", "unknown")),
        free=free - booked if isinstance(free, float) else free,
        allocated=known_allocated if reported_allocated is None else reported_allocated + booked,
        provisioned=(
            known_allocated if reported_provisioned is None else reported_provisioned + booked
        ),
        booked=booked,
        reserved=reserved,
        reserved_snapshot=_percent(flat.get("reserved_snapshot_percentage"), reserved),
        reserved_extend=_percent(flat.get("reserved_share_extend_percentage"), reserved),
        thin=_thin(flat.get("thin_provisioning")),
        max_over_subscription_ratio=(
            _number(flat.get("max_over_subscription_ratio"), default_oversubscription)
        ),
        capabilities=flat,
        filter_function=_text(flat.get("filter_function")),
        goodness_function=_text(flat.get("goodness_function")),
        up=up,
        disabled=disabled,
    )


def pools_from_stats(
    host: str,
    stats: Mapping[str, Any],
    *,
    availability_zone: str = "",
    allocated: Mapping[str, float] | None = None,
    up: bool = True,
    disabled: bool = False,
    default_oversubscription: float = DEFAULT_OVERSUBSCRIPTION,
) -> list[Pool]:
    """The pools of a backend straight from its report; allocated: {host@backend#pool: GiB}."""
    return [
        pool_from_stats(
            pool_host,
            flat,
            availability_zone=availability_zone,
            allocated_gb=None if allocated is None else allocated.get(pool_host, 0),
            up=up,
            disabled=disabled,
            default_oversubscription=default_oversubscription,
        )
        for pool_host, flat in flatten_stats(host, stats, allocated).items()
    ]


def pool_at(pools: Iterable[Pool], host: str | None) -> Pool | None:
    """The pool named host@backend#pool, else any of the same backend, else None."""
    if not host:
        return None
    backend, found = host.partition("#")[0], None
    for pool in pools:
        if pool.host == host:
            return pool
        if found is None and pool.backend == backend:
            found = pool
    return found


def _capacity(value: Any) -> Capacity:
    if value is None:
        return None
    if isinstance(value, str) and value.strip().lower() == "infinite":
        return "infinite"
    number = _number(value, math.nan, infinite=True)
    if number == math.inf:
        return "infinite"
    return "unknown" if math.isnan(number) else number


def _number(value: Any, default: Any, *, infinite: bool = False) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return default
    if math.isfinite(number) or (infinite and number == math.inf):
        return number
    return default


def _percent(value: Any, default: float) -> float:
    number: float = _number(value, default)
    return min(100.0, max(0.0, number))


def _thin(value: Any) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    return any(v is True or str(v).strip().lower() == "true" for v in values)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
