"""The life of a share: create, delete, resize, ensure, manage, unmanage, status, used size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot

Locations = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
"""Export locations as drivers return them; see `results.export_locations`."""


class ShareMethods:
    """Every mutating method may be called again after a crash, with the same ids: create returns
    what exists, delete of the absent succeeds, a size already reached is success."""

    def create_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> Locations | None:
        """Make the share; returns its export locations.  No client may reach it yet."""
        raise NotImplementedError

    def create_share_from_snapshot(
        self,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        share_server: ShareServer | None = None,
        parent_share: Share | None = None,
    ) -> Locations | None:
        """Make a share with the content of a snapshot; it may be larger than the snapshot.

        Returns export locations, or {status, export_locations}: `available`, or
        `creating_from_snapshot` when it goes on in the background (see get_share_status).
        """
        raise NotImplementedError

    def delete_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> None:
        """Remove the share and its exports.  Absent is success; the server may be None."""
        raise NotImplementedError

    def extend_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Grow to `new_size` GiB, online."""
        raise NotImplementedError

    def shrink_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Shrink to `new_size` GiB; ShareShrinkingPossibleDataLoss when more is in use."""
        raise NotImplementedError

    def ensure_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> Locations | None:
        """Export again after a restart; used only where ensure_shares is not implemented."""
        raise NotImplementedError

    def ensure_shares(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """All shares at once, at start, when get_backend_info changed.

        Returns {instance id: {export_locations?, status?, metadata?, reapply_access_rules?}}.
        """
        raise NotImplementedError

    def get_backend_info(self, context: AnyContext) -> Mapping[str, Any]:
        """Flat, stable facts about the backend; a change means that shares must be ensured."""
        raise NotImplementedError

    def get_optional_share_creation_data(
        self, share: Share, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """{metadata: {...}} to be merged into the share's metadata after creation."""
        return {}

    def manage_existing(
        self, share: Share, driver_options: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Take over an existing share, found by the path in `share.export_locations`.

        Returns {size: GiB >= 1, export_locations?}; ManageInvalidShare when it cannot.
        """
        raise NotImplementedError

    def manage_existing_with_server(
        self,
        share: Share,
        driver_options: Mapping[str, Any],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Any] | None:
        """The same where the driver handles share servers."""
        raise NotImplementedError

    def unmanage(self, share: Share) -> None:
        """Forget the share, keep its data."""

    def unmanage_with_server(self, share: Share, share_server: ShareServer | None = None) -> None:
        """The same where the driver handles share servers."""

    def get_pool(self, share: Share) -> str | None:
        """The pool that holds the share, for instances whose host does not say."""
        return None

    def get_periodic_hook_data(
        self, context: AnyContext, share_instances: Sequence[Share]
    ) -> Sequence[Any]:
        """What periodic hooks are given."""
        return share_instances

    def get_share_status(
        self, share: Share, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """How background work stands: {status, export_locations?, progress?: "50%"}.

        status: available, creating_from_snapshot, reverting_to_snapshot, reverting_error, error.
        """
        raise NotImplementedError

    def update_share_usage_size(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> Sequence[Mapping[str, Any]]:
        """[{id, used_size: GiB, gathered_at}] for the shares whose size is known."""
        return []

    def transfer_accept(
        self,
        context: AnyContext,
        share: Share,
        new_user: str,
        new_project: str,
        access_rules: Sequence[Mapping[str, Any]] | None = None,
        share_server: ShareServer | None = None,
    ) -> None:
        """The share changes its project; DriverCannotTransferShareWithRules refuses."""

    def update_share_from_metadata(
        self,
        context: AnyContext,
        share: Share,
        metadata: Mapping[str, str],
        share_server: ShareServer | None = None,
    ) -> None:
        """Act on metadata keys that the operator allows users to steer the driver with."""
        raise NotImplementedError
