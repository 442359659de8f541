"""The simulated array as tests see it, and the one way in which the driver acts on it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.fake import effects, faults
from abaca.drivers.fake.faults import Fault
from abaca.drivers.fake.state import State
from abaca.model import clock

Row = dict[str, Any]


class FakeBackend:
    """FakeBackend(path): look into the array, change it behind abaca's back, make it fail."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.state = State.at(path)

    # What is there

    def shares(self) -> dict[str, Row]:
        """{id: {name, path, backend, pool, size, used, status, managed, ...}}, GiB."""
        return {row["id"]: row for row in self._rows("SELECT * FROM shares ORDER BY created")}

    def snapshots(self) -> dict[str, Row]:
        """{id: {name, path, share_id, size, used, managed, ...}}, GiB."""
        return {row["id"]: row for row in self._rows("SELECT * FROM snapshots ORDER BY created")}

    def objects(self) -> list[tuple[str, str]]:
        """(kind, id) of everything: share, snapshot, server, backup, migration."""
        return [
            (row["kind"], row["id"])
            for row in self._rows(
                "SELECT 'share' AS kind, id FROM shares UNION ALL"
                " SELECT 'snapshot', id FROM snapshots UNION ALL SELECT kind, id FROM objects"
                " ORDER BY 1, 2"
            )
        ]

    def rules(self, owner: str) -> list[Row]:
        """The rules in force at a share or snapshot: access_id, access_type, access_to, level."""
        return self._rows(
            "SELECT access_id, access_type, access_to, access_level FROM rules WHERE owner = ?"
            " ORDER BY access_id",
            owner,
        )

    def rule_states(self, owner: str) -> list[tuple[float, list[Row]]]:
        """Every set of rules that was ever in force, with the time it came into force."""
        rows = self._rows("SELECT at, rules FROM rule_states WHERE owner = ? ORDER BY seq", owner)
        return [(row["at"], json.loads(row["rules"])) for row in rows]

    def calls(self, method: str | None = None, resource: str | None = None) -> list[Row]:
        """The driver calls: method, resource, started, finished, outcome, pid, operation_id,
        epoch.  `outcome` is ok, an error's name, or None while the call runs (or was killed)."""
        return self._rows(
            "SELECT * FROM calls WHERE (?1 IS NULL OR method = ?1)"
            " AND (?2 IS NULL OR resource = ?2) ORDER BY seq",
            method,
            resource,
        )

    # Change it behind abaca's back

    def write_file(self, owner: str, name: str, data: bytes) -> None:
        """A client writes a file into a share."""
        self._run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", owner, name, data)

    def read_file(self, owner: str, name: str) -> bytes | None:
        """A client reads a file from a share or snapshot; None when it is not there."""
        rows = self._rows("SELECT data FROM files WHERE owner = ? AND name = ?", owner, name)
        return rows[0]["data"] if rows else None

    def set_used(self, share_id: str, gib: float) -> None:
        """How much of a share is in use."""
        self._run("UPDATE shares SET used = ? WHERE id = ?", gib, share_id)

    def add_share(self, share_id: str, path: str, size: int, **columns: Any) -> None:
        """A share that somebody made without abaca, to be managed by its path (managed=1: one that
        abaca made and forgot)."""
        values = {"id": share_id, "name": share_id, "path": path, "size": size, "managed": 0}
        with self.state.write() as tx:
            effects.insert_share(tx, **{**values, **columns})

    def set_size(self, share_id: str, gib: int) -> None:
        """Somebody resizes a share."""
        self._run("UPDATE shares SET size = ? WHERE id = ?", gib, share_id)

    def set_rule(self, owner: str, access_to: str, level: str | None, access_id: str = "x") -> None:
        """Somebody lets an address into a share or snapshot; level None: shuts it out."""
        self._run("DELETE FROM rules WHERE owner = ? AND access_to = ?", owner, access_to)
        if level is not None:
            row = (owner, access_id, "ip", access_to, level)
            self._run("INSERT INTO rules VALUES (?, ?, ?, ?, ?)", *row)

    def remove(self, object_id: str) -> None:
        """An object vanishes."""
        for table in ("shares", "snapshots", "objects"):
            self._run(f"DELETE FROM {table} WHERE id = ?", object_id)

    # Make it fail

    def set_fault(
        self,
        method: str,
        kind: str,
        times: int | None = 1,
        resource: str | None = None,
        **argument: Any,
    ) -> int:
        """A fault for the next `times` calls (None: always) of a method or of any (`*`); see
        faults.py for the kinds and their arguments.  Returns its number."""
        with self.state.write() as tx:
            return faults.add(tx, method, kind, times, resource, argument)

    def clear_faults(self, number: int | None = None) -> None:
        """Remove one fault or all; calls that are blocked go on."""
        self._run("DELETE FROM faults WHERE ?1 IS NULL OR seq = ?1", number)

    def hurry(self) -> None:
        """What the array does late (fault `late`), it does now."""
        self._run("UPDATE pending SET due = 0")
        self.calls()

    def faults(self) -> list[Fault]:
        """The faults that are set and not used up."""
        with self.state.write() as tx:
            return faults.all_faults(tx)

    def clear_calls(self) -> None:
        """Empty the log of calls."""
        self._run("DELETE FROM calls")

    # The driver's way in

    def call(self, method: str, resource: str | None, context: Any, **arguments: Any) -> Any:
        """Run the effect of a method, disturbed by the faults that are set for it."""
        started = clock.now()
        effect: Callable[..., Any] = effects.EFFECTS[method]
        with self.state.write() as tx:
            self._settle(tx, started)
            found = faults.matching(tx, method, resource)
            call = _log(tx, method, resource, started, context)
            if not found:
                result, error = _attempt(tx, effect, arguments)
                _finish(tx, call, error)
        if found:
            return self._disturbed(method, resource, call, effect, arguments, found)
        if error is not None:
            raise error
        return result

    def _disturbed(
        self,
        method: str,
        resource: str | None,
        call: int,
        effect: Callable[..., Any],
        arguments: Mapping[str, Any],
        found: list[Fault],
    ) -> Any:
        kinds = {fault.kind: fault for fault in reversed(found)}  # of each kind the first set
        faults.disturb(found, "before", self._still_set)
        error: BaseException | None
        with self.state.write() as tx:
            self._settle(tx, clock.now())
            refusal = next((fault for fault in found if fault.kind in ("error", "late")), None)
            if refusal is not None:
                if refusal.kind == "late":
                    due = clock.now() + refusal.argument["seconds"]
                    _postpone(tx, due, method, resource, arguments)
                result, error = None, refusal.error()
            else:
                result, error = _attempt(tx, effect, arguments, undo="forget" in kinds)
                if error is None and "lost" in kinds:
                    error = kinds["lost"].error()
                if error is None and "wrong" in kinds:
                    result = kinds["wrong"].argument["value"]
        faults.disturb(found, "after", self._still_set)
        with self.state.write() as tx:
            _finish(tx, call, error)
        if error is not None:
            raise error
        return result

    def _still_set(self, number: int) -> bool:
        return bool(self._rows("SELECT 1 FROM faults WHERE seq = ?", number))

    def _settle(self, tx: sqlite3.Connection, now: float) -> None:
        """Do what was put off and is due: the array finishes late."""
        due = tx.execute("SELECT * FROM pending WHERE due <= ? ORDER BY due, seq", (now,))
        for row in due.fetchall():
            tx.execute("DELETE FROM pending WHERE seq = ?", (row["seq"],))
            call = _log(tx, row["method"], row["resource"], row["due"], None)
            effect = effects.EFFECTS[row["method"]]
            _, error = _attempt(tx, effect, json.loads(row["arguments"]))
            _finish(tx, call, error)

    def _rows(self, statement: str, *values: Any) -> list[Row]:
        with self.state.write() as tx:
            self._settle(tx, clock.now())
            return [dict(row) for row in tx.execute(statement, values)]

    def _run(self, statement: str, *values: Any) -> None:
        with self.state.write() as tx:
            self._settle(tx, clock.now())
            tx.execute(statement, values)


