"""Share servers: choose, set up, tear down, manage, and change while they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.lifecycle import LifeCycle
from abaca.drivers.contract.records import Share, ShareGroup, ShareServer, Snapshot

Row = Mapping[str, Any]
Rows = Sequence[Row]


class ServerMethods(LifeCycle):
    """Used where the driver handles share servers (DHSS)."""

    def choose_share_server_compatible_with_share(
        self,
        context: AnyContext,
        share_servers: Sequence[ShareServer],
        share: Share,
        snapshot: Snapshot | None = None,
        share_group: ShareGroup | None = None,
        encryption_key_ref: str | None = None,
    ) -> ShareServer | None:
        """The server to use, None for a new one.  Base: the group's server, else the first."""
        if share_group and share_group.get("share_server_id"):
            wanted = share_group["share_server_id"]
            return next((server for server in share_servers if server["id"] == wanted), None)
        return share_servers[0] if share_servers else None

    def choose_share_server_compatible_with_share_group(
        self,
        context: AnyContext,
        share_servers: Sequence[ShareServer],
        share_group_ref: ShareGroup,
        share_group_snapshot: Row | None = None,
    ) -> ShareServer | None:
        """The same for a group.  Base: the first."""
        return share_servers[0] if share_servers else None

    def setup_server(
        self, network_info: Sequence[Row], metadata: Row | None = None
    ) -> Mapping[str, str] | None:
        """Make a server; `network_info` has one item per subnet.

        Returns its details, str -> str, kept by the caller and given back later; key `identifier`
        is the backend's own name of it.  When it fails half-way the exception's `detail_data` has
        `server_details`, so that what was made can be cleaned up.
        """
        if not self.driver_handles_share_servers:
            return None
        return self._setup_server(network_info, metadata=metadata)

    def _setup_server(
        self, network_info: Sequence[Row], metadata: Row | None = None
    ) -> Mapping[str, str] | None:
        raise NotImplementedError

    def teardown_server(
        self, server_details: Mapping[str, str], security_services: Rows | None = None
    ) -> None:
        """Remove a server; details may be partial or empty.  Absent is success."""
        if self.driver_handles_share_servers:
            self._teardown_server(server_details, security_services=security_services)

    def _teardown_server(
        self, server_details: Mapping[str, str], security_services: Rows | None = None
    ) -> None:
        raise NotImplementedError

    def get_share_server_pools(self, share_server: ShareServer) -> list[str]:
        """Names of the pools the server uses."""
        return []

    def get_share_server_network_info(
        self, context: AnyContext, share_server: ShareServer, identifier: str, driver_options: Row
    ) -> list[str]:
        """The addresses of a server that is to be managed."""
        raise NotImplementedError

    def manage_server(
        self, context: AnyContext, share_server: ShareServer, identifier: str, driver_options: Row
    ) -> tuple[str, Mapping[str, str]]:
        """Take over a server; returns (identifier, details).  ManageShareServerError."""
        raise NotImplementedError

    def unmanage_server(
        self, server_details: Mapping[str, str], security_services: Rows | None = None
    ) -> None:
        """Forget a server, keep it running.  Not implemented: only by force."""
        raise NotImplementedError

    def update_share_server_security_service(
        self,
        context: AnyContext,
        share_server: ShareServer,
        network_info: Sequence[Row],
        share_instances: Sequence[Share],
        share_instance_rules: Rows,
        new_security_service: Row,
        current_security_service: Row | None = None,
    ) -> Mapping[str, Mapping[str, Row]] | None:
        """Add a security service, or replace one by another of its type.

        Returns None or {instance id: {access_id: {access_key, state}}}.
        """
        raise NotImplementedError

    def check_update_share_server_security_service(
        self,
        context: AnyContext,
        share_server: ShareServer,
        network_info: Sequence[Row],
        share_instances: Sequence[Share],
        share_instance_rules: Rows,
        new_security_service: Row,
        current_security_service: Row | None = None,
    ) -> bool:
        """Whether the update above is possible; changes nothing."""
        raise NotImplementedError

    def check_update_share_server_network_allocations(
        self,
        context: AnyContext,
        share_server: ShareServer,
        current_network_allocations: Row,
        new_share_network_subnet: Row,
        security_services: Rows,
        share_instances: Sequence[Share],
        share_instances_rules: Rows,
    ) -> bool:
        """Whether a subnet can be added; changes nothing."""
        raise NotImplementedError

    def update_share_server_network_allocations(
        self,
        context: AnyContext,
        share_server: ShareServer,
        current_network_allocations: Row,
        new_network_allocations: Row,
        security_services: Rows,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> Mapping[str, Any] | None:
        """Add a subnet.  Returns {share_updates {id: [locations]}, snapshot_updates {id:
        {provider_location, export_locations}}, server_details {str: str}}."""
        raise NotImplementedError

    def update_share_network_subnet_from_metadata(
        self,
        context: AnyContext,
        share_network: Row,
        share_network_subnet: Row,
        share_server: ShareServer,
        metadata: Mapping[str, str],
    ) -> None:
        """Act on metadata of a subnet that users may steer the driver with."""
        raise NotImplementedError
