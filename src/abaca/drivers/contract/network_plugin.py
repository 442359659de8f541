"""What the base driver expects of a network plugin (where share servers get their addresses)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from abaca.drivers.contract.context import AnyContext

Row = Mapping[str, Any]


class NetworkPlugin(Protocol):
    """Allocates addresses."""

    label: str  # user | admin

    @property
    def enabled_ip_versions(self) -> set[int]:
        """{4}, {6} or both; none is NetworkBadConfigurationException."""

    def allocate_network(
        self,
        context: AnyContext,
        share_server: Row,
        share_network: Row | None = None,
        share_network_subnet: Row | None = None,
        count: int = 1,
        device_owner: str = "share",
    ) -> Sequence[Row]:
        """Take `count` addresses; returns the allocations."""

    def deallocate_network(
        self,
        context: AnyContext,
        share_server_id: str,
        share_network: Row | None = None,
        share_network_subnet: Row | None = None,
    ) -> None:
        """Give them back; absent is success."""

    def manage_network_allocations(
        self,
        context: AnyContext,
        allocations: Sequence[str],
        share_server: Row,
        share_network: Row | None = None,
        share_network_subnet: Row | None = None,
    ) -> list[str]:
        """Take over existing addresses; returns those not taken."""

    def unmanage_network_allocations(self, context: AnyContext, share_server_id: str) -> None:
        """Forget addresses without giving them back."""

    def update_network_allocation(self, context: AnyContext, share_server: Row) -> None:
        """After setup: wait for port bindings, and the like."""

    def include_network_info(self, share_network_subnet: Row) -> None:
        """Fill in cidr, gateway, mtu, network type and segmentation id."""

    def extend_network_allocations(
        self, context: AnyContext, share_server: Row, **kwargs: Any
    ) -> Sequence[Row]:
        """Bind the addresses at a second host too, for server migration."""

    def delete_extended_allocations(
        self, context: AnyContext, share_server: Row, dest_share_server: Row | None = None
    ) -> None:
        """Undo extend_network_allocations."""

    def cutover_network_allocations(
        self, context: AnyContext, src_share_server: Row, dest_share_server: Row
    ) -> None:
        """Make the second binding the only one."""


PluginLoader = Callable[[str | None, str], NetworkPlugin]
"""(configuration section, label) -> plugin.  Given to drivers as keyword `network_plugins`."""
