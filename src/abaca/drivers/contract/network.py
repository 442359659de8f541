"""Addresses for share servers, taken from the network plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.lifecycle import LifeCycle
from abaca.drivers.contract.network_plugin import NetworkPlugin

Row = Mapping[str, Any]


class NetworkMethods(LifeCycle):
    """Used where the driver handles share servers."""

    @property
    def network_api(self) -> NetworkPlugin:
        """The plugin of `network_config_group`, by default of the driver's own section."""
        if self._network_api is None:
            group = self._option("network_config_group") or self.configuration.config_group
            self._network_api = self._load_plugin(group, "user")
        return self._network_api

    @property
    def admin_network_api(self) -> NetworkPlugin | None:
        """The plugin of `admin_network_config_group`; None when that is not set."""
        group = self._option("admin_network_config_group")
        if self._admin_network_api is None and group:
            self._admin_network_api = self._load_plugin(group, "admin")
        return self._admin_network_api

    def _load_plugin(self, group: str | None, label: str) -> NetworkPlugin:
        if self._plugin_loader is None:
            raise errors.NetworkBadConfigurationException(
                reason=f"no network plugin was given to driver {type(self).__name__}"
            )
        return self._plugin_loader(group, label)

    def get_network_allocations_number(self) -> int:
        """How many addresses a share server needs per subnet; 0 when something else gives them."""
        raise NotImplementedError

    def get_admin_network_allocations_number(self) -> int:
        """How many addresses of the admin network a share server needs."""
        return 0

    def allocate_network(
        self,
        context: AnyContext,
        share_server: Row,
        share_network: Row,
        share_network_subnet: Row,
        count: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Take `count` addresses (None: the number the driver needs; 0: nothing)."""
        wanted = self.get_network_allocations_number() if count is None else count
        if wanted:
            self.network_api.allocate_network(
                context,
                share_server,
                share_network=share_network,
                share_network_subnet=share_network_subnet,
                count=wanted,
                **kwargs,
            )

    def allocate_admin_network(
        self, context: AnyContext, share_server: Row, count: int | None = None, **kwargs: Any
    ) -> None:
        """The same in the admin network; needs the admin plugin unless the number is 0."""
        wanted = self.get_admin_network_allocations_number() if count is None else count
        if not wanted:
            return
        plugin = self.admin_network_api
        if plugin is None:
            raise errors.NetworkBadConfigurationException(
                reason="admin addresses are needed; set admin_network_config_group"
            )
        plugin.allocate_network(context, share_server, count=wanted, **kwargs)

    def deallocate_network(
        self,
        context: AnyContext,
        share_server_id: str,
        share_network: Row | None = None,
        share_network_subnet: Row | None = None,
    ) -> None:
        """Give the addresses back, if the driver needs any."""
        if self.get_network_allocations_number():
            self.network_api.deallocate_network(
                context,
                share_server_id,
                share_network=share_network,
                share_network_subnet=share_network_subnet,
            )

    def update_network_allocation(self, context: AnyContext, share_server: Row) -> None:
        """After setup of the server."""
        if self.get_network_allocations_number():
            self.network_api.update_network_allocation(context, share_server)

    def update_admin_network_allocation(self, context: AnyContext, share_server: Row) -> None:
        """After setup of the server, admin network."""
        plugin = self.admin_network_api
        if plugin is not None and self.get_admin_network_allocations_number():
            plugin.update_network_allocation(context, share_server)
