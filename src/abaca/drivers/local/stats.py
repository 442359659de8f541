"""Capacities and capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.local.base import LocalBase
from abaca.drivers.local.pool import GIB


class Stats(LocalBase):
    """What the scheduler is told."""

    def _update_share_stats(self, data: Mapping[str, Any] | None = None) -> None:
        capacity = self.pool.capacity()
        mine: dict[str, Any] = {
            "share_backend_name": self._option("share_backend_name") or self.backend_name,
            "vendor_name": "abaca",
            "driver_version": "1.0",
            "storage_protocol": "_".join(self.protocols),
            "total_capacity_gb": round(capacity.total / GIB, 2),
            "free_capacity_gb": round(capacity.free / GIB, 2),
            "provisioned_capacity_gb": self._provisioned(),
            "thin_provisioning": True,
            "max_over_subscription_ratio": self._option("max_over_subscription_ratio"),
            "reserved_percentage": self._option("reserved_share_percentage") or 0,
            "reserved_snapshot_percentage": (
                self._option("reserved_share_from_snapshot_percentage")
                or self._option("reserved_share_percentage")
                or 0
            ),
            "reserved_share_extend_percentage": (
                self._option("reserved_share_extend_percentage")
                or self._option("reserved_share_percentage")
                or 0
            ),
            "snapshot_support": True,
            "create_share_from_snapshot_support": True,
            "revert_to_snapshot_support": True,
            "mount_snapshot_support": True,
            "dedupe": False,
            "compression": False,
            "pools": None,
        }
        super()._update_share_stats({**mine, **(data or {})})

    def _provisioned(self) -> float:
        """GiB promised to shares."""
        limits = 0
        for path in self.pool.shares.iterdir():
            try:
                limits += self.pool.quota.size(path)
            except FileNotFoundError:  # deleted meanwhile
                continue
        return round(limits / GIB, 2)

    def get_configured_ip_versions(self) -> list[int]:
        """Ganesha and Samba listen on both."""
        return [4, 6]

    def get_network_allocations_number(self) -> int:
        """No share servers."""
        return 0
