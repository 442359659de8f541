"""What is asked for: one share, replica or extension that needs a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Operation = Literal["create", "create_from_snapshot", "create_replica", "migrate", "extend"]

# specs whose value is a boolean, with or without "<is>" (extra specs table)
BOOLEAN_SPECS = frozenset(
    [
        "driver_handles_share_servers",
        "snapshot_support",
        "create_share_from_snapshot_support",
        "revert_to_snapshot_support",
        "mount_snapshot_support",
        "snapshot_inherit_share_access_support",
    ]
)
TRUE_WORDS = frozenset(("1", "t", "true", "on", "y", "yes"))


class PlacementRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are GiB; hosts are host@backend#pool."""

    size: int  # of the share once it is done
    extra_specs: Mapping[str, Any] | None  # of the share type; None: there is no type
    operation: Operation = "create"
    current_size: int = 0  # extend: what the share has already
    request_id: str = ""  # spreads equal pools
    protocol: str | None = None
    is_admin: bool = False
    share: Mapping[str, Any] = msgspec.field(default_factory=dict)  # more `share.<property>`

    availability_zone: str | None = None  # the one asked for
    availability_zones: tuple[str, ...] | None = None  # allowed; None: as the share type says
    zones_with_subnets: frozenset[str] = frozenset()  # where the network has several subnets

    source_host: str | None = None  # where the snapshot lies
    active_replica_host: str | None = None  # create_replica: the replica to copy
    replica_hosts: frozenset[str] = frozenset()  # hosts of all replicas of the share
    server_hosts: frozenset[str] = frozenset()  # pools of share servers the share may use

    only_host: str | None = None  # hint, obeyed for administrators
    same_host: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)  # id: hosts
    different_host: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    query: Any = None  # hint of JsonFilter: a list or JSON text
    attempted_hosts: frozenset[str] = frozenset()  # tried before, in vain
    group_specs: Mapping[str, Any] = msgspec.field(default_factory=dict)  # of the share group type

    @property
    def needed(self) -> int:
        """GiB that the pool must still have."""
        return self.size - self.current_size if self.operation == "extend" else self.size

    @property
    def wanted(self) -> str:
        """What is asked for, in words."""
        match self.operation:
            case "extend":
                return f"{self.needed} GiB more"
            case "create_from_snapshot":
                return f"a share of {self.size} GiB made from this snapshot"
            case "create_replica":
                return f"a replica of {self.size} GiB"
            case _:
                return f"a share of {self.size} GiB"

    def zones(self) -> tuple[str, ...]:
        """Zones that are allowed; () is all."""
        if self.availability_zones is not None:
            return self.availability_zones
        listed = self.spec("availability_zones")
        return tuple(zone.strip() for zone in listed.split(",")) if listed else ()

    def spec(self, name: str) -> str | None:
        """An extra spec as text, plain or in scope capabilities."""
        specs = self.extra_specs or {}
        value = specs.get(name)
        if value is None:
            value = specs.get(f"capabilities:{name}")
        return None if value is None else str(value)

    def requirements(self) -> dict[str, str]:
        """The extra specs as the scheduler reads them (extra specs table, request_preparation)."""
        specs = {key: str(value) for key, value in (self.extra_specs or {}).items()}
        for name in BOOLEAN_SPECS & specs.keys():
            if not specs[name].lstrip().lower().startswith("<is>"):
                specs[name] = f"<is> {specs[name]}"
        if self.protocol and self.spec("storage_protocol") is None:
            specs["storage_protocol"] = f"<in> {self.protocol}"
        if self.operation in ("create_from_snapshot", "create_replica"):
            specs.pop("share_backend_name", None)
            specs.pop("capabilities:share_backend_name", None)
        return specs

    def may_be_thin(self) -> bool:
        """Whether thin rules apply on a thin pool: unless the type says thin_provisioning false."""
        value = self.spec("thin_provisioning")
        if value is None:
            return True
        return value.lower().replace("<is>", "").strip() in TRUE_WORDS

    def share_properties(self) -> dict[str, Any]:
        """What filter and goodness functions see as `share`."""
        return {
            "availability_zone": self.availability_zone,
            **self.share,
            "size": self.size,
            "share_proto": self.protocol,
        }
