"""What must be true when everything has settled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from abaca.drivers.contract.errors import TRANSIENT
from abaca.testing import invariants

from .model import FAILED, Model, Thing
from .world import World

MANY = 8  # transient errors, after which an operation may give up
ROOMY = 1000  # GiB; a backend with less may have no room


def stuck(world: World) -> list[str]:
    """Operations that do not come to an end."""
    stmt = (
        "SELECT id, kind, state, attempt, message FROM operations"
        " WHERE state IN ('queued', 'running')"
    )
    return [
        f"operation {op} ({kind}) is {state} for ever, after {runs} runs: {why}"
        for op, kind, state, runs, why in world.database.rows(stmt)
    ]


def check(world: World, model: Model) -> list[str]:
    """Each broken promise in a sentence."""
    excuses = _excuses(world)
    for instance_id in model.forced & excuses:
        world.array.remove(instance_id)  # somebody has insisted on leaving it there
    store = world.database.store()
    try:
        found = invariants.violations(store, world.array)
    finally:
        store.signals.close()
    return [
        *found,
        *_shares(world, model),
        *_quotas(world, model),
        *_rules(world, model, excuses),
        *_failures(world, model, excuses),
        *_resurrected(world, model, excuses),
        *_false_alarms(world),
    ]


def _excuses(world: World) -> set[str]:
    """Instances at which the backend has failed for good: operations on them may fail as well."""
    errors: dict[str, list[str]] = {}
    for call in world.array.calls():
        if call["resource"] and call["outcome"] not in (None, "ok"):
            errors.setdefault(call["resource"], []).append(call["outcome"])
    return {
        resource
        for resource, names in errors.items()
        if set(names) - TRANSIENT or len(names) >= MANY
    }


# --- shares and snapshots -------------------------------------------------------------------------
def _shares(world: World, model: Model) -> Iterator[str]:
    """Exactly what was acknowledged is there, as it was promised."""
    look = world.database.rows
    yield from _compare(
        "share",
        {share.id: share for share in model.shares.values()},
        {
            row[0]: row[1:]
            for row in look(
                "SELECT s.id, i.status, s.size FROM shares s"
                " JOIN share_instances i ON i.id = s.instance_id"
            )
        },
    )
    binned = {row[0] for row in look("SELECT id FROM shares WHERE is_soft_deleted")}
    for share_id in binned ^ {share.id for share in model.shares.values() if share.binned}:
        where = "is in" if share_id in binned else "has left"
        yield f"share {share_id} {where} the recycle bin by itself"
    yield from _compare(
        "snapshot",
        {each.id: each for share in model.shares.values() for each in share.snapshots.values()},
        {
            row[0]: row[1:]
            for row in look(
                "SELECT s.id, i.status, s.size FROM snapshots s"
                " JOIN snapshot_instances i ON i.id = s.instance_id"
            )
        },
    )


def _compare(
    noun: str, promised: Mapping[str, Thing], there: dict[str, tuple[str, int]]
) -> Iterator[str]:
    for thing in promised.values():
        if thing.id not in there:
            yield f"{noun} {thing.id} is lost; it should be {thing.status}"
            continue
        status, size = there[thing.id]
        if status != thing.status:
            yield f"{noun} {thing.id} is {status}, not {thing.status}"
        if size != thing.size:
            yield f"{noun} {thing.id} has {size} GiB, not {thing.size}"
    for extra in there.keys() - promised.keys():
        yield f"{noun} {extra} is there and should not be"


def _quotas(world: World, model: Model) -> Iterator[str]:
    for project in ("p1", "p2"):
        stmt = (
            "SELECT resource, in_use FROM quota_usages"
            " WHERE project_id = ? AND user_id = '' AND share_type_id = ''"
        )
        counted = dict(world.database.rows(stmt, project))
        for resource, used in model.in_use(project).items():
            if counted.get(resource, 0) != used:
                yield f"{project} uses {used} {resource}, counted are {counted.get(resource, 0)}"


# --- rules ----------------------------------------------------------------------------------------
def _rules(world: World, model: Model, excuses: set[str]) -> Iterator[str]:
    """A rule is in the state that was asked for; one in error only if the backend failed."""
    there = {
        row[0]: row[1:]
        for row in world.database.rows(
            "SELECT r.id, t.state, r.access_level FROM access_rules r"
            " JOIN access_rule_states t ON t.access_id = r.id"
            " UNION ALL SELECT id, state, 'ro' FROM snapshot_access_rules"
        )
    }
    for thing in model.things():
        for rule in thing.rules.values():
            state, level = there.pop(rule.id, ("gone", rule.level))
            right = {"gone" if rule.denied else "active"}
            if thing.instance_id in excuses:
                right.add("error")
            if state not in right:
                yield f"rule {rule.id} ({rule.to}) is {state}, not {' or '.join(sorted(right))}"
            if level != rule.level:
                yield f"rule {rule.id} ({rule.to}) is {level}, not {rule.level}"
    for rule_id, (state, _) in there.items():
        if rule_id not in model.denied or state != "error":
            yield f"rule {rule_id} is {state} and should not be there"


def _resurrected(world: World, model: Model, excuses: set[str]) -> Iterator[str]:
    """Once a denial is done, the rule is in force at no moment ever after."""
    closed = dict(
        world.database.rows("SELECT id, finished_at FROM operations WHERE state = 'done'")
    )
    for rule_id, (instance_id, op_id) in model.denied.items():
        since = closed.get(op_id)
        if since is None or instance_id in excuses:
            continue
        for at, rules in world.array.rule_states(instance_id):
            if _text(at) > since and any(rule["access_id"] == rule_id for rule in rules):
                yield f"rule {rule_id} was in force at {_text(at)}, denied at {since}"


def _false_alarms(world: World) -> Iterator[str]:
    """Where the backend has done all it was told, a comparison finds nothing, whenever it looks."""
    if any(call["outcome"] not in (None, "ok") for call in world.array.calls()):
        return
    stmt = "SELECT kind, resource_id, expected, found FROM drift_findings"
    for kind, resource_id, expected, found in world.database.rows(stmt):
        yield f"drift {kind} of {resource_id} was found: {found}, not {expected}"


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


# --- failures -------------------------------------------------------------------------------------
def _failures(world: World, model: Model, excuses: set[str]) -> Iterator[str]:
    """What failed has a reason, and its owner was told."""
    told = {row[0] for row in world.database.rows("SELECT request_id FROM messages")}
    stmt = (
        "SELECT id, kind, request_id, payload, message FROM operations"
        " WHERE state IN ('failed', 'unknown')"
    )
    for op_id, kind, request_id, payload, message in world.database.rows(stmt):
        given = json.loads(payload)
        instances = {given.get("instance_id"), given.get("snapshot_instance_id")}
        roomy = world.options.capacity >= ROOMY
        if instances.isdisjoint(excuses) and roomy and kind != "ensure_driver_resources":
            yield f"operation {op_id} ({kind}) failed without a reason: {message}"
        if kind in FAILED and request_id not in told and op_id not in model.superseded:
            yield f"operation {op_id} ({kind}) failed, and nobody was told"
