"""kill -9 in the operations of snapshots beyond creating and deleting: rules, clones, reverts,
taking over and letting go.  See test_kill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abaca.service import (
    manage,
    shares_create,
    shares_resize,
    snapshot_access,
    snapshots,
    snapshots_state,
)
from abaca.store import shares as share_store
from abaca.store import snapshots as snapshot_store
from abaca.testing import crash
from crash.test_kill import ADMIN, CTX, Case, World, _exists, kill_everywhere
from crash.test_kill import make_world as make_world  # a fixture

TO = "10.0.0.9"


def _snapshot(world: World) -> Any:
    with world.env.store.read() as tx:
        return snapshot_store.get(tx, world.snapshot_id)


def _share(world: World) -> Any:
    with world.env.store.read() as tx:
        return share_store.get(tx, world.share_id, locations=True)


# --- before ---------------------------------------------------------------------------------------
def _take(world: World) -> None:
    world.snapshot_id = snapshots.create(world.env, CTX, world.share_id).id


def _allow(world: World) -> None:
    rule = snapshot_access.allow(world.env, CTX, world.snapshot_id, access_type="ip", access_to=TO)
    world.rule_id = rule.id


def _write(world: World) -> None:
    (instance,) = world.array.shares()
    world.array.write_file(instance, "f", b"new")


def _unmanage_snapshot(world: World) -> None:
    snapshots_state.unmanage(world.env, ADMIN, world.snapshot_id)


def _unmanage_share(world: World) -> None:
    manage.unmanage(world.env, ADMIN, world.share_id)


STEPS: dict[str, Callable[[World], None]] = {
    "share": lambda world: setattr(world, "share_id", world.share()),
    "snapshot": _take,
    "rule": _allow,
    "written": _write,
    "unmanaged snapshot": _unmanage_snapshot,
    "unmanaged share": _unmanage_share,
}


def _prepare(world: World, what: tuple[str, ...]) -> None:
    for word in what:
        STEPS[word](world)
        if word != "written":
            assert world.manage() == 0


# --- asked for ------------------------------------------------------------------------------------
def _deny(world: World) -> None:
    snapshot_access.deny(world.env, CTX, world.snapshot_id, world.rule_id)


def _revert(world: World) -> None:
    shares_resize.revert(world.env, CTX, world.share_id, world.snapshot_id)


def _clone(world: World) -> None:
    wanted = shares_create.NewShare(share_proto="NFS", snapshot_id=world.snapshot_id)
    world.share_id = shares_create.create(world.env, CTX, wanted).id


def _manage_snapshot(world: World) -> None:
    (there,) = world.array.snapshots().values()
    made = snapshots_state.manage(world.env, ADMIN, world.share_id, there["path"])
    world.snapshot_id = made.id


def _manage_share(world: World) -> None:
    (there,) = world.array.shares().values()
    asked = manage.Managed(
        export_path=f"192.0.2.10:{there['path']}", host=crash.POOL, share_proto="NFS"
    )
    world.share_id = manage.manage(world.env, ADMIN, asked).id


# --- right ----------------------------------------------------------------------------------------
def _rules(*wanted: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        (instance,) = world.array.snapshots()
        there = [rule["access_to"] for rule in world.array.rules(instance)]
        rules = snapshot_access.of_snapshot(world.env, CTX, world.snapshot_id)
        known = [rule.access_to for rule in rules if rule.state == "active"]
        return there == known == list(wanted) and len(rules) == len(wanted)

    return check


def _reverted(world: World) -> bool:
    (instance,) = world.array.shares()
    old = world.array.read_file(instance, "f") is None
    return old and _exists(world) == _snapshot(world).status == "available"


def _cloned(world: World) -> bool:
    return (
        _exists(world) == _snapshot(world).status == "available" and len(world.array.shares()) == 2
    )


def _snapshot_managed(world: World) -> bool:
    found = _snapshot(world)
    (instance,) = world.array.snapshots()
    return (found.status, found.size, found.instance_id) == ("available", 2, instance)


def _share_managed(world: World) -> bool:
    found = _share(world)
    (instance,) = world.array.shares()
    return (found.status, found.size, found.instance_id) == ("available", 2, instance)


def _let_go(look: Callable[[World], Any], kind: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        there = getattr(world.array, kind)().values()
        return look(world) is None and [found["managed"] for found in there] == [0]

    return check


CASES = {
    "allow": Case(("share", "snapshot"), _allow, _rules(TO)),
    "deny": Case(("share", "snapshot", "rule"), _deny, _rules()),
    "revert": Case(("share", "snapshot", "written"), _revert, _reverted),
    "clone": Case(("share", "snapshot"), _clone, _cloned),
    "delete with rules": Case(
        ("share", "snapshot", "rule"),
        lambda world: snapshots.delete(world.env, CTX, world.snapshot_id),
        lambda world: _snapshot(world) is None and world.array.snapshots() == {},
    ),
    "unmanage snapshot": Case(
        ("share", "snapshot"), _unmanage_snapshot, _let_go(_snapshot, "snapshots")
    ),
    "manage snapshot": Case(
        ("share", "snapshot", "unmanaged snapshot"), _manage_snapshot, _snapshot_managed
    ),
    "unmanage share": Case(("share",), _unmanage_share, _let_go(_share, "shares")),
    "manage share": Case(("share", "unmanaged share"), _manage_share, _share_managed),
}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", CASES)
def test_killed_at_any_point_it_ends_as_it_was_asked_for(
    name: str,
    database: str,
    make_world: Callable[[str], World],
    request: pytest.FixtureRequest,
) -> None:
    kill_everywhere(CASES[name], database, make_world, request, _prepare)
