"""The five invariants of docs/architecture.md, checked on a database and what a backend holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from abaca.model.operations import LIVE
from abaca.model.status import RULE_TRANSITIONAL, SHARE_TRANSITIONAL, SNAPSHOT_TRANSITIONAL
from abaca.store import schema as t
from abaca.store.engine import Row, Store, Tx

# table, its status column, the statuses that a live operation must own
OWNED = (
    (t.share_instances, "status", SHARE_TRANSITIONAL),
    (t.snapshot_instances, "status", SNAPSHOT_TRANSITIONAL),
    (t.access_rule_states, "state", RULE_TRANSITIONAL),
    (t.snapshot_access_rules, "state", RULE_TRANSITIONAL),
)


class Held(Protocol):
    """What is looked at of a backend; FakeBackend is one."""

    def shares(self) -> Mapping[str, Mapping[str, Any]]:
        """{instance id: {size (GiB), managed (absent: yes)}}"""

    def snapshots(self) -> Mapping[str, Mapping[str, Any]]:
        """{instance id: {managed (absent: yes)}}"""

    def rules(self, owner: str) -> Sequence[Mapping[str, Any]]:
        """Of a share or a snapshot: access_type, access_to, access_level."""


def violations(store: Store, backend: Held) -> list[str]:
    """Each violated invariant in a sentence; empty is right."""
    with store.read() as tx:
        return [*_ownership(tx), *_backend(tx, backend), *_quotas(tx), *_rules(tx, backend)]


def _live(tx: Tx) -> set[int]:
    stmt = sa.select(t.operations.c.id).where(t.operations.c.state.in_(LIVE))
    return {row[0] for row in tx.all(stmt)}


def _ownership(tx: Tx) -> Iterator[str]:
    """1: transitional if and only if one live operation owns it."""
    live = _live(tx)
    for table, column, transitional in OWNED:
        for row in tx.all(sa.select(table.c.id, table.c[column], table.c.operation_id)):
            owned = row[2] in live
            if (row[1] in transitional) != owned:
                owner = f"operation {row[2]}" if row[2] else "no operation"
                state = "live" if owned else "not live"
                yield f"1: {table.name} {row[0]} is {row[1]}, owned by {owner} ({state})"
            if row[2] is not None and not owned:
                yield f"1: {table.name} {row[0]} keeps the dead operation {row[2]}"


def _backend(tx: Tx, backend: Held) -> Iterator[str]:
    """2: no orphans on the backend, and what is available exists there."""
    busy = bool(_live(tx))
    shares: dict[str, str] = _column(tx, t.share_instances)
    snapshots: dict[str, str] = _column(tx, t.snapshot_instances)
    for kind, rows, there in (
        ("share", shares, backend.shares()),
        ("snapshot", snapshots, backend.snapshots()),
    ):
        for object_id, found in there.items():
            if object_id not in rows and found.get("managed", 1) and not busy:
                yield f"2: {kind} {object_id} is on the backend and owned by no row"
        for row_id, status in rows.items():
            if status == "available" and row_id not in there:
                yield f"2: {kind} {row_id} is available and not on the backend"
    if not busy:
        yield from _sizes(tx, backend)


def _sizes(tx: Tx, backend: Held) -> Iterator[str]:
    there = backend.shares()
    stmt = sa.select(t.share_instances.c.id, t.shares.c.size).where(
        t.shares.c.id == t.share_instances.c.share_id, t.share_instances.c.status == "available"
    )
    for instance_id, size in tx.all(stmt):
        if instance_id in there and there[instance_id]["size"] != size:
            yield f"2: share {instance_id} has {there[instance_id]['size']} GiB, not {size}"


def _column(tx: Tx, table: sa.Table) -> dict[str, str]:
    return {row[0]: row[1] for row in tx.all(sa.select(table.c.id, table.c.status))}


def _quotas(tx: Tx) -> Iterator[str]:
    """3: counted use, and what is booked in pools, is the sum of the rows."""
    expected: Counter[tuple[str, str, str, str]] = Counter()
    s, n = t.shares.c, t.snapshots.c
    for table, count, size in (
        (sa.select(s.project_id, s.user_id, s.share_type_id, s.size), "shares", "gigabytes"),
        (
            sa.select(n.project_id, n.user_id, n.share_type_id, n.size),
            "snapshots",
            "snapshot_gigabytes",
        ),
    ):
        for project, user, kind, gigabytes in tx.all(table):
            if gigabytes == 0:  # it could not be managed: its size is unknown, nothing is charged
                continue
            for scope in ((project, "", ""), (project, user, ""), (project, "", kind or "")):
                if scope == (project, "", "") or scope[1] or scope[2]:
                    expected[(*scope, count)] += 1
                    expected[(*scope, size)] += gigabytes
    u = t.quota_usages.c
    counted = {
        (row[0], row[1], row[2], row[3]): row[4]
        for row in tx.all(sa.select(u.project_id, u.user_id, u.share_type_id, u.resource, u.in_use))
    }
    for key in sorted(expected.keys() | counted.keys()):
        if expected[key] != counted.get(key, 0):
            yield f"3: quota {key} is counted {counted.get(key, 0)}, the rows say {expected[key]}"
    yield from _pools(tx)


def _pools(tx: Tx) -> Iterator[str]:
    """Bookings.  An extension under way has booked its new size already."""
    if _live(tx):
        return
    i = t.share_instances.c
    stmt = sa.select(i.host, sa.func.sum(t.shares.c.size)).where(i.share_id == t.shares.c.id)
    placed = {row[0]: int(row[1]) for row in tx.all(stmt.group_by(i.host)) if row[0]}
    booked = {row[0]: int(row[1]) for row in tx.all(sa.select(t.bookings))}
    for host in sorted(placed.keys() | booked.keys()):
        there, wanted = booked.get(host, 0), placed.get(host, 0)
        if there != wanted:
            yield f"3: pool {host} has {there} GiB booked, the rows say {wanted}"


def _rules(tx: Tx, backend: Held) -> Iterator[str]:
    """4: with no live operation, rules in force are the rules of the database.  Of a rule in
    error nobody knows."""
    if _live(tx):
        return
    r, s, n, i = t.access_rules.c, t.access_rule_states.c, t.snapshot_access_rules.c, _SNAPSHOTS
    known = sa.select(
        s.share_instance_id, s.state, r.access_type, r.access_to, r.access_level
    ).where(r.id == s.access_id)
    yield from _doors("share", _column(tx, t.share_instances), tx.all(known), backend)
    known = sa.select(i.id, n.state, n.access_type, n.access_to, sa.literal("ro")).where(
        n.snapshot_id == i.snapshot_id
    )
    yield from _doors("snapshot", _column(tx, t.snapshot_instances), tx.all(known), backend)


_SNAPSHOTS = t.snapshot_instances.c


def _doors(
    kind: str, statuses: dict[str, str], known: Sequence[Row], backend: Held
) -> Iterator[str]:
    """known: (instance, state, type, to, level)"""
    wanted: dict[str, set[tuple[Any, ...]]] = {}
    unsure: dict[str, set[tuple[Any, ...]]] = {}
    for instance_id, state, *rule in known:
        if state == "active":
            wanted.setdefault(instance_id, set()).add(tuple(rule))
        else:  # whether, and at which level
            unsure.setdefault(instance_id, set()).add(tuple(rule[:2]))
    for instance_id, status in statuses.items():
        if status != "available":
            continue
        there = {
            (rule["access_type"], rule["access_to"], rule["access_level"])
            for rule in backend.rules(instance_id)
            if (rule["access_type"], rule["access_to"]) not in unsure.get(instance_id, ())
        }
        right = wanted.get(instance_id, set())
        if there != right:
            yield f"4: {kind} {instance_id} lets in {sorted(there)}, not {sorted(right)}"
