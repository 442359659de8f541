"""Moving a share server with all its shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot

Row = Mapping[str, Any]


class ServerMigrationMethods:
    """Called on the destination's host."""

    def share_server_migration_check_compatibility(
        self,
        context: AnyContext,
        share_server: ShareServer,
        dest_host: str,
        old_share_network: Row,
        new_share_network: Row,
        shares_request_spec: Row,
    ) -> Mapping[str, bool]:
        """What a move would be like; `shares_request_spec` has shares_size, snapshots_size (GiB)
        and shares_req_spec."""
        return {
            "compatible": False,
            "writable": False,
            "nondisruptive": False,
            "preserve_snapshots": False,
            "migration_cancel": False,
            "migration_get_progress": False,
        }

    def share_server_migration_start(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> Mapping[str, Any] | None:
        """Begin; returns None or {backend_details}."""
        raise NotImplementedError

    def share_server_migration_continue(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> bool | None:
        """True once complete may be called."""
        raise NotImplementedError

    def share_server_migration_complete(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
        new_network_info: Sequence[Row],
    ) -> Mapping[str, Any] | None:
        """Cut over.  Returns {share_updates {id: {export_locations, pool_name}}, snapshot_updates
        {id: {provider_location, export_locations}}, server_backend_details?}."""
        raise NotImplementedError

    def share_server_migration_cancel(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> None:
        """Undo."""
        raise NotImplementedError

    def share_server_migration_get_progress(
        self,
        context: AnyContext,
        src_share_server: ShareServer,
        dest_share_server: ShareServer,
        shares: Sequence[Share],
        snapshots: Sequence[Snapshot],
    ) -> Mapping[str, Any]:
        """{total_progress: 0-100}."""
        raise NotImplementedError
