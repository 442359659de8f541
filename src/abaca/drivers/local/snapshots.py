"""Snapshots: create, delete, revert in place, mount."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from abaca.drivers import rules
from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext, operation_of, report
from abaca.drivers.contract.records import AccessRule, ShareServer, Snapshot
from abaca.drivers.local import btrfs, revert, trash
from abaca.drivers.local.exporter import Exporter, Location
from abaca.drivers.local.paths import UnsafePath
from abaca.drivers.local.pool import GIB
from abaca.drivers.local.shares import Shares, export_name


def snapshot_export_name(snapshot_id: str) -> str:
    """The name a mountable snapshot is exported under."""
    return f"snapshot-{snapshot_id}"


class Snapshots(Shares):
    """A snapshot is a read-only subvolume named by its instance id.

    It is exported only while it has a rule, on the server of its share: its location is known
    before.
    """

    def create_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """Milliseconds; what clients wrote and committed is in it."""
        path = self._snapshot_path(snapshot)
        if not path.exists():
            source = self.share_path(_share_of(snapshot))
            if not source.exists():
                raise errors.ShareResourceNotFound(share_id=_share_of(snapshot))
            btrfs.snapshot(source, path, read_only=True)
        return {
            "status": "available",
            "provider_location": f"snapshots/{path.name}",
            "export_locations": self.snapshot_locations(snapshot),
        }

    def delete_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        """Stop serving it, take it away; clones made of it live on."""
        try:
            path = self._snapshot_path(snapshot)
        except errors.Invalid:
            return  # such a snapshot cannot have been made
        for exporter in self.exporters.values():
            exporter.withdraw(snapshot_export_name(snapshot["id"]))
        trash.discard(self.pool, path)

    def revert_to_snapshot(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        share_access_rules: Sequence[AccessRule],
        snapshot_access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> None:
        """In place: mounts and open files stay valid.  About a second per 5000 changed files.

        The share is read-only for its clients meanwhile: writes would come on top of the data that
        is brought back.  Then its size is that of the snapshot; if it fails, the one it had.
        """
        source = self._snapshot_path(snapshot)
        if not source.exists():
            raise errors.SnapshotResourceNotFound(name=snapshot["id"])
        target = self.share_path(_share_of(snapshot))
        if not target.exists():
            raise errors.ShareResourceNotFound(share_id=_share_of(snapshot))
        quota = self.pool.quota
        had = int((snapshot.get("share") or {}).get("size") or 0) * GIB or quota.size(target)
        will_have = int(snapshot.get("size") or 0) * GIB or had
        size = had
        with self._read_only(snapshot, share_access_rules):
            # not to be reached, but no more than this gets in if a server lets a write through
            quota.set_size(target, had + will_have)
            try:
                btrfs.commit(target)  # what clients wrote is on disk
                revert.run(source, target, lambda entries: report(context, 50))
                revert.mark(target, operation_of(context))
                btrfs.commit(target)  # what is shared with the snapshot is counted
                size = will_have
            finally:
                quota.set_size(target, size)

    @contextlib.contextmanager
    def _read_only(
        self, snapshot: Mapping[str, Any], share_rules: Sequence[AccessRule]
    ) -> Iterator[None]:
        """No client can write to the snapshot's share inside of this."""
        name, exporter = export_name(_share_of(snapshot)), self._snapshot_exporter(snapshot)
        share = snapshot.get("share") or {}

        def allow(read_only: bool) -> None:
            types, project = exporter.rule_types, _project_of(snapshot)
            exporter.allow(name, rules.read(share_rules, types, read_only, project=project))

        if not exporter.has(name):
            yield
            return
        allow(read_only=True)
        try:
            yield
        finally:
            allow(read_only=bool(share.get("cast_rules_to_readonly")))

    def snapshot_update_access(
        self,
        context: AnyContext,
        snapshot: Snapshot,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Mapping[str, Any]]:
        """Read-only rules.  What cannot be honoured gets state error, by itself."""
        name = snapshot_export_name(snapshot["id"])
        exporter = self._snapshot_exporter(snapshot)
        if not access_rules:
            exporter.withdraw(name)
            return {}
        path = self._snapshot_path(snapshot)
        if not path.exists():
            raise errors.SnapshotResourceNotFound(name=snapshot["id"])
        share, project = export_name(_share_of(snapshot)), snapshot.get("project_id")
        wanted = rules.read(access_rules, exporter.rule_types, read_only=True, project=project)
        exporter.export(name, str(path), near=share, project=_project_of(snapshot))
        additions = exporter.allow(name, wanted)
        states = wanted.states(access_rules)
        return {key: {**state, **additions.get(key, {})} for key, state in states.items()}

    def snapshot_locations(self, snapshot: Mapping[str, Any]) -> list[Location]:
        """Where the snapshot is, or will be, mounted from."""
        try:
            exporter = self._snapshot_exporter(snapshot)
        except errors.InvalidShare:
            return []
        name, near = snapshot_export_name(snapshot["id"]), export_name(_share_of(snapshot))
        return exporter.locations_near(name, near)

    def _snapshot_exporter(self, snapshot: Mapping[str, Any]) -> Exporter:
        share = snapshot.get("share") or {}
        protocol = snapshot.get("share_proto") or share.get("share_proto")
        if protocol:
            return self.exporter(protocol)
        for exporter in self.exporters.values():
            if exporter.has(export_name(_share_of(snapshot))):
                return exporter
        raise errors.InvalidShare(reason=f"no protocol is known for snapshot {snapshot['id']}")

    def _snapshot_path(self, snapshot: Mapping[str, Any]) -> Path:
        try:
            return self.snapshot_path(snapshot["id"])
        except UnsafePath as problem:
            raise errors.InvalidShare(reason=str(problem)) from problem


def _share_of(snapshot: Mapping[str, Any]) -> str:
    """The id of the share instance a snapshot was taken of."""
    return str(snapshot.get("share_instance_id") or snapshot["share_id"])


def _project_of(snapshot: Mapping[str, Any]) -> str | None:
    """Whose share it was taken of: an administrator's snapshot belongs to the administrator."""
    share = snapshot.get("share") or {}
    project: str | None = share.get("project_id") or snapshot.get("project_id")
    return project
