"""What the simulated array remembers: one SQLite file, which outlives every process.

Objects are rows of JSON; a change is committed before it is answered.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from abaca.drivers.fake import state as fake_state

Tx = sqlite3.Connection
Row = dict[str, Any]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT, id INTEGER, tenant INTEGER, name TEXT, path TEXT, uses INTEGER, data TEXT NOT NULL,
    PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS object_names ON objects (kind, name);
CREATE INDEX IF NOT EXISTS object_paths ON objects (kind, path);
CREATE INDEX IF NOT EXISTS object_uses ON objects (kind, uses);
CREATE TABLE IF NOT EXISTS directories (
    tenant INTEGER, path TEXT, used INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tenant, path)
    ) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    place TEXT, name TEXT, data BLOB, PRIMARY KEY (place, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, use TEXT, expires REAL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, at REAL, method TEXT, path TEXT, query TEXT, body TEXT,
    tenant TEXT, agent TEXT, status INTEGER, fault TEXT);
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY, kind TEXT, method TEXT, path TEXT, skip INTEGER, remaining INTEGER,
    argument TEXT);
"""

GIB: Final = 1 << 30
USES: Final = ("policy_id", "snapshot_id")  # a view its policy, a stream its snapshot
SETTINGS: Final[Mapping[str, Any]] = {
    "user": "admin",
    "password": "123456",
    "api_token": "api-token",
    "token_seconds": 3600.0,  # life of an access token
    "refresh_seconds": 86400.0,  # and of a refresh token
    "version": "5.1.0-1",
    "trash": True,  # Trash Folder Access
    "default_hosts": ["*"],  # of a new policy that does not say whom it lets in
    "clone_seconds": 0.0,  # until a clone stream has copied everything
    "clone_state": "FINISHED",  # how it ends
    "logical_space": 100 * 1024 * GIB,
    "physical_space": 50 * 1024 * GIB,
    "drr": 2.5,
    "tenants": {"default": 1},
}


class State(fake_state.State):
    """One array; State.at(directory)."""

    schema: ClassVar[str] = SCHEMA


def setting(tx: Tx, name: str) -> Any:
    """The value of one of SETTINGS."""
    row = tx.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return SETTINGS[name] if row is None else json.loads(row[0])


def configure(tx: Tx, name: str, value: Any) -> None:
    if name not in SETTINGS:
        raise ValueError(f"{name!r} is no setting; there are {', '.join(SETTINGS)}")
    tx.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))


# --- objects --------------------------------------------------------------------------------------
def insert(tx: Tx, kind: str, tenant: int, data: Mapping[str, Any]) -> Row:
    """A new object with the next id of its kind."""
    (last,) = tx.execute("SELECT max(id) FROM objects WHERE kind = ?", (kind,)).fetchone()
    row = {"id": (last or 0) + 1, **data, "tenant_id": tenant}
    store(tx, kind, row)
    return row


def store(tx: Tx, kind: str, row: Mapping[str, Any]) -> None:
    tx.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            kind,
            row["id"],
            row["tenant_id"],
            row.get("name"),
            row.get("path"),
            next((row[name] for name in USES if name in row), None),
            json.dumps(row),
        ),
    )


def get(tx: Tx, kind: str, tenant: int | None, object_id: int) -> Row | None:
    """One object; None too when it is another tenant's."""
    return next(iter(find(tx, kind, tenant, id=object_id)), None)


def find(tx: Tx, kind: str, tenant: int | None, **exact: Any) -> list[Row]:
    """Objects by id, name, path or what they use (see USES), in the order of their ids; tenant
    None: of all tenants."""
    wanted = {"kind": kind, **exact, **({} if tenant is None else {"tenant": tenant})}
    where = " AND ".join(f"{column} = :{column}" for column in wanted)
    rows = tx.execute(f"SELECT data FROM objects WHERE {where} ORDER BY id", wanted)
    return [json.loads(row[0]) for row in rows]


def remove(tx: Tx, kind: str, object_id: int) -> None:
    tx.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, object_id))


# --- directories and files ------------------------------------------------------------------------
def place(tenant: int, path: str) -> str:
    """Where the files of a directory are."""
    return f"{tenant}:{path}"


def has_directory(tx: Tx, tenant: int, path: str) -> bool:
    found = tx.execute(
        "SELECT 1 FROM directories WHERE tenant = ? AND path = ?", (tenant, path)
    ).fetchone()
    return path == "/" or found is not None


def make_directory(tx: Tx, tenant: int, path: str) -> None:
    """With all directories above it."""
    for each in _upwards(path):
        tx.execute("INSERT OR IGNORE INTO directories (tenant, path) VALUES (?, ?)", (tenant, each))


def _upwards(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        yield path
        path = path.rpartition("/")[0]


def remove_directory(tx: Tx, tenant: int, path: str) -> None:
    """With everything below it."""
    for (each,) in tx.execute(
        "SELECT path FROM directories WHERE tenant = ? AND (path = ? OR substr(path, 1, ?) = ?)",
        (tenant, path, len(path) + 1, f"{path}/"),
    ).fetchall():
        tx.execute("DELETE FROM files WHERE place = ?", (place(tenant, each),))
        tx.execute("DELETE FROM directories WHERE tenant = ? AND path = ?", (tenant, each))


def copy_files(tx: Tx, source: str, target: str) -> None:
    tx.execute(
        "INSERT OR REPLACE INTO files SELECT ?, name, data FROM files WHERE place = ?",
        (target, source),
    )


def used(tx: Tx, tenant: int, path: str) -> int:
    """Bytes: what was said to be in use, and the files."""
    row = tx.execute(
        "SELECT used FROM directories WHERE tenant = ? AND path = ?", (tenant, path)
    ).fetchone()
    (written,) = tx.execute(
        "SELECT coalesce(sum(length(data)), 0) FROM files WHERE place = ?", (place(tenant, path),)
    ).fetchone()
    return int(written) + (int(row[0]) if row else 0)
