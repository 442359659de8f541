"""Moving a share by the driver.  Start and return; `continue` is polled; `complete` cuts over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot


class MigrationMethods:
    """`snapshot_mappings` is {source snapshot id: destination snapshot instance}."""

    def migration_check_compatibility(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> Mapping[str, bool]:
        """What a move between these backends would be like; all False: the driver cannot."""
        return {
            "compatible": False,
            "writable": False,
            "preserve_metadata": False,
            "nondisruptive": False,
            "preserve_snapshots": False,
        }

    def migration_start(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> None:
        """Begin copying."""
        raise NotImplementedError

    def migration_continue(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> bool | None:
        """True once the copy is there and complete may be called."""
        raise NotImplementedError

    def migration_complete(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> Mapping[str, Any] | None:
        """Cut over and delete the source's data.  Returns None or {export_locations,
        snapshot_updates {destination snapshot id: {provider_location, export_locations}}}."""
        raise NotImplementedError

    def migration_cancel(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> None:
        """Undo the copy."""
        raise NotImplementedError

    def migration_get_progress(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> Mapping[str, Any]:
        """{total_progress: 0-100, ...}."""
        raise NotImplementedError
