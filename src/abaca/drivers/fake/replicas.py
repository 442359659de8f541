"""Replicas within the fake array (between backends that name the same `fake_state_path`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from abaca.drivers.contract import AnyContext
from abaca.drivers.contract.errors import ReplicationException
from abaca.drivers.contract.records import AccessRule, Share, ShareServer, Snapshot
from abaca.drivers.fake.base import FakeBase, plain_rules
from abaca.drivers.fake.effects import (
    Row,
    Tx,
    change_rules,
    check_room,
    copy_files,
    create_snapshot,
    delete_share,
    delete_snapshot,
    effect,
    find_share,
    insert_share,
    revert_to_snapshot,
    the_snapshot,
)

REPLICA_LEVELS: Final[Mapping[str, str | None]] = {"readable": "ro", "writable": None}
"""The level rules have on a replica that is not active, by replication type (None: their own);
`dr` replicas can not be reached."""


@effect
def create_replica(
    tx: Tx,
    share: Row,
    capacity: float,
    active: str | None,
    rules: Sequence[Row],
    snapshots: Sequence[Row],
) -> None:
    if find_share(tx, share["id"]) is None:
        check_room(tx, share["backend"], share["pool"], share["size"], capacity)
        insert_share(tx, **share, replica_of=active)
    if active is not None:
        copy_files(tx, active, share["id"])
    for pair in snapshots:
        create_snapshot(tx, pair["new"])
        copy_files(tx, pair["active"], pair["new"]["id"])
    change_rules(tx, share["id"], rules, (), ())


@effect
def delete_replica(tx: Tx, share_id: str, snapshots: Sequence[str]) -> None:
    for snapshot in snapshots:
        delete_snapshot(tx, snapshot)
    delete_share(tx, share_id)


@effect
def promote_replica(tx: Tx, share_id: str, others: Sequence[str], rules: Sequence[Row]) -> str:
    """Returns the path."""
    row = find_share(tx, share_id)
    if row is None:
        raise ReplicationException(reason=f"replica {share_id} is not on the backend")
    tx.execute("UPDATE shares SET replica_of = NULL WHERE id = ?", (share_id,))
    for other in others:
        tx.execute("UPDATE shares SET replica_of = ? WHERE id = ?", (share_id, other))
    change_rules(tx, share_id, rules, (), ())
    return str(row["path"])


@effect
def update_replica_state(tx: Tx, share_id: str, active: str | None) -> str:
    if find_share(tx, share_id) is None:
        return "error"
    if active is None or find_share(tx, active) is None:
        return "out_of_sync"
    copy_files(tx, active, share_id)
    return "in_sync"


@effect
def create_replicated_snapshot(tx: Tx, snapshots: Sequence[Row]) -> None:
    for snapshot in snapshots:
        create_snapshot(tx, snapshot)


@effect
def delete_replicated_snapshot(tx: Tx, snapshots: Sequence[str]) -> None:
    for snapshot in snapshots:
        delete_snapshot(tx, snapshot)


@effect
def update_replicated_snapshot(tx: Tx, snapshot: str) -> str:
    """Returns its location."""
    return str(the_snapshot(tx, snapshot)["path"])


@effect
def revert_to_replicated_snapshot(
    tx: Tx, active: str, snapshot: str, replicas: Sequence[str]
) -> None:
    revert_to_snapshot(tx, active, snapshot, 0)
    for replica in replicas:
        copy_files(tx, active, replica)


class FakeReplicas(FakeBase):
    """Replicas follow the active one whenever their state is asked for."""

    def create_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        new_replica: Share,
        access_rules: Sequence[AccessRule],
        replica_snapshots: Sequence[Mapping[str, Any]],
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        columns = self._columns(new_replica, share_server)
        kind = self.configuration.fake_replication_type
        level = REPLICA_LEVELS.get(kind)
        rules = plain_rules(access_rules, level) if kind in REPLICA_LEVELS else []
        pairs = [
            {
                "active": pair["active_replica_snapshot"]["id"],
                "new": self._snapshot_row(pair["share_replica_snapshot"], new_replica["id"]),
            }
            for pair in replica_snapshots
        ]
        self._call(
            "create_replica",
            new_replica["id"],
            context,
            share=columns,
            capacity=self._capacities[columns["pool"]],
            active=_active(replica_list),
            rules=rules,
            snapshots=pairs,
        )
        return {
            "export_locations": self._locations(columns["path"]),
            "replica_state": "active" if kind == "writable" else "in_sync",
            "access_rules_status": "active",
        }

    def delete_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Row],
        replica: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        mine = [s["id"] for s in replica_snapshots if s["share_instance_id"] == replica["id"]]
        self._call("delete_replica", replica["id"], context, share_id=replica["id"], snapshots=mine)

    def promote_replica(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica: Share,
        access_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
        quiesce_wait_time: int | None = None,
    ) -> list[dict[str, Any]]:
        others = [r["id"] for r in replica_list if r["id"] != replica["id"]]
        path = self._call(
            "promote_replica",
            replica["id"],
            context,
            share_id=replica["id"],
            others=others,
            rules=plain_rules(access_rules),
        )
        writable = self.configuration.fake_replication_type == "writable"
        promoted = {
            "id": replica["id"],
            "export_locations": self._locations(path),
            "replica_state": "active",
            "access_rules_status": "active",
        }
        state = "active" if writable else "in_sync"
        return [promoted, *({"id": other, "replica_state": state} for other in others)]

    def update_replica_state(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica: Share,
        access_rules: Sequence[AccessRule],
        replica_snapshots: Sequence[Mapping[str, Any]],
        share_server: ShareServer | None = None,
    ) -> str:
        return str(
            self._call(
                "update_replica_state",
                replica["id"],
                context,
                share_id=replica["id"],
                active=_active(replica_list),
            )
        )

    def create_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Snapshot],
        share_server: ShareServer | None = None,
    ) -> list[dict[str, Any]]:
        rows = [self._snapshot_row(s, s["share_instance_id"]) for s in replica_snapshots]
        resource = replica_snapshots[0]["snapshot_id"] if replica_snapshots else None
        self._call("create_replicated_snapshot", resource, context, snapshots=rows)
        return [
            {"id": row["id"], "status": "available", "provider_location": row["path"]}
            for row in rows
        ]

    def delete_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        replica_snapshots: Sequence[Snapshot],
        share_server: ShareServer | None = None,
    ) -> list[dict[str, Any]]:
        ids = [snapshot["id"] for snapshot in replica_snapshots]
        resource = replica_snapshots[0]["snapshot_id"] if replica_snapshots else None
        self._call("delete_replicated_snapshot", resource, context, snapshots=ids)
        return [{"id": snapshot_id, "status": "deleted"} for snapshot_id in ids]

    def update_replicated_snapshot(
        self,
        context: AnyContext,
        replica_list: Sequence[Share],
        share_replica: Share,
        replica_snapshots: Sequence[Snapshot],
        replica_snapshot: Snapshot,
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        snapshot = replica_snapshot["id"]
        path = self._call("update_replicated_snapshot", snapshot, context, snapshot=snapshot)
        return {"id": snapshot, "status": "available", "provider_location": path}

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
        self._call(
            "revert_to_replicated_snapshot",
            active_replica["id"],
            context,
            active=active_replica["id"],
            snapshot=active_replica_snapshot["id"],
            replicas=[r["id"] for r in replica_list if r["id"] != active_replica["id"]],
        )


def _active(replica_list: Sequence[Share]) -> str | None:
    return next((r["id"] for r in replica_list if r["replica_state"] == "active"), None)
