"""Replicas of a share on other backends.  Needs the stat `replication_type` and a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import AccessRule, Share, ShareServer, Snapshot

Row = Mapping[str, Any]


class ReplicaMethods:
    """`replica_list`: all instances of the share, the active one with replica_state `active`.
    `replica_snapshots`: for create_replica and update_replica_state pairs
    {active_replica_snapshot, share_replica_snapshot}, for the others snapshot instances."""

    def create_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        new_replica: Share,
        access_rules: Sequence[AccessRule],
        replica_snapshots: Sequence[Row],
        share_server: ShareServer | None = None,
    ) -> Row | None:
        """On the new replica's host.  Returns None or {export_locations, replica_state,
        access_rules_status, share_access_rules?}; writable replication returns `active`."""
        raise NotImplementedError

    def delete_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Row],
        replica: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        """With its snapshots, even those still being made.  Absent is success."""
        raise NotImplementedError

    def promote_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica: Share,
        access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
        quiesce_wait_time: int | None = None,
    ) -> Sequence[Row] | None:
        """On the promoted replica's host; `quiesce_wait_time` in seconds.  Returns None or
        [{id, export_locations?, replica_state?, access_rules_status?}]."""
        raise NotImplementedError

    def update_replica_state(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica: Share,
        access_rules: Sequence[AccessRule],
        replica_snapshots: Sequence[Row],
        share_server: ShareServer | None = None,
    ) -> str | None:
        """in_sync, out_of_sync, error or None (unchanged); repairs the relation if it can."""
        raise NotImplementedError

    def create_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Snapshot],
        share_server: ShareServer | None = None,
    ) -> Sequence[Row] | None:
        """On the active replica's host.  Returns [{id, status, ...}]."""
        raise NotImplementedError

    def delete_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Snapshot],
        share_server: ShareServer | None = None,
    ) -> Sequence[Row] | None:
        """Returns [{id, status: deleted, ...}]."""
        raise NotImplementedError

    def update_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        share_replica: Share,
        replica_snapshots: Sequence[Snapshot],
        replica_snapshot: Snapshot,
        share_server: ShareServer | None = None,
    ) -> Row | None:
        """Polled while creating or deleting: {status, ...}; SnapshotResourceNotFound when gone."""
        raise NotImplementedError

    def revert_to_replicated_snapshot(
        self,
        context: AnyContext,
        active_replica: Share,
        replica_list: Sequence[Share],
        active_replica_snapshot: Snapshot,
        replica_snapshots: Sequence[Snapshot],
        share_access_rules: Sequence[AccessRule],
        snapshot_access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> None:
        """Revert the active replica; the others follow."""
        raise NotImplementedError
