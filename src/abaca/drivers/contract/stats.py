"""What the scheduler is told: capacity, capabilities, filter functions, IP versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.contract.extra_specs import ExtraSpecMethods, owned_extra_specs
from abaca.drivers.contract.network import NetworkMethods
from abaca.drivers.contract.snapshots import SnapshotMethods


class StatsMethods(SnapshotMethods, NetworkMethods, ExtraSpecMethods):
    """A driver overrides `_update_share_stats` and passes its values to the base as `data`."""

    def get_share_stats(self, refresh: bool = False) -> dict[str, Any]:
        """The last statistics; with `refresh` gathered anew.  Capacities are GiB, 'unknown' or
        'infinite'; `pools` is None or a list of {pool_name, the same keys per pool}."""
        if refresh:
            self._update_share_stats()
        return self._stats

    def _update_share_stats(self, data: Mapping[str, Any] | None = None) -> None:
        handles_servers = self.driver_handles_share_servers
        stats: dict[str, Any] = {
            "share_backend_name": self._option("share_backend_name") or "Generic_NFS",
            "driver_handles_share_servers": handles_servers,
            "vendor_name": "Open Source",
            "driver_version": "1.0",
            "storage_protocol": None,
            "total_capacity_gb": "unknown",
            "free_capacity_gb": "unknown",
            "reserved_percentage": 0,
            "reserved_snapshot_percentage": 0,
            "reserved_share_extend_percentage": 0,
            "qos": False,
            "qos_type_support": self.qos_type_support,
            "pools": self.pools or None,
            "snapshot_support": self.snapshots_are_supported,
            "create_share_from_snapshot_support": self.creating_shares_from_snapshots_is_supported,
            "revert_to_snapshot_support": False,
            "mount_snapshot_support": False,
            "mount_point_name_support": False,
            "share_server_multiple_subnet_support": False,
            "snapshot_inherit_share_access_support": False,
            "replication_domain": self.replication_domain,
            "filter_function": self.get_filter_function(),
            "goodness_function": self.get_goodness_function(),
            "security_service_update_support": self.security_service_update_support,
            "network_allocation_update_support": self.network_allocation_update_support,
            "share_replicas_migration_support": self.share_replicas_migration_support,
            "encryption_support": self.encryption_support,
            "share_group_stats": {"consistent_snapshot_support": None},
        }
        if handles_servers:
            stats["max_shares_per_share_server"] = self.max_shares_per_share_server
            stats["max_share_server_size"] = self.max_share_server_size
        if owned := owned_extra_specs(self):
            stats["extra_specs"] = owned
        stats.update(data or {})
        self._stats = self.add_ip_version_capability(stats)

    def get_filter_function(self, pool: str | None = None) -> str | None:
        """The expression that decides whether the backend fits: section, then [DEFAULT], then the
        driver's own."""
        return self._function("filter_function") or self.get_default_filter_function(pool=pool)

    def get_goodness_function(self) -> str | None:
        """The expression that says how good a fit the backend is; looked up like the filter."""
        return self._function("goodness_function") or self.get_default_goodness_function()

    def get_default_filter_function(self, pool: str | None = None) -> str | None:
        """The driver's own filter."""
        return None

    def get_default_goodness_function(self) -> str | None:
        """The driver's own goodness."""
        return None

    def _function(self, name: str) -> str | None:
        value: str | None = self._option(name)
        if value is None and hasattr(self.configuration, "default_get"):
            value = self.configuration.default_get(name)
        return value

    def get_configured_ip_versions(self) -> list[int]:
        """[4], [6] or [4, 6].  A driver with `ipv6_implemented` must override this."""
        if self.ipv6_implemented:
            raise NotImplementedError
        if self.ip_versions is None:
            self.ip_versions = [4]
        return self.ip_versions

    def add_ip_version_capability(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set ipv4_support and ipv6_support, here and in every pool."""
        versions = set(self.get_configured_ip_versions())
        if self.driver_handles_share_servers and self._plugin_loader is not None:
            versions &= self.network_api.enabled_ip_versions
        support = {"ipv4_support": 4 in versions, "ipv6_support": 6 in versions}
        data.update(support)
        for pool in data.get("pools") or ():
            for key, value in support.items():
                pool.setdefault(key, value)
        return data
