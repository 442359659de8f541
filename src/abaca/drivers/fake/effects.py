"""What each driver method does to the array: functions of a transaction and plain values.

Plain values, because an effect can be put off (fault `late`) and is then kept as JSON.  Every
effect is idempotent.  Sizes are GiB, times seconds since 1970.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from abaca.drivers.contract import errors
from abaca.model import clock

Tx = sqlite3.Connection
Row = Mapping[str, Any]

EFFECTS: Final[dict[str, Callable[..., Any]]] = {}
"""Effects by the name of the driver method."""


def effect(function: Callable[..., Any]) -> Callable[..., Any]:
    EFFECTS[function.__name__] = function
    return function


def _one(tx: Tx, statement: str, *values: Any) -> sqlite3.Row | None:
    row: sqlite3.Row | None = tx.execute(statement, values).fetchone()
    return row


def find_share(tx: Tx, share_id: str) -> sqlite3.Row | None:
    return _one(tx, "SELECT * FROM shares WHERE id = ?", share_id)


def the_share(tx: Tx, share_id: str) -> sqlite3.Row:
    row = find_share(tx, share_id)
    if row is None:
        raise errors.ShareResourceNotFound(share_id=share_id)
    return row


def the_snapshot(tx: Tx, snapshot_id: str) -> sqlite3.Row:
    row = _one(tx, "SELECT * FROM snapshots WHERE id = ?", snapshot_id)
    if row is None:
        raise errors.SnapshotResourceNotFound(name=snapshot_id)
    return row


def insert_share(tx: Tx, **columns: Any) -> None:
    """A new share; what is not given has a usable value."""
    values = {"backend": "fake", "pool": "fake", "created": clock.now(), **columns}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    tx.execute(f"INSERT INTO shares ({names}) VALUES ({marks})", tuple(values.values()))


def copy_files(tx: Tx, source: str, target: str) -> None:
    """The target has the source's files, and no others."""
    tx.execute("DELETE FROM files WHERE owner = ?", (target,))
    tx.execute(
        "INSERT INTO files SELECT ?, name, data FROM files WHERE owner = ?", (target, source)
    )


def check_room(tx: Tx, backend: str, pool: str, more: int, capacity: float) -> None:
    row = _one(tx, "SELECT allocated FROM pools WHERE backend = ? AND name = ?", backend, pool)
    free = capacity - (row["allocated"] if row else 0)
    if more > free:
        raise errors.StorageFull(
            f"Pool {pool} of backend {backend} has {free:g} GiB left, {more} are needed."
        )


def progress(row: sqlite3.Row, now: float) -> int:
    """Percent of a task that runs from `started` to `ready`."""
    if row["ready"] is None or now >= row["ready"]:
        return 100
    return int(100 * (now - row["started"]) / (row["ready"] - row["started"]))


# Shares


@effect
def do_setup(tx: Tx) -> None:
    """Nothing: the file is there once it was opened."""


@effect
def check_for_setup_error(tx: Tx) -> None:
    """Nothing."""


@effect
def create_share(tx: Tx, share: Row, capacity: float) -> None:
    if find_share(tx, share["id"]) is None:
        check_room(tx, share["backend"], share["pool"], share["size"], capacity)
        insert_share(tx, **share)


@effect
def create_share_from_snapshot(
    tx: Tx, share: Row, capacity: float, snapshot: str, seconds: float
) -> str:
    """Returns the status."""
    found = find_share(tx, share["id"])
    if found is None:
        source = the_snapshot(tx, snapshot)
        if share["size"] < source["size"]:
            raise errors.InvalidShare(
                reason=f"{share['size']} GiB is less than the {source['size']} of the snapshot"
            )
        check_room(tx, share["backend"], share["pool"], share["size"], capacity)
        now = clock.now()
        late = {"status": "creating_from_snapshot", "started": now, "ready": now + seconds}
        insert_share(tx, **share, source=snapshot, used=source["used"], **(late if seconds else {}))
        copy_files(tx, snapshot, share["id"])
    return str(get_share_status(tx, share["id"])["status"])


@effect
def get_share_status(tx: Tx, share_id: str) -> dict[str, Any]:
    """{status, progress, path}; a task that is due is over."""
    row = the_share(tx, share_id)
    percent = progress(row, clock.now())
    if percent == 100 and row["status"] != "available":
        tx.execute("UPDATE shares SET status = 'available' WHERE id = ?", (share_id,))
    status = "available" if percent == 100 else row["status"]
    return {"status": status, "progress": f"{percent}%", "path": row["path"]}


@effect
def delete_share(tx: Tx, share_id: str) -> None:
    for statement in (
        "DELETE FROM shares WHERE id = ?",
        "DELETE FROM rules WHERE owner = ?",
        "DELETE FROM files WHERE owner = ?",
    ):
        tx.execute(statement, (share_id,))


