"""FakeShareDriver: a simulated array with every capability, for tests and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from abaca.drivers.contract import AnyContext
from abaca.drivers.contract.context import operation_of
from abaca.drivers.contract.errors import ManageInvalidShare, ShareResourceNotFound
from abaca.drivers.contract.records import AccessRule, Share, ShareServer, Snapshot
from abaca.drivers.fake.backups import FakeBackups
from abaca.drivers.fake.base import FakeBase, is_name, is_network, plain_rules
from abaca.drivers.fake.moves import FakeMoves
from abaca.drivers.fake.replicas import FakeReplicas
from abaca.drivers.fake.servers import FakeServers

ACCESS_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "NFS": frozenset({"ip"}),
    "CIFS": frozenset({"ip", "user"}),
    "GLUSTERFS": frozenset({"ip", "cert"}),
    "CEPHFS": frozenset({"cephx"}),
}
WELL_FORMED: Final[Mapping[str, Callable[[str], bool]]] = {
    "ip": is_network,
    "user": is_name,
    "cert": is_name,
    "cephx": is_name,
}
LEVELS: Final = frozenset({"rw", "ro"})


class FakeShareDriver(FakeReplicas, FakeMoves, FakeBackups, FakeServers, FakeBase):
    """Keeps everything in the SQLite file of `fake_state_path`; see FakeBackend."""

    idempotent: ClassVar[bool] = True
    ipv6_implemented = True
    security_service_update_support = True
    network_allocation_update_support = True
    restore_to_target_support = True

    def do_setup(self, context: AnyContext) -> None:
        self._call("do_setup", None, context)

    def check_for_setup_error(self) -> None:
        self._call("check_for_setup_error", None)

    # Shares

    def create_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[dict[str, Any]]:
        columns = self._columns(share, share_server)
        capacity = self._capacities[columns["pool"]]
        self._call("create_share", share["id"], context, share=columns, capacity=capacity)
        return self._locations(columns["path"])

    def create_share_from_snapshot(
        self,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        share_server: ShareServer | None = None,
        parent_share: Share | None = None,
    ) -> dict[str, Any]:
        columns = self._columns(share, share_server)
        status = self._call(
            "create_share_from_snapshot",
            share["id"],
            context,
            share=columns,
            capacity=self._capacities[columns["pool"]],
            snapshot=snapshot["id"],
            seconds=self._clone_seconds,
        )
        done = status == "available"
        locations = self._locations(columns["path"]) if done else []
        return {"status": status, "export_locations": locations}

    def delete_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> None:
        self._call("delete_share", share["id"], context, share_id=share["id"])

    def extend_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        capacity = self._capacities[self._pool_of(share)]
        self._call(
            "extend_share", share["id"], share_id=share["id"], size=new_size, capacity=capacity
        )

    def shrink_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        self._call("shrink_share", share["id"], share_id=share["id"], size=new_size)

    def ensure_shares(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> dict[str, dict[str, Any]]:
        ids = [share["id"] for share in shares]
        paths = self._call("ensure_shares", None, context, share_ids=ids)
        return {
            share_id: {"export_locations": self._locations(paths[share_id])}
            if share_id in paths
            else {"status": "error"}
            for share_id in ids
        }

    def ensure_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[dict[str, Any]]:
        paths = self._call("ensure_share", share["id"], context, share_ids=[share["id"]])
        if share["id"] not in paths:
            raise ShareResourceNotFound(share_id=share["id"])
        return self._locations(paths[share["id"]])

    def get_backend_info(self, context: AnyContext) -> dict[str, Any]:
        return {"driver": "fake", "export_ip": self._export_ip}

    def get_share_status(
        self, share: Share, share_server: ShareServer | None = None
    ) -> dict[str, Any]:
        status: dict[str, Any] = self._call("get_share_status", share["id"], share_id=share["id"])
        path = status.pop("path")
        if status["status"] == "available":
            status["export_locations"] = self._locations(path)
        return status

    def update_share_usage_size(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> list[dict[str, Any]]:
        ids = [share["id"] for share in shares]
        sizes = self._call("update_share_usage_size", None, context, share_ids=ids)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000", time.gmtime())
        return [
            {"id": share_id, "used_size": used, "gathered_at": now}
            for share_id, used in sizes.items()
        ]

    def manage_existing(self, share: Share, driver_options: Mapping[str, Any]) -> dict[str, Any]:
        if not share["export_locations"]:
            raise ManageInvalidShare(reason="no export path was given")
        _, _, path = share["export_locations"][0]["path"].rpartition(":")
        size = self._call(
            "manage_existing", share["id"], share_id=share["id"], name=share["name"], path=path
        )
        return {"size": size, "export_locations": self._locations(path)}

    def manage_existing_with_server(
        self,
        share: Share,
        driver_options: Mapping[str, Any],
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        return self.manage_existing(share, driver_options)

    def unmanage(self, share: Share) -> None:
        self._call("unmanage", share["id"], share_id=share["id"])

    def unmanage_with_server(self, share: Share, share_server: ShareServer | None = None) -> None:
        self.unmanage(share)

    def get_pool(self, share: Share) -> str | None:
        return self._pool_of(share)

    # Snapshots

    def create_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> dict[str, Any]:
        values = self._snapshot_row(snapshot, snapshot["share_instance_id"])
        path = values["path"]
        self._call("create_snapshot", snapshot["id"], context, snapshot=values)
        return {"provider_location": path, "export_locations": self._locations(path)}

    def delete_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        self._call("delete_snapshot", snapshot["id"], context, snapshot_id=snapshot["id"])

    def revert_to_snapshot(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        share_access_rules: Sequence[AccessRule],
        snapshot_access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> dict[str, Any] | None:
        status = self._call(
            "revert_to_snapshot",
            snapshot["share_instance_id"],
            context,
            share_id=snapshot["share_instance_id"],
            snapshot_id=snapshot["id"],
            seconds=self._revert_seconds,
            operation=operation_of(context),
        )
        return None if status == "available" else {"status": status}

    def manage_existing_snapshot(
        self, snapshot: Snapshot, driver_options: Mapping[str, Any]
    ) -> dict[str, Any]:
        location = snapshot["provider_location"]
        size = self._call(
            "manage_existing_snapshot",
            snapshot["id"],
            snapshot_id=snapshot["id"],
            name=snapshot["name"],
            location=location,
        )
        return {
            "size": size,
            "provider_location": location,
            "export_locations": self._locations(location),
        }

    def manage_existing_snapshot_with_server(
        self,
        snapshot: Snapshot,
        driver_options: Mapping[str, Any],
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        return self.manage_existing_snapshot(snapshot, driver_options)

    def unmanage_snapshot(self, snapshot: Snapshot) -> None:
        self._call("unmanage_snapshot", snapshot["id"], snapshot_id=snapshot["id"])

    def unmanage_snapshot_with_server(
        self, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        self.unmanage_snapshot(snapshot)

    def get_inventory(self, context: AnyContext) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self._call("get_inventory", None, backend=self._section)
        for item in held:
            if item["kind"] == "snapshot":
                item["export_locations"] = self._locations(item["path"])
        return held

    # Access

    def update_access(
        self,
        context: AnyContext,
        share: Share,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        update_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> dict[str, dict[str, Any]]:
        changed = [*add_rules, *update_rules]
        recovery = not (changed or delete_rules)
        refused = self._refused(share, access_rules)
        put = plain_rules(r for r in changed if r["access_id"] not in refused)
        # A rule that can no longer be honoured must not stay in force with its old level.
        drop = [r["access_id"] for r in delete_rules] + sorted(refused)
        self._call(
            "update_access",
            share["id"],
            context,
            share_id=share["id"],
            wanted=plain_rules(r for r in access_rules if r["access_id"] not in refused),
            put=put,
            drop=[] if recovery else drop,
        )
        keys = {
            rule["access_id"]: {"access_key": f"key-{rule['access_to']}"}
            for rule in access_rules
            if rule["access_type"] == "cephx"
        }
        return {**keys, **{access_id: {"state": "error"} for access_id in refused}}

    def _refused(self, share: Share, rules: Sequence[AccessRule]) -> set[str]:
        """The rules that this kind of share cannot have."""
        types = ACCESS_TYPES.get(share["share_proto"].upper(), frozenset())
        return {
            rule["access_id"]
            for rule in rules
            if rule["access_type"] not in types
            or rule["access_level"] not in LEVELS
            or not WELL_FORMED[rule["access_type"]](rule["access_to"])
        }

    def snapshot_update_access(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> None:
        self._call(
            "snapshot_update_access",
            snapshot["id"],
            context,
            snapshot_id=snapshot["id"],
            wanted=plain_rules(access_rules, "ro"),
            put=plain_rules(add_rules, "ro"),
            drop=[r["access_id"] for r in delete_rules],
        )

    # Statistics

    def get_configured_ip_versions(self) -> list[int]:
        return [4, 6]

    def _update_share_stats(self, data: Mapping[str, Any] | None = None) -> None:
        allocated = self._call("get_share_stats", None, backend=self._section)
        pools = [
            self._pool_stats(name, total, allocated.get(name, 0))
            for name, total in self._capacities.items()
        ]
        super()._update_share_stats(
            {
                "vendor_name": "abaca",
                "driver_version": "1.0",
                "storage_protocol": "_".join(sorted(self._protocols, reverse=True)),
                "total_capacity_gb": sum(pool["total_capacity_gb"] for pool in pools),
                "free_capacity_gb": sum(pool["free_capacity_gb"] for pool in pools),
                "pools": pools,
                "revert_to_snapshot_support": True,
                "mount_snapshot_support": True,
                "mount_point_name_support": True,
                "share_group_stats": {"consistent_snapshot_support": "host"},
                **(data or {}),
            }
        )

    def _pool_stats(self, name: str, total: float, allocated: int) -> dict[str, Any]:
        replication = self.configuration.fake_replication_type
        option = self.configuration.safe_get
        return {
            "pool_name": name,
            "total_capacity_gb": total,
            "free_capacity_gb": max(0.0, total - allocated),
            "allocated_capacity_gb": allocated,
            "reserved_percentage": option("reserved_share_percentage"),
            "reserved_snapshot_percentage": option("reserved_share_from_snapshot_percentage")
            or option("reserved_share_percentage"),
            "reserved_share_extend_percentage": option("reserved_share_extend_percentage")
            or option("reserved_share_percentage"),
            "max_over_subscription_ratio": option("max_over_subscription_ratio"),
            "thin_provisioning": [False],
            "dedupe": False,
            "compression": False,
            "qos": False,
            **({"replication_type": replication} if replication else {}),
        }
