"""[DEFAULT]: which backend gets a share."""

from __future__ import annotations

from .options import Mark, integer, real, text, words

SCHEDULER = (
    text(
        "scheduler_driver",
        "manila.scheduler.drivers.filter.FilterScheduler",
        "filter scheduler or simple scheduler, by class path or short name",
        mark=Mark.MAPPED,
    ),
    integer("scheduler_max_attempts", 3, "backends tried before a share goes to error", min=1),
    words(
        "scheduler_default_filters",
        (
            "OnlyHostFilter",
            "AvailabilityZoneFilter",
            "CapacityFilter",
            "CapabilitiesFilter",
            "DriverFilter",
            "ShareReplicationFilter",
            "CreateFromSnapshotFilter",
            "AffinityFilter",
            "AntiAffinityFilter",
        ),
        "filters a pool must pass",
    ),
    words(
        "scheduler_default_weighers",
        ("CapacityWeigher", "GoodnessWeigher", "HostAffinityWeigher"),
        "weighers that order the pools left",
    ),
    words(
        "scheduler_default_share_group_filters",
        ("AvailabilityZoneFilter", "ConsistentSnapshotFilter"),
        "filters for share groups",
    ),
    words(
        "scheduler_default_extend_filters",
        ("CapacityFilter", "DriverFilter"),
        "filters a share must pass to grow where it is",
    ),
    real("capacity_weight_multiplier", 1.0, "weight of free capacity; negative stacks shares"),
    real("pool_weight_multiplier", 1.0, "weight of pools without share servers"),
    integer("max_gigabytes", 10000, "GiB per host, simple scheduler only", min=1),
)
