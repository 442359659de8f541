"""Looking for drift: every so often the backend's inventory is compared with the database.

A look changes nothing but the list of findings, so it needs no operation; it runs under the lease
of the backend's queue.  What it finds and may repair without being asked it enqueues: one
operation for each share, under the share's lock key, see manager/drift_repair.py.  Operations of
unknown outcome that it finds done go on first, see manager/late.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

import structlog

from abaca.drivers.contract.inventory import EXPORT, SHARE, Held, Rule, inventory_result
from abaca.model import clock
from abaca.model import drift as model
from abaca.model.context import system_context
from abaca.model.drift import KINDS, Finding
from abaca.model.errors import DriverError, Unavailable
from abaca.model.operations import lock_key
from abaca.service.drift import enqueue_repairs
from abaca.store import drift as store
from abaca.store.drift import Expected
from abaca.store.engine import Store

from . import late
from .backend import Backend
from .evidence import Inventory, inventory, plain

log = structlog.get_logger(__name__)


class NotTold(Exception):
    """The driver cannot say what its backend holds."""


def look(backend: Backend, database: Store, *, repair: bool) -> list[Finding]:
    """Compare once, store what differs, and have repaired what may be; what was found."""
    with database.read() as tx:
        mark = store.mark(tx)
    try:
        held = _held(backend)
    except NotTold:
        return []
    except (DriverError, Unavailable) as error:
        with database.transaction(durable=False) as tx:
            store.looked(tx, backend.host, f"{type(error).__name__}: {error}"[:1000])
        raise
    there = inventory(held)
    late.revive(database, backend.host, there, mark)
    with database.read() as tx:
        expected = store.expected(tx, backend.host)
        known = store.known(tx, [each.id for each in held])
        moving = store.moving(tx, mark)
    ipv6 = getattr(backend.driver, "ipv6_implemented", False)
    seen = View(there, known, moving, mark.now, ipv6)
    found = [
        Finding(host=backend.host, **values)
        for values in (*_of_rows(expected, seen), *_strangers(seen))
    ]
    with database.transaction(durable=False) as tx:
        stored = store.replace(tx, backend.host, found, moving, mark)
        store.looked(tx, backend.host, None)
        if repair:
            enqueue_repairs(tx, system_context(), _due(stored))
    for finding in stored:
        if finding.first_seen >= mark.now:
            log.warning("drift.found", **_told(finding))
    return stored


def _held(backend: Backend) -> list[Held]:
    try:
        answer = backend.ask("get_inventory", system_context())
    except NotImplementedError:
        raise NotTold from None
    if answer is None:  # a driver of another base class
        raise NotTold
    return inventory_result(answer)


def _due(found: Iterable[Finding]) -> list[Finding]:
    """What is repaired without being asked, unless that has just failed."""
    now = clock.now()
    return [f for f in found if KINDS[f.kind].automatic and f.not_before <= now]


def _told(finding: Finding) -> dict[str, str | None]:
    names = ("host", "kind", "resource_id", "backend_id", "expected", "found", "action")
    return {name: getattr(finding, name) for name in names}


# --- comparing ------------------------------------------------------------------------------------
class View(NamedTuple):
    """What one look has seen."""

    held: Inventory
    known: Collection[str]  # ids of the held that have a row
    moving: Collection[str]  # lock keys of what changed meanwhile, and is not judged
    since: str
    ipv6: bool  # whether the driver is told of such rules


Values = dict[str, Any]


def _of_rows(expected: Iterable[Expected], seen: View) -> Iterator[Values]:
    """What rows say, against what is there."""
    for want in expected:
        if want.lock_key in seen.moving:
            continue
        row: Values = {
            "resource_type": want.kind.upper(),
            "resource_id": want.resource_id,
            "backend_id": want.id,
            "lock_key": want.lock_key,
        }
        there = seen.held.get((want.kind, want.id))
        if there is None:
            yield {**row, "kind": model.MISSING, "expected": "there", "found": "not there"}
            continue
        if there.problem is not None:
            yield {**row, **_unreadable(there.problem)}
            continue
        for kind, differs in ASPECTS:
            words = differs(want, there, seen)
            if words:
                detail = {"size": f"{there.size:g}"} if there.size is not None else {}
                told = {"expected": words[0], "found": words[1], "detail": detail}
                yield {**row, "kind": kind, **told}


Words = tuple[str, str] | None  # expected, found; None: no difference


def _unexported(want: Expected, there: Held, seen: View) -> Words:
    return ("exported", "not exported") if there.exported is False else None


def _size(want: Expected, there: Held, seen: View) -> Words:
    if want.size is None or there.size is None or want.size == there.size:
        return None
    return f"{want.size} GiB", f"{there.size:g} GiB" if there.size else "no limit"


def _rules(want: Expected, there: Held, seen: View) -> Words:
    if there.rules is None or there.exported is False:  # exporting it brings the rules too
        return None
    wanted = {plain(rule) for rule in want.rules}
    if want.proto == "NFS" and not seen.ipv6:
        wanted = {rule for rule in wanted if rule[0] != "ip" or ":" not in rule[1]}
    found = {plain(rule) for rule in there.rules}
    return None if wanted == found else (_listed(wanted), _listed(found))


# in this order: what is not exported has no rules
ASPECTS: tuple[tuple[str, Callable[[Expected, Held, View], Words]], ...] = (
    (model.UNEXPORTED, _unexported),
    (model.SIZE, _size),
    (model.RULES, _rules),
)


def _strangers(seen: View) -> Iterator[Values]:
    """What is there without a row."""
    for there in seen.held.values():
        key = there.id if there.kind == SHARE else there.share_id or there.id
        if there.id in seen.known or {key, there.id} & set(seen.moving):
            continue
        if there.kind not in (SHARE, EXPORT) and not there.share_id and seen.moving:
            continue  # whether somebody has just deleted it cannot be told
        row = {
            "resource_type": there.kind.upper(),
            "backend_id": there.id,
            "lock_key": lock_key(key),
        }
        if there.problem is not None:
            yield {**row, **_unreadable(there.problem)}
            continue
        rules = _listed({plain(rule) for rule in there.rules or ()})
        yield {
            **row,
            "kind": model.STALE_EXPORT if there.kind == EXPORT else model.EXTRA,
            "expected": "not there",
            "found": f"there, rules: {rules}",
            "detail": {
                name: getattr(there, name) for name in ("proto", "path", "pool", "share_id")
            },
        }


def _unreadable(problem: str) -> Values:
    return {"kind": model.UNREADABLE, "expected": "readable", "found": problem}


def _listed(rules: Iterable[Rule]) -> str:
    return ", ".join(" ".join(rule) for rule in sorted(rules)) or "none"
