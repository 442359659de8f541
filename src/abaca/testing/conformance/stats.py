"""Statistics, capabilities, and methods that can be called the way the manager calls them."""

from __future__ import annotations

import inspect
from typing import Any, Final

from abaca.drivers.contract import AnyContext, ShareDriver, accepts, overrides
from abaca.testing.conformance.kit import Kit

BOOLEANS: Final = (
    "driver_handles_share_servers",
    "snapshot_support",
    "create_share_from_snapshot_support",
    "revert_to_snapshot_support",
    "mount_snapshot_support",
    "ipv4_support",
    "ipv6_support",
)
IMPLIED: Final = {
    "snapshot_support": ("create_snapshot", "delete_snapshot"),
    "create_share_from_snapshot_support": ("create_share_from_snapshot",),
    "revert_to_snapshot_support": ("revert_to_snapshot",),
    "mount_snapshot_support": ("snapshot_update_access",),
}
"""What a declared capability needs."""
REQUIRED: Final = ("create_share", "delete_share", "get_network_allocations_number")


class StatsConformance(Kit):
    def test_required_methods(self, driver: ShareDriver) -> None:
        for name in REQUIRED:
            assert overrides(driver, name), f"every driver implements {name}"
        assert overrides(driver, "update_access") or overrides(
            driver, "allow_access", "deny_access"
        ), "every driver implements update_access"

    def test_methods_can_be_called(self, driver: ShareDriver) -> None:
        """Required arguments are passed by position, optional ones by name if they are taken."""
        for name, base in inspect.getmembers(ShareDriver, inspect.isfunction):
            if name.startswith("_") or not overrides(driver, name):
                continue
            required = _required(base) - 1
            if name == "update_access":
                required = 3  # the lists of changes are passed by name
            signature = inspect.signature(getattr(driver, name))
            keywords: tuple[str, ...] = ()
            if name == "update_access":
                known = accepts(driver.update_access, "update_rules")
                keywords = ("add_rules", "delete_rules", *(("update_rules",) if known else ()))
            signature.bind(*range(required), **dict.fromkeys(keywords, ()))

    def test_stats_shape(self, driver: ShareDriver) -> None:
        stats = driver.get_share_stats(refresh=True)
        assert isinstance(stats["share_backend_name"], str) and stats["share_backend_name"]
        assert isinstance(stats["vendor_name"], str)
        assert stats["storage_protocol"] is None or isinstance(stats["storage_protocol"], str)
        for key in BOOLEANS:
            assert isinstance(stats[key], bool), f"{key} is {stats[key]!r}, not a boolean"
        assert stats["driver_handles_share_servers"] is driver.driver_handles_share_servers
        assert stats["ipv4_support"] or stats["ipv6_support"]
        assert isinstance(stats["share_group_stats"], dict)

    def test_stats_capacity(self, driver: ShareDriver) -> None:
        stats = driver.get_share_stats(refresh=True)
        pools = stats["pools"] or [stats]
        if stats["pools"]:
            names = [pool["pool_name"] for pool in pools]
            assert len(set(names)) == len(names) and all(names)
            assert not any("#" in name or "@" in name for name in names)
        for pool in pools:
            _check_capacity(pool)

    def test_stats_keep_without_refresh(self, driver: ShareDriver) -> None:
        driver.get_share_stats(refresh=True)
        assert driver.get_share_stats() == driver.get_share_stats(refresh=False)

    def test_declared_capabilities_are_implemented(self, driver: ShareDriver) -> None:
        stats = driver.get_share_stats(refresh=True)
        for capability, methods in IMPLIED.items():
            if stats[capability]:
                assert overrides(driver, *methods), f"{capability} needs {methods}"

    def test_creation_uses_capacity_that_is_reported(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        """Statistics can be gathered while shares come and go."""

        def work(number: int) -> dict[str, Any]:
            if number % 2:
                self.create(driver, context)
            return driver.get_share_stats(refresh=True)

        for stats in self.together(work, self.threads):
            assert stats

    def test_network_allocations(self, driver: ShareDriver) -> None:
        assert driver.get_network_allocations_number() >= 0
        if not driver.driver_handles_share_servers:
            assert driver.get_admin_network_allocations_number() == 0


def _required(function: Any) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


def _check_capacity(pool: dict[str, Any]) -> None:
    for key in ("total_capacity_gb", "free_capacity_gb"):
        value = pool[key]
        known = isinstance(value, int | float) and value >= 0
        assert known or value in ("unknown", "infinite"), f"{key} is {value!r}"
    total, free = pool["total_capacity_gb"], pool["free_capacity_gb"]
    if isinstance(total, int | float) and isinstance(free, int | float):
        assert free <= total
    for key in ("reserved_percentage", "reserved_snapshot_percentage"):
        assert 0 <= int(pool.get(key) or 0) <= 100
