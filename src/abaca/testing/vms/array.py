"""The simulated array as tests see it: look into it, change it, make it fail."""

from __future__ import annotations

import os
from typing import Any

from abaca.testing.vms import faults, objects, state, tokens
from abaca.testing.vms.fields import RESOURCES
from abaca.testing.vms.state import GIB, Row, State

TENANT = 1
_CONTENTS = ("objects", "directories", "files")


class Array:
    """Array(directory): also from another process than the one that serves it."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.state = State.at(directory)

    def configure(self, **settings: Any) -> None:
        """Set some of state.SETTINGS."""
        with self.state.write() as tx:
            for name, value in settings.items():
                state.configure(tx, name, value)

    # What is there

    def objects(self, kind: str, tenant: int | None = None) -> list[Row]:
        """Objects of a kind (views, quotas, viewpolicies, snapshots ...) as they are shown."""
        with self.state.write() as tx:
            found = state.find(tx, kind, tenant)
            return [objects.shape(tx, kind, row) for row in found]

    def named(self, kind: str, name: str) -> Row | None:
        """The object of that name."""
        return next((row for row in self.objects(kind) if row["name"] == name), None)

    def directories(self) -> frozenset[str]:
        with self.state.write() as tx:
            return frozenset(row[0] for row in tx.execute("SELECT path FROM directories"))

    def everything(self) -> dict[str, Any]:
        """All objects and directories without ids and times: to be compared."""
        hidden = ("id", "policy_id", "snapshot_id", "created", "started")
        found: dict[str, Any] = {
            kind: sorted(
                (
                    {key: value for key, value in row.items() if key not in hidden}
                    for row in self.objects(kind)
                ),
                key=repr,
            )
            for kind in RESOURCES
        }
        return {**found, "directories": sorted(self.directories())}

    def requests(self, since: int = 0) -> list[Row]:
        """The log: seq, at, method, path, query, body, tenant, agent, status, fault."""
        with self.state.write() as tx:
            rows = tx.execute("SELECT * FROM requests WHERE seq > ? ORDER BY seq", (since,))
            return [dict(row) for row in rows]

    # Change it

    def add_pool(self, name: str, *ranges: tuple[str, str], tenant: int = TENANT) -> None:
        """A VIP pool with ranges of addresses (first, last); it replaces one of that name."""
        defaults = dict(RESOURCES["vippools"].defaults)
        data = {**defaults, "name": name, "ip_ranges": [list(pair) for pair in ranges]}
        with self.state.write() as tx:
            for old in state.find(tx, "vippools", tenant, name=name):
                state.remove(tx, "vippools", old["id"])
            state.insert(tx, "vippools", tenant, data)

    def add(self, kind: str, **data: Any) -> Row:
        """An object that somebody made without abaca."""
        with self.state.write() as tx:
            if "path" in data:
                state.make_directory(tx, TENANT, data["path"])
            return state.insert(tx, kind, TENANT, {**RESOURCES[kind].defaults, **data})

    def change(self, kind: str, name: str, **values: Any) -> None:
        """Somebody changes an object without abaca."""
        with self.state.write() as tx:
            for row in state.find(tx, kind, None, name=name):
                state.store(tx, kind, {**row, **values})

    def remove(self, kind: str, name: str) -> None:
        """An object vanishes."""
        with self.state.write() as tx:
            for row in state.find(tx, kind, None, name=name):
                state.remove(tx, kind, row["id"])

    def add_directory(self, path: str) -> None:
        with self.state.write() as tx:
            state.make_directory(tx, TENANT, path)

    def remove_directory(self, path: str) -> None:
        with self.state.write() as tx:
            state.remove_directory(tx, TENANT, path)

    def set_used(self, path: str, gib: float) -> None:
        """How much of a directory is in use."""
        with self.state.write() as tx:
            tx.execute("UPDATE directories SET used = ? WHERE path = ?", (int(gib * GIB), path))

    def write_file(self, path: str, name: str, data: bytes) -> None:
        """A client writes a file into a directory."""
        with self.state.write() as tx:
            place = state.place(TENANT, path)
            tx.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (place, name, data))

    def read_file(self, path: str, name: str) -> bytes | None:
        """A client reads a file; None when it is not there."""
        with self.state.write() as tx:
            row = tx.execute(
                "SELECT data FROM files WHERE place = ? AND name = ?",
                (state.place(TENANT, path), name),
            ).fetchone()
        return None if row is None else row[0]

    def reset(self) -> None:
        """Nothing is there but pools, tokens and settings; the log is empty."""
        with self.state.write() as tx:
            for table in ("directories", "files", "faults", "requests"):
                tx.execute(f"DELETE FROM {table}")
            tx.execute("DELETE FROM objects WHERE kind <> 'vippools'")

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Objects, directories and files, to be restored later."""
        with self.state.write() as tx:
            return {
                table: [tuple(row) for row in tx.execute(f"SELECT * FROM {table}")]
                for table in _CONTENTS
            }

    def restore(self, dumped: dict[str, list[tuple[Any, ...]]]) -> None:
        """Be as it was at a dump."""
        with self.state.write() as tx:
            for table, rows in dumped.items():
                tx.execute(f"DELETE FROM {table}")
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    tx.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    # Make it fail

    def fault(
        self,
        kind: str,
        *,
        after: int = 0,
        times: int | None = 1,
        method: str = "*",
        path: str = faults.ANY_BUT_TOKENS,
        **argument: Any,
    ) -> None:
        """A fault (see faults.py) for `times` requests (None: always), after `after` others.

        `path` is a regular expression for what follows /api/; requests for tokens count only
        where it matches them.
        """
        with self.state.write() as tx:
            faults.add(
                tx, kind, method=method, path=path, skip=after, times=times, argument=argument
            )

    def clear_faults(self) -> None:
        with self.state.write() as tx:
            tx.execute("DELETE FROM faults")

    def expire_tokens(self, refresh_too: bool = False) -> None:
        with self.state.write() as tx:
            tokens.expire(tx, refresh_too)
