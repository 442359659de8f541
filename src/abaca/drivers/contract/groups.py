"""Share groups.  The base works share by share, so snapshots of a group are not consistent."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.lifecycle import LifeCycle
from abaca.drivers.contract.records import (
    ShareGroup,
    ShareGroupSnapshot,
    ShareServer,
    Snapshot,
    snapshot_record,
)
from abaca.drivers.contract.results import create_result
from abaca.drivers.contract.shares import ShareMethods
from abaca.drivers.contract.snapshots import SnapshotMethods

Row = Mapping[str, Any]
Update = dict[str, Any] | None
Updates = list[dict[str, Any]] | None


class GroupMethods(ShareMethods, SnapshotMethods, LifeCycle):
    """Results are (update of the group or None, updates of its members or None)."""

    def create_share_group(
        self,
        context: AnyContext,
        share_group_dict: ShareGroup,
        share_server: ShareServer | None = None,
    ) -> Update:
        """Make an empty group."""
        return None

    def delete_share_group(
        self,
        context: AnyContext,
        share_group_dict: ShareGroup,
        share_server: ShareServer | None = None,
    ) -> Update:
        """Remove an empty group.  Absent is success."""
        return None

    def create_share_group_from_share_group_snapshot(
        self,
        context: AnyContext,
        share_group_dict: ShareGroup,
        share_group_snapshot_dict: ShareGroupSnapshot,
        share_server: ShareServer | None = None,
    ) -> tuple[Update, Updates]:
        """Make a group and its shares.  Updates are {id, export_locations, status?}.

        Base: create_share_from_snapshot for each share, with the member it names as its source.
        """
        members = {m["id"]: m for m in share_group_snapshot_dict["share_group_snapshot_members"]}
        if not members:
            return None, None
        updates: list[dict[str, Any]] = []
        for share in share_group_dict["shares"]:
            member = members.get(share["source_share_group_snapshot_member_id"])
            if member is None:
                raise errors.InvalidShareGroup(
                    reason=f"share {share['id']} has no source in the group snapshot"
                )
            made = self.create_share_from_snapshot(
                context, share, _as_snapshot(member), share_server=share_server
            )
            result = create_result(made, from_snapshot=True)
            update: dict[str, Any] = {
                "id": share["id"],
                "export_locations": [loc.to_return() for loc in result.export_locations],
            }
            if result.status != "available":
                update["status"] = result.status
            updates.append(update)
        return None, updates

    def create_share_group_snapshot(
        self,
        context: AnyContext,
        snap_dict: ShareGroupSnapshot,
        share_server: ShareServer | None = None,
    ) -> tuple[Update, Updates]:
        """Snapshot every member; when one fails, those made are removed again."""
        if not self._stats.get("snapshot_support", self.snapshots_are_supported):
            raise errors.ShareGroupSnapshotNotSupported(share_group=snap_dict["share_group_id"])
        updates: list[dict[str, Any]] = []
        with contextlib.ExitStack() as undo:
            for member in snap_dict["share_group_snapshot_members"]:
                snapshot = _as_snapshot(member)
                made = self.create_snapshot(context, snapshot, share_server=share_server)
                undo.callback(self.delete_snapshot, context, snapshot, share_server=share_server)
                if made:
                    updates.append({"id": member["id"], **made})
            undo.pop_all()
        return None, updates or None

    def delete_share_group_snapshot(
        self,
        context: AnyContext,
        snap_dict: ShareGroupSnapshot,
        share_server: ShareServer | None = None,
    ) -> tuple[Update, Updates]:
        """Remove the snapshot of every member.  Absent is success."""
        for member in snap_dict["share_group_snapshot_members"]:
            self.delete_snapshot(context, _as_snapshot(member), share_server=share_server)
        return None, None


def _as_snapshot(member: Row) -> Snapshot:
    """A group snapshot member in the shape of a snapshot instance."""
    if isinstance(member, Snapshot):
        return member
    share = member.get("share")
    instance_id = share["id"] if share else member.get("share_id")
    known = {k: v for k, v in member.items() if k in Snapshot.keys_}
    return snapshot_record(**{**known, "share_instance_id": instance_id, "share_id": instance_id})


def as_snapshots(members: Sequence[Row]) -> list[Snapshot]:
    """The members of a group snapshot as snapshot records."""
    return [_as_snapshot(member) for member in members]