def _attempt(
    tx: sqlite3.Connection,
    effect: Callable[..., Any],
    arguments: Mapping[str, Any],
    undo: bool = False,
) -> tuple[Any, BaseException | None]:
    """Run an effect; one that fails (or that is to be forgotten) leaves nothing behind."""
    tx.execute("SAVEPOINT effect")
    try:
        result = effect(tx, **arguments)
    except (errors.ManilaException, NotImplementedError) as error:
        tx.execute("ROLLBACK TO effect")
        tx.execute("RELEASE effect")
        return None, error
    if undo:
        tx.execute("ROLLBACK TO effect")
    tx.execute("RELEASE effect")
    return result, None


def _log(
    tx: sqlite3.Connection, method: str, resource: str | None, started: float, context: Any
) -> int:
    done = tx.execute(
        "INSERT INTO calls (method, resource, started, pid, operation_id, epoch)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            method,
            resource,
            started,
            os.getpid(),
            getattr(context, "operation_id", None),
            getattr(context, "epoch", None),
        ),
    )
    assert done.lastrowid is not None
    return done.lastrowid


def _finish(tx: sqlite3.Connection, call: int, error: BaseException | None) -> None:
    outcome = "ok" if error is None else type(error).__name__
    tx.execute(
        "UPDATE calls SET finished = ?, outcome = ? WHERE seq = ?", (clock.now(), outcome, call)
    )


def _postpone(
    tx: sqlite3.Connection,
    due: float,
    method: str,
    resource: str | None,
    arguments: Mapping[str, Any],
) -> None:
    tx.execute(
        "INSERT INTO pending (due, method, resource, arguments) VALUES (?, ?, ?, ?)",
        (due, method, resource, json.dumps(dict(arguments))),
    )
