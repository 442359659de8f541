"""Moving shares within the fake array (between backends that name the same `fake_state_path`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot
from abaca.drivers.fake.base import FakeBase
from abaca.drivers.fake.effects import (
    Row,
    Tx,
    check_room,
    copy_files,
    create_snapshot,
    delete_share,
    delete_snapshot,
    drop_task,
    effect,
    find_share,
    insert_share,
    start_task,
    task_progress,
    the_share,
)


@effect
def migration_check_compatibility(tx: Tx, source: str) -> bool:
    return find_share(tx, source) is not None


@effect
def migration_start(tx: Tx, source: str, share: Row, capacity: float, seconds: float) -> None:
    used = the_share(tx, source)["used"]
    if find_share(tx, share["id"]) is None:
        check_room(tx, share["backend"], share["pool"], share["size"], capacity)
        insert_share(tx, **share, used=used)
        start_task(tx, "migration", share["id"], source, seconds)


@effect
def migration_continue(tx: Tx, destination: str) -> bool:
    return task_progress(tx, "migration", destination) == 100


@effect
def migration_get_progress(tx: Tx, destination: str) -> int:
    return task_progress(tx, "migration", destination)


@effect
def migration_complete(tx: Tx, source: str, destination: str, snapshots: Mapping[str, Row]) -> str:
    """Returns the destination's path.  Repeated, it finds nothing left to do."""
    share = the_share(tx, destination)
    if find_share(tx, source) is not None:
        copy_files(tx, source, destination)
        for old, new in snapshots.items():
            create_snapshot(tx, new)
            copy_files(tx, old, new["id"])
            delete_snapshot(tx, old)
        delete_share(tx, source)
    drop_task(tx, "migration", destination)
    return str(share["path"])


@effect
def migration_cancel(tx: Tx, destination: str) -> None:
    drop_task(tx, "migration", destination)
    delete_share(tx, destination)


class FakeMoves(FakeBase):
    """Takes `fake_copy_seconds`; clients of the source write on until complete."""

    def migration_check_compatibility(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> dict[str, bool]:
        able = self._call(
            "migration_check_compatibility",
            source_share["id"],
            context,
            source=source_share["id"],
        )
        return {
            "compatible": able,
            "writable": able,
            "preserve_metadata": able,
            "nondisruptive": False,
            "preserve_snapshots": able,
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
        columns = self._columns(destination_share, destination_share_server)
        self._call(
            "migration_start",
            destination_share["id"],
            context,
            source=source_share["id"],
            share=columns,
            capacity=self._capacities[columns["pool"]],
            seconds=self._copy_seconds,
        )

    def migration_continue(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> bool:
        destination = destination_share["id"]
        return bool(self._call("migration_continue", destination, context, destination=destination))

    def migration_complete(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        moved = {
            old: self._snapshot_row(new, destination_share["id"])
            for old, new in snapshot_mappings.items()
        }
        path = self._call(
            "migration_complete",
            destination_share["id"],
            context,
            source=source_share["id"],
            destination=destination_share["id"],
            snapshots=moved,
        )
        updates = {
            row["id"]: {
                "provider_location": row["path"],
                "export_locations": self._locations(row["path"]),
            }
            for row in moved.values()
        }
        return {"export_locations": self._locations(path), "snapshot_updates": updates}

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
        destination = destination_share["id"]
        self._call("migration_cancel", destination, context, destination=destination)

    def migration_get_progress(
        self,
        context: AnyContext,
        source_share: Share,
        destination_share: Share,
        source_snapshots: Sequence[Snapshot],
        snapshot_mappings: Mapping[str, Snapshot],
        share_server: ShareServer | None = None,
        destination_share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        destination = destination_share["id"]
        percent = self._call(
            "migration_get_progress", destination, context, destination=destination
        )
        return {"total_progress": percent}
