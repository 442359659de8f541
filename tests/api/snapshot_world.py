"""Snapshots in the small world of tests/support/shares.py."""

from __future__ import annotations

from typing import Any

from abaca.operations import log as oplog
from abaca.store import quotas, snapshots
from support.shares import LATEST, PROJECT, Answer, Client, World

NOWHERE = "00000000-0000-4000-8000-000000000000"
# what no text, number or id may make an error of ours out of
NASTY: tuple[Any, ...] = (
    "\x00", "a\x00b", "a\nb", "\x1b[31m", "x" * 10240, "\x85", 2**31, 2**63, 2**70, -(2**70),
    1e308, 1.5, True, [], {}, [[]], {"a": {"b": 1}}, "'; DROP TABLE snapshots; --",
    "../../etc/passwd", "%00", "\u202e", "\U0001f4a9" * 255,
)  # fmt: skip


class SnapshotWorld(World):
    def take(self, share_id: str, by: Client | None = None, **given: Any) -> dict[str, Any]:
        """A snapshot in creating, made through the API."""
        body = {"snapshot": {"share_id": share_id, **given}}
        answer = (by or self.member)("POST", "/snapshots", body)
        assert answer.status == 202, answer.json
        found: dict[str, Any] = answer["snapshot"]
        return found

    def taken(self, share_id: str, by: Client | None = None, **given: Any) -> str:
        """The id of an available snapshot, made through the API."""
        snapshot_id: str = self.take(share_id, by, **given)["id"]
        self.settle_snapshot(snapshot_id)
        return snapshot_id

    def settle_snapshot(self, snapshot_id: str, status: str = "available") -> None:
        """Whatever goes on with the snapshot has ended like this."""
        with self.store.transaction() as tx:
            snapshot = snapshots.get(tx, snapshot_id)
            assert snapshot is not None
            if snapshot.operation_id:
                oplog.disown(tx, snapshot.operation_id)
            snapshots.update_instance(tx, snapshot.instance_id, status=status, operation_id=None)

    def export(self, snapshot_id: str) -> list[str]:
        """Give it a location for all and one for administrators; their ids."""
        with self.store.transaction() as tx:
            snapshot = snapshots.get(tx, snapshot_id)
            assert snapshot is not None
            snapshots.replace_locations(
                tx,
                snapshot.instance_id,
                [
                    {"path": f"10.0.0.1:/{snapshot_id}"},
                    {"path": f"admin:/{snapshot_id}", "is_admin_only": True},
                ],
            )
            found = snapshots.locations_of(tx, [snapshot.instance_id])
        return [location.id for location in found]

    def show(self, snapshot_id: str, by: Client | None = None, version: str = LATEST) -> Answer:
        return (by or self.member).get(f"/snapshots/{snapshot_id}", version=version)

    def do(
        self, snapshot_id: str, word: str, given: Any = None, by: Client | None = None, **how: Any
    ) -> Answer:
        """An action, as the administrator unless said otherwise."""
        path = f"/snapshots/{snapshot_id}/action"
        return (by or self.admin)("POST", path, {word: given}, **how)

    def charged(self, project: str = PROJECT) -> tuple[int, int]:
        """snapshots, snapshot_gigabytes"""
        with self.store.read() as tx:
            found = quotas.in_use(tx, (project, "", ""))
        return found["snapshots"], found["snapshot_gigabytes"]
