"""Drift: what a backend should hold, what is being changed right now, and what was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec
import sqlalchemy as sa

from abaca.model.drift import Finding, Look

from .engine import Row, Tx
from .fixed import Fixed
from .many import one_of
from .paging import Page
from .schema import (
    LIVE,
    access_rule_states,
    access_rules,
    drift_findings,
    drift_looks,
    operations,
    share_instances,
    shares,
    snapshot_access_rules,
    snapshot_instances,
    snapshots,
)
from .services import of_backend
from .shares import new_id

_f, _l, _o = drift_findings.c, drift_looks.c, operations.c
_i, _s, _r, _t = share_instances.c, shares.c, access_rules.c, access_rule_states.c
_n, _ni, _nr = snapshots.c, snapshot_instances.c, snapshot_access_rules.c
Rule = tuple[str, str, str]  # access_type, access_to, access_level


class Expected(msgspec.Struct, frozen=True):
    """A share or snapshot that is available, and which no operation owns."""

    kind: str  # share snapshot
    id: str  # of the instance
    resource_id: str
    lock_key: str
    proto: str
    size: int | None  # GiB; None: a snapshot's is not compared
    rules: frozenset[Rule]


class Mark(msgspec.Struct, frozen=True):
    """The moment before a look."""

    now: str
    live: frozenset[str]  # lock keys


# --- what should be there -------------------------------------------------------------------------
_EXPECTED = sa.and_(of_backend(_i.host), _i.status == "available", _i.operation_id.is_(None))
_SHARES = Fixed(
    sa.select(_i.id, _s.id, _s.share_proto, _s.size, _i.cast_rules_to_readonly)
    .select_from(share_instances.join(shares, _s.id == _i.share_id))
    .where(_EXPECTED)
)
_SHARE_RULES = Fixed(
    sa.select(_t.share_instance_id, _r.access_type, _r.access_to, _r.access_level)
    .select_from(
        access_rule_states.join(access_rules, _r.id == _t.access_id).join(
            share_instances, _i.id == _t.share_instance_id
        )
    )
    .where(_EXPECTED, _t.state == "active")
)
_EXPECTED = sa.and_(of_backend(_i.host), _ni.status == "available", _ni.operation_id.is_(None))
_JOINED = snapshot_instances.join(snapshots, _n.id == _ni.snapshot_id).join(
    share_instances, _i.id == _ni.share_instance_id
)
_SNAPSHOTS = Fixed(
    sa.select(_ni.id, _n.id, _ni.share_instance_id, _n.share_proto)
    .select_from(_JOINED)
    .where(_EXPECTED)
)
_SNAPSHOT_RULES = Fixed(
    sa.select(_ni.id, _nr.access_type, _nr.access_to, sa.literal("ro"))
    .select_from(_JOINED.join(snapshot_access_rules, _nr.snapshot_id == _n.id))
    .where(_EXPECTED, _nr.state == "active")
)


def expected(tx: Tx, host: str) -> list[Expected]:
    """Of host@backend, in whatever pool."""
    return [*_shares(tx, host), *_snapshots(tx, host)]


def _shares(tx: Tx, host: str) -> list[Expected]:
    rows = tx.all(_SHARES, {"backend": host})
    rules = _grouped(tx.all(_SHARE_RULES, {"backend": host}))
    return [
        Expected("share", id, share_id, id, proto, size, _cast(rules[id], "ro" if ro else None))
        for id, share_id, proto, size, ro in rows
    ]


def _snapshots(tx: Tx, host: str) -> list[Expected]:
    rows = tx.all(_SNAPSHOTS, {"backend": host})
    rules = _grouped(tx.all(_SNAPSHOT_RULES, {"backend": host}))
    return [
        Expected("snapshot", id, snapshot_id, share_instance_id, proto, None, _cast(rules[id]))
        for id, snapshot_id, share_instance_id, proto in rows
    ]


def _grouped(rows: Iterable[Row]) -> defaultdict[str, list[Rule]]:
    found: defaultdict[str, list[Rule]] = defaultdict(list)
    for owner, kind, to, level in rows:
        found[owner].append((kind, to, level))
    return found


def _cast(rules: Iterable[Rule], level: str | None = None) -> frozenset[Rule]:
    return frozenset((kind, to, level or given) for kind, to, given in rules)


_KNOWN = [Fixed(sa.select(column).where(one_of(column, "ids"))) for column in (_i.id, _ni.id)]
_PROJECTS = [
    Fixed(sa.select(table.c.id, table.c.project_id).where(one_of(table.c.id, "ids")))
    for table in (shares, snapshots)
]


def known(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Those of the ids that a share or snapshot instance has, in whatever status."""
    return {row[0] for stmt in _KNOWN for row in tx.all(stmt, {"ids": list(ids)})}


def projects(tx: Tx, ids: Sequence[str]) -> dict[str, str]:
    """The projects of shares and snapshots, by the ids that users know."""
    found: dict[str, str] = {}
    for stmt in _PROJECTS:
        found.update(tuple(row) for row in tx.all(stmt, {"ids": list(ids)}))
    return found