@effect
def extend_share(tx: Tx, share_id: str, size: int, capacity: float) -> None:
    row = the_share(tx, share_id)
    if size > row["size"]:
        check_room(tx, row["backend"], row["pool"], size - row["size"], capacity)
        tx.execute("UPDATE shares SET size = ? WHERE id = ?", (size, share_id))


@effect
def shrink_share(tx: Tx, share_id: str, size: int) -> None:
    row = the_share(tx, share_id)
    if row["used"] > size:
        raise errors.ShareShrinkingPossibleDataLoss(share_id=share_id)
    if size < row["size"]:
        tx.execute("UPDATE shares SET size = ? WHERE id = ?", (size, share_id))


@effect
def ensure_shares(tx: Tx, share_ids: Sequence[str]) -> dict[str, str]:
    """The paths of those that are there."""
    rows = (find_share(tx, share_id) for share_id in share_ids)
    return {row["id"]: row["path"] for row in rows if row is not None}


EFFECTS["ensure_share"] = ensure_shares


@effect
def update_share_usage_size(tx: Tx, share_ids: Sequence[str]) -> dict[str, float]:
    rows = (find_share(tx, share_id) for share_id in share_ids)
    return {row["id"]: row["used"] for row in rows if row is not None}


@effect
def manage_existing(tx: Tx, share_id: str, name: str, path: str) -> int:
    """Returns the size."""
    row = _one(tx, "SELECT * FROM shares WHERE path = ?", path)
    if row is None:
        raise errors.ManageInvalidShare(reason=f"no share has the path {path!r}")
    if row["id"] != share_id:
        if row["managed"]:
            raise errors.ManageInvalidShare(reason=f"share {path!r} is managed already")
        _rename(tx, row["id"], share_id)
    tx.execute("UPDATE shares SET managed = 1, name = ? WHERE id = ?", (name, share_id))
    return int(row["size"])


def _rename(tx: Tx, old: str, new: str) -> None:
    for statement in (
        "UPDATE shares SET id = ? WHERE id = ?",
        "UPDATE snapshots SET share_id = ? WHERE share_id = ?",
        "UPDATE rules SET owner = ? WHERE owner = ?",
        "UPDATE files SET owner = ? WHERE owner = ?",
    ):
        tx.execute(statement, (new, old))


@effect
def unmanage(tx: Tx, share_id: str) -> None:
    tx.execute("UPDATE shares SET managed = 0 WHERE id = ?", (share_id,))


@effect
def get_share_stats(tx: Tx, backend: str) -> dict[str, int]:
    """GiB allocated by pool."""
    rows = tx.execute("SELECT name, allocated FROM pools WHERE backend = ?", (backend,))
    return {row["name"]: row["allocated"] for row in rows}


# Snapshots


@effect
def create_snapshot(tx: Tx, snapshot: Row) -> None:
    share = the_share(tx, snapshot["share_id"])
    now = clock.now()
    done = tx.execute(
        "INSERT OR IGNORE INTO snapshots (id, name, path, share_id, size, used, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            snapshot["id"],
            snapshot["name"],
            snapshot["path"],
            snapshot["share_id"],
            share["size"],
            share["used"],
            now,
        ),
    )
    if done.rowcount:
        copy_files(tx, share["id"], snapshot["id"])


@effect
def delete_snapshot(tx: Tx, snapshot_id: str) -> None:
    for statement in (
        "DELETE FROM snapshots WHERE id = ?",
        "DELETE FROM rules WHERE owner = ?",
        "DELETE FROM files WHERE owner = ?",
    ):
        tx.execute(statement, (snapshot_id,))


@effect
def revert_to_snapshot(
    tx: Tx, share_id: str, snapshot_id: str, seconds: float, operation: str | None = None
) -> str:
    """Returns the status."""
    share, snapshot = the_share(tx, share_id), the_snapshot(tx, snapshot_id)
    copy_files(tx, snapshot_id, share_id)
    now = clock.now()
    status = "reverting_to_snapshot" if seconds else "available"
    tx.execute(
        "UPDATE shares SET size = ?, used = ?, status = ?, started = ?, ready = ?,"
        " reverted_by = ? WHERE id = ?",
        (snapshot["size"], snapshot["used"], status, now, now + seconds, operation, share["id"]),
    )
    return status


