"""Filters by the names that scheduler_default_filters gives them."""

from __future__ import annotations

from collections.abc import Mapping

from .affinity import AFFINITY, ANTI_AFFINITY
from .attempted import IGNORE_ATTEMPTED_HOSTS, RETRY
from .availability_zone import AVAILABILITY_ZONE
from .base import Check, Filter, Prepare
from .capabilities import CAPABILITIES
from .capacity import CAPACITY
from .consistent_snapshot import CONSISTENT_SNAPSHOT
from .create_from_snapshot import CREATE_FROM_SNAPSHOT
from .driver import DRIVER
from .json_query import JSON
from .only_host import ONLY_HOST
from .service import IN_SERVICE
from .share_replication import SHARE_REPLICATION

FILTERS: Mapping[str, Filter] = {
    each.name: each
    for each in (
        ONLY_HOST,
        AVAILABILITY_ZONE,
        CAPACITY,
        CAPABILITIES,
        DRIVER,
        SHARE_REPLICATION,
        CREATE_FROM_SNAPSHOT,
        AFFINITY,
        ANTI_AFFINITY,
        CONSISTENT_SNAPSHOT,
        IGNORE_ATTEMPTED_HOSTS,
        RETRY,
        JSON,
    )
}

__all__ = ["FILTERS", "IN_SERVICE", "Check", "Filter", "Prepare"]