# --- what is being changed ------------------------------------------------------------------------
_LIVE = Fixed(sa.select(_o.lock_key).where(sa.text(LIVE)))
_ENDED = Fixed(sa.select(_o.lock_key).where(_o.finished_at >= sa.bindparam("since")))


def mark(tx: Tx) -> Mark:
    """Before the backend is looked at."""
    return Mark(tx.now, frozenset(row[0] for row in tx.all(_LIVE)))


def moving(tx: Tx, since: Mark) -> set[str]:
    """Lock keys of all operations that lived at some time since then.  Ask after everything else
    was read: what is not among them was the same all the time."""
    rows = [*tx.all(_LIVE), *tx.all(_ENDED, {"since": since.now})]
    return {*since.live, *(row[0] for row in rows)}


# --- what was found -------------------------------------------------------------------------------
COLUMNS = (
    _f.id, _f.host, _f.kind, _f.resource_type, _f.resource_id, _f.backend_id, _f.lock_key,
    _f.expected, _f.found, _f.detail, _f.first_seen, _f.attempts, _f.problem, _f.not_before,
)  # fmt: skip


def _finding(row: Row) -> Finding:
    values = dict(zip((column.name for column in COLUMNS), row, strict=True))
    return Finding(**{**values, "detail": msgspec.json.decode(values["detail"])})


def find(
    tx: Tx,
    *,
    host: str | None = None,
    ids: Collection[str] | None = None,
    page: Page | None = None,
) -> list[Finding]:
    """By id: findings that come and go between two pages move no other ones."""
    stmt = sa.select(*COLUMNS).order_by(_f.id)
    if host is not None:
        stmt = stmt.where(_f.host == host)
    if ids is not None:
        stmt = stmt.where(one_of(_f.id, "ids"))
    if page is not None:
        stmt = stmt.where(_f.id > (page.marker or "")).limit(page.limit).offset(page.offset)
    return [_finding(row) for row in tx.all(stmt, {"ids": list(ids)} if ids is not None else None)]


def get(tx: Tx, finding_id: str) -> Finding | None:
    return next(iter(find(tx, ids=[finding_id])), None)


def looks(tx: Tx) -> list[Look]:
    """With how many findings each backend has, whenever they were found."""
    count = sa.select(sa.func.count()).where(_f.host == _l.host).scalar_subquery()
    return [Look(*row) for row in tx.all(sa.select(*drift_looks.c, count).order_by(_l.host))]


_LOOKED = Fixed(
    sa.text(
        "INSERT INTO drift_looks (host, looked_at, problem) VALUES (:host, :now, :problem)"
        " ON CONFLICT (host) DO UPDATE SET looked_at = excluded.looked_at,"
        " problem = excluded.problem"
    )
)


def looked(tx: Tx, host: str, problem: str | None) -> None:
    tx.run(_LOOKED, {"host": host, "now": tx.now, "problem": problem})


def replace(
    tx: Tx, host: str, found: Iterable[Finding], unjudged: Collection[str], since: Mark
) -> list[Finding]:
    """The findings of a look that began then take the place of the last ones, which keep their ids.
    Those with an unjudged lock key stay as they are, and so do those of a look that overtook this
    one: it knows better.  Returns what was found, as it is stored."""
    before = {finding.key: finding for finding in find(tx, host=host)}
    stored = [_remembering(tx, finding, before.pop(finding.key, None)) for finding in found]
    over = (f for f in before.values() if f.lock_key not in unjudged and f.first_seen <= since.now)
    remove(tx, [finding.id for finding in over])
    return stored


def _remembering(tx: Tx, new: Finding, old: Finding | None) -> Finding:
    if old is None:
        made = msgspec.structs.replace(new, id=new_id(), first_seen=tx.now)
        detail = msgspec.json.encode(made.detail).decode()
        tx.run(sa.insert(drift_findings), {**msgspec.structs.asdict(made), "detail": detail})
        return made
    now = msgspec.structs.replace(
        old, expected=new.expected, found=new.found, detail=new.detail, resource_id=new.resource_id
    )
    if now != old:
        values = {"expected": now.expected, "found": now.found, "resource_id": now.resource_id}
        detail = msgspec.json.encode(now.detail).decode()
        tx.run(sa.update(drift_findings).where(_f.id == old.id).values(**values, detail=detail))
    return now


def remove(tx: Tx, ids: Sequence[str]) -> None:
    if ids:
        tx.run(sa.delete(drift_findings).where(one_of(_f.id, "ids")), {"ids": list(ids)})


def failed(tx: Tx, finding: Finding, problem: str, not_before: float) -> None:
    """A repair did not work."""
    tx.run(
        sa.update(drift_findings)
        .where(_f.id == finding.id)
        .values(attempts=_f.attempts + 1, problem=problem, not_before=not_before)
    )
