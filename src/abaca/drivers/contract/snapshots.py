"""Snapshots: create, delete, revert, mountable snapshots, manage, unmanage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.lifecycle import overrides
from abaca.drivers.contract.records import AccessRule, ShareServer, Snapshot


class SnapshotMethods:
    """Snapshots are crash-consistent.  The capability is there when create and delete are."""

    @property
    def snapshots_are_supported(self) -> bool:
        """Whether the driver brings create_snapshot and delete_snapshot."""
        return overrides(self, "create_snapshot", "delete_snapshot")

    @property
    def creating_shares_from_snapshots_is_supported(self) -> bool:
        """Whether it brings create_share_from_snapshot too."""
        return self.snapshots_are_supported and overrides(self, "create_share_from_snapshot")

    def create_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> Mapping[str, Any] | None:
        """Returns None or {provider_location?, export_locations?, status?}."""
        raise NotImplementedError

    def delete_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        """Absent is success; ShareSnapshotIsBusy when something depends on it."""
        raise NotImplementedError

    def revert_to_snapshot(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        share_access_rules: Sequence[AccessRule],
        snapshot_access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> int | Mapping[str, Any] | None:
        """Give the share the snapshot's content, in place; the snapshot stays.

        Returns None, the new size in GiB, or {status: reverting_to_snapshot} when it goes on in
        the background.  Needs the stat `revert_to_snapshot_support`.
        """
        raise NotImplementedError

    def snapshot_update_access(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """As update_access, read-only.  Needs the stat `mount_snapshot_support`."""
        raise NotImplementedError

    def manage_existing_snapshot(
        self, snapshot: Snapshot, driver_options: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Take over the snapshot named by `provider_location`.

        Returns {size: GiB, provider_location?, export_locations?}; ManageInvalidShareSnapshot.
        """
        raise NotImplementedError

    def manage_existing_snapshot_with_server(
        self,
        snapshot: Snapshot,
        driver_options: Mapping[str, Any],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Any] | None:
        """The same where the driver handles share servers."""
        raise NotImplementedError

    def unmanage_snapshot(self, snapshot: Snapshot) -> None:
        """Forget the snapshot, keep its data."""

    def unmanage_snapshot_with_server(
        self, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        """The same where the driver handles share servers."""
