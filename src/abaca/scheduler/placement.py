"""Choosing the pool: filters remove, weighers order, equal ones take turns.

    placer = Placer()                       # or names from the configuration
    placed = placer.place(request, pools)   # Placement; raises NoValidHost
    placed.host                             # host@backend#pool
    placer.check_extend(request, pools, share.host)

The caller reads the pools and books the capacity in one transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from .errors import NoValidHost, UnknownName
from .explain import Explanation, Step
from .filters import FILTERS, IN_SERVICE, Filter
from .pools import Pool
from .request import PlacementRequest
from .weighers import IGNORED, WEIGHERS, Weigher, normalised

DEFAULT_FILTERS = (
    "OnlyHostFilter",
    "AvailabilityZoneFilter",
    "CapacityFilter",
    "CapabilitiesFilter",
    "DriverFilter",
    "ShareReplicationFilter",
    "CreateFromSnapshotFilter",
    "AffinityFilter",
    "AntiAffinityFilter",
)
DEFAULT_EXTEND_FILTERS = ("CapacityFilter", "DriverFilter")
DEFAULT_WEIGHERS = ("CapacityWeigher", "GoodnessWeigher", "HostAffinityWeigher")

log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class Placement(msgspec.Struct, frozen=True):
    """Where it goes, and what spoke against the others."""

    host: str  # host@backend#pool
    pool: Pool
    weight: float
    explanation: Explanation


class Placer:
    """Filters and weighers by their configured names; raises UnknownName.  Keeps no state."""

    def __init__(
        self,
        filters: Iterable[str] = DEFAULT_FILTERS,
        weighers: Iterable[str] = DEFAULT_WEIGHERS,
        multipliers: Mapping[str, float] | None = None,
        extend_filters: Iterable[str] = DEFAULT_EXTEND_FILTERS,
    ) -> None:
        """multipliers: {name of a weigher: factor}, 1.0 unless given."""
        factors = multipliers or {}
        self._filters = [IN_SERVICE, *_named("filter", FILTERS, filters)]
        self._extend_filters = _named("filter", FILTERS, extend_filters)
        names = [name for name in weighers if not _ignored(name)]
        self._weighers: list[tuple[Weigher, float]] = [
            (weigher, factors.get(name, 1.0))
            for name, weigher in zip(names, _named("weigher", WEIGHERS, names), strict=True)
        ]

    def place(self, request: PlacementRequest, pools: Sequence[Pool]) -> Placement:
        """The best pool; raises NoValidHost."""
        typed = request.extra_specs is not None
        left, steps = _filter(self._filters, request, pools) if typed else ([], ())
        explanation = Explanation(wanted=request.wanted, pools=len(pools), steps=steps, typed=typed)
        if not left:
            raise NoValidHost(explanation)
        pool, weight = self._best(request, left, pools)
        return Placement(pool.host, pool, weight, explanation)

    def check_extend(self, request: PlacementRequest, pools: Sequence[Pool], host: str) -> None:
        """Whether the share may grow in its pool; raises NoValidHost.

        What it needs must not be booked in that pool yet.  A disabled service takes no new shares,
        but those it has may grow.
        """
        own = [pool for pool in pools if pool.host == host]
        left, steps = _filter(self._extend_filters, request, own)
        if not left:
            raise NoValidHost(
                Explanation(wanted=request.wanted, pools=len(own), steps=steps, extending=True)
            )

    def _best(
        self, request: PlacementRequest, left: Sequence[Pool], pools: Sequence[Pool]
    ) -> tuple[Pool, float]:
        if len(left) == 1:
            return left[0], 0.0
        sums = [0.0] * len(left)
        for weigher, multiplier in self._weighers:
            weigh = weigher(request, pools) if multiplier else None
            marks = normalised([weigh(pool) for pool in left], multiplier) if weigh else None
            if marks is not None:
                sums = [total + mark for total, mark in zip(sums, marks, strict=True)]
        highest = max(sums)
        equal = [pool for pool, total in zip(left, sums, strict=True) if total == highest]
        return min(equal, key=lambda pool: _turn(request, pool)), highest


def _turn(request: PlacementRequest, pool: Pool) -> tuple[int, str]:
    """Equal pools take turns: another order for each request, the same one for a repetition."""
    return zlib.crc32(f"{request.request_id} {pool.host}".encode()), pool.host


def _filter(
    filters: Iterable[Filter], request: PlacementRequest, pools: Sequence[Pool]
) -> tuple[Sequence[Pool], tuple[Step, ...]]:
    """The pools that pass all filters, and what each filter did."""
    left, steps = pools, []
    for each in filters:
        if not left:
            break
        check = each.prepare(request, pools)
        removed: tuple[tuple[str, str], ...] = ()
        if check is not None:
            verdicts = [check(pool) for pool in left]
            removed = tuple(
                (pool.host, reason)
                for pool, reason in zip(left, verdicts, strict=True)
                if reason is not None
            )
        steps.append(Step(each.name, each.detail_id, each.phrase, len(left), removed))
        if removed:
            left = [p for p, reason in zip(left, verdicts, strict=True) if reason is None]
    return left, tuple(steps)


def _named(kind: str, table: Mapping[str, _T], names: Iterable[str]) -> list[_T]:
    found = []
    for name in names:
        if name not in table:
            raise UnknownName(kind=kind, name=repr(name), known=", ".join(sorted(table)))
        found.append(table[name])
    return found


def _ignored(name: str) -> bool:
    if name not in IGNORED:
        return False
    log.warning("scheduler.weigher_ignored", weigher=name, why="it belongs to a vendor's service")
    return True