@effect
def manage_existing_snapshot(tx: Tx, snapshot_id: str, name: str, location: str) -> int:
    """Returns the size."""
    row = _one(tx, "SELECT * FROM snapshots WHERE path = ?", location)
    if row is None:
        raise errors.ManageInvalidShareSnapshot(reason=f"there is no snapshot {location!r}")
    if row["id"] != snapshot_id:
        if row["managed"]:
            raise errors.ManageInvalidShareSnapshot(reason=f"{location!r} is managed already")
        tx.execute("UPDATE snapshots SET id = ? WHERE id = ?", (snapshot_id, row["id"]))
        for table in ("rules", "files"):
            tx.execute(f"UPDATE {table} SET owner = ? WHERE owner = ?", (snapshot_id, row["id"]))
    tx.execute("UPDATE snapshots SET managed = 1, name = ? WHERE id = ?", (name, snapshot_id))
    return int(row["size"])


@effect
def unmanage_snapshot(tx: Tx, snapshot_id: str) -> None:
    tx.execute("UPDATE snapshots SET managed = 0 WHERE id = ?", (snapshot_id,))


@effect
def get_inventory(tx: Tx, backend: str) -> list[dict[str, Any]]:
    """What is managed, with the rules in force; rules that are nobody's are stale exports."""
    shares = tx.execute(
        "SELECT 'share' AS kind, id, size, proto, path, pool, reverted_by FROM shares"
        " WHERE backend = ? AND managed",
        (backend,),
    )
    snapshots = tx.execute(
        "SELECT 'snapshot' AS kind, s.id, s.share_id, s.path FROM snapshots s"
        " LEFT JOIN shares h ON h.id = s.share_id"
        " WHERE s.managed AND (h.backend IS NULL OR h.backend = ?)",
        (backend,),
    )
    stale = tx.execute(
        "SELECT DISTINCT 'export' AS kind, owner AS id FROM rules"
        " WHERE owner NOT IN (SELECT id FROM shares UNION SELECT id FROM snapshots)"
    )
    held = [dict(row) for rows in (shares, snapshots, stale) for row in rows.fetchall()]
    rules = "SELECT access_type, access_to, access_level FROM rules WHERE owner = ?"
    return [
        {**item, "rules": [dict(row) for row in tx.execute(rules, (item["id"],))]} for item in held
    ]


# Access


def change_rules(
    tx: Tx, owner: str, wanted: Sequence[Row], put: Sequence[Row], drop: Sequence[str]
) -> None:
    """Bring rules into force.  Nothing to put or drop: exactly the wanted ones (recovery)."""
    if put or drop:
        tx.executemany(
            "DELETE FROM rules WHERE owner = ? AND access_id = ?",
            [(owner, access_id) for access_id in drop],
        )
    else:
        tx.execute("DELETE FROM rules WHERE owner = ?", (owner,))
        put = wanted
    tx.executemany(
        "INSERT OR REPLACE INTO rules VALUES (?, ?, ?, ?, ?)",
        [(owner, r["access_id"], r["access_type"], r["access_to"], r["access_level"]) for r in put],
    )
    now = tx.execute(
        "SELECT access_id, access_type, access_to, access_level FROM rules WHERE owner = ?"
        " ORDER BY access_id",
        (owner,),
    )
    tx.execute(
        "INSERT INTO rule_states (at, owner, rules) VALUES (?, ?, ?)",
        (clock.now(), owner, json.dumps([dict(row) for row in now])),
    )


@effect
def update_access(
    tx: Tx, share_id: str, wanted: Sequence[Row], put: Sequence[Row], drop: Sequence[str]
) -> None:
    if wanted or put or drop or not _one(tx, "SELECT 1 FROM rules WHERE owner = ?", share_id):
        the_share(tx, share_id)  # rules of what is gone can be taken back only
    change_rules(tx, share_id, wanted, put, drop)


@effect
def snapshot_update_access(
    tx: Tx, snapshot_id: str, wanted: Sequence[Row], put: Sequence[Row], drop: Sequence[str]
) -> None:
    the_snapshot(tx, snapshot_id)
    change_rules(tx, snapshot_id, wanted, put, drop)


# Tasks and other objects: backups, moves, share servers


def find_task(tx: Tx, kind: str, task_id: str) -> sqlite3.Row | None:
    return _one(tx, "SELECT * FROM objects WHERE kind = ? AND id = ?", kind, task_id)


def start_task(
    tx: Tx, kind: str, task_id: str, parent: str | None, seconds: float, data: Any = None
) -> None:
    """A task that is done in `seconds`; one that exists begins anew."""
    now = clock.now()
    tx.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
        (kind, task_id, parent, now, now + seconds, json.dumps(data)),
    )


def drop_task(tx: Tx, kind: str, task_id: str) -> None:
    tx.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, task_id))


def task_progress(tx: Tx, kind: str, task_id: str) -> int:
    """Percent; StorageResourceNotFound for a task nobody started."""
    row = find_task(tx, kind, task_id)
    if row is None:
        raise errors.StorageResourceNotFound(name=f"{kind} {task_id}")
    return progress(row, clock.now())
