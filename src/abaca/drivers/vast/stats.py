"""Capacities and capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from abaca.drivers.contract import errors
from abaca.drivers.vast.base import GIB, VastBase

VERSION: Final = "1.0"
DRR: Final = "Capacity,drr"
SPACE: Final = "Capacity,logical_space"
IN_USE: Final = "Capacity,logical_space_in_use"


class Stats(VastBase):
    """What the scheduler is told."""

    def _update_share_stats(self, data: Mapping[str, Any] | None = None) -> None:
        facts = self._capacity()
        reserved = self._option("reserved_share_percentage") or 0
        mine: dict[str, Any] = {
            "share_backend_name": self._option("share_backend_name") or "vast",
            "vendor_name": "VAST STORAGE",
            "driver_version": VERSION,
            "storage_protocol": "NFS",
            "data_reduction": facts[DRR],
            "total_capacity_gb": round(facts[SPACE] / GIB, 2),
            "free_capacity_gb": round(max(0, facts[SPACE] - facts[IN_USE]) / GIB, 2),
            "provisioned_capacity_gb": round(facts[IN_USE] / GIB, 2),
            "thin_provisioning": True,
            "max_over_subscription_ratio": self._option("max_over_subscription_ratio"),
            "reserved_percentage": reserved,
            "reserved_snapshot_percentage": (
                self._option("reserved_share_from_snapshot_percentage") or reserved
            ),
            "reserved_share_extend_percentage": (
                self._option("reserved_share_extend_percentage") or reserved
            ),
            "qos": False,
            "snapshot_support": True,
            "create_share_from_snapshot_support": True,
            "revert_to_snapshot_support": False,
            "mount_snapshot_support": False,
            "pools": None,
        }
        super()._update_share_stats({**mine, **(data or {})})

    def _capacity(self) -> dict[str, float]:
        """The newest sample of each fact; columns and samples come in any order."""
        wanted = (DRR, SPACE, IN_USE)
        query = {"object_type": "cluster", "time_frame": "1m", "prop_list": list(wanted)}
        answer = self.array.session.get("monitors/ad_hoc_query/", query)
        try:
            newest = max(
                (dict(zip(answer["prop_list"], row, strict=True)) for row in answer["data"]),
                key=lambda sample: str(sample["timestamp"]),
            )
            return {name: float(newest[name]) for name in wanted}
        except (KeyError, TypeError, ValueError) as error:
            raise errors.VastDriverException(
                reason=f"the array's capacity cannot be read from {str(answer)[:200]!r}"
            ) from error
