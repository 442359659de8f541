"""What is asked for in crash tests, and what must be true in the end, however often it was killed.

Every kind of operation has at least one scenario (test_kill looks); a kind that can be refused by
its backend has one in which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abaca.manager import drift
from abaca.service import (
    access,
    manage,
    services,
    shares,
    shares_create,
    shares_resize,
    snapshot_access,
    snapshots,
    snapshots_state,
)
from abaca.service import drift as drift_service
from abaca.testing import crash
from crash.world import ADMIN, CTX, World

TO = "10.0.0.9"
Check = Callable[[World], bool]


@dataclass(frozen=True)
class Scenario:
    """What must be there before, what is asked for, what must be true in the end."""

    kind: str  # of the operation that this is about
    before: tuple[str, ...]
    ask: Callable[[World], object]
    right: Check
    cold: bool = False  # asked before the manager starts: its first steps are cut at, too
    method: str = ""  # of the driver, that does it
    refused: str = ""  # the error that this method raises every time
    options: Mapping[str, Any] = field(default_factory=dict)  # of the driver


# --- before ---------------------------------------------------------------------------------------
def _take(world: World) -> None:
    world.snapshot_id = snapshots.create(world.env, CTX, world.share_id, name="n").id


def _allow_snapshot(world: World) -> None:
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
    "rule": lambda world: setattr(world, "rule_id", world.allow("10.0.0.1")),
    "snapshot": _take,
    "snapshot rule": _allow_snapshot,
    "written": _write,
    "unmanaged snapshot": _unmanage_snapshot,
    "unmanaged share": _unmanage_share,
}


def prepare(world: World, scenario: Scenario, settle: Callable[[], object]) -> None:
    """settle: have a manager do what was asked for, and say 0."""
    for word in scenario.before:
        STEPS[word](world)
        assert settle() == 0, word
    if scenario.refused:
        world.array.set_fault(scenario.method, "error", None, name=scenario.refused)


# --- asked for ------------------------------------------------------------------------------------
def _create(world: World) -> None:
    world.share_id = world.share()


def _delete(world: World) -> None:
    shares.delete(world.env, CTX, world.share_id)


def _extend(world: World) -> None:
    shares_resize.extend(world.env, CTX, world.share_id, 5)


def _shrink(world: World) -> None:
    shares_resize.shrink(world.env, CTX, world.share_id, 1)


def _deny(world: World) -> None:
    access.deny(world.env, CTX, world.share_id, world.rule_id)


def _replace_rule(world: World) -> None:
    _deny(world)
    world.allow("10.0.0.3")


def _extend_and_delete(world: World) -> None:
    _extend(world)
    shares.delete(world.env, ADMIN, world.share_id, force=True)


def _ensure(world: World) -> None:
    services.ensure_shares(world.env, ADMIN, crash.HOST)


def _damage_and_repair(world: World) -> None:
    (instance,) = world.array.shares()
    world.array.set_size(instance, 9)
    world.array.set_rule(instance, "10.6.6.6", "rw")
    (backend,) = crash.make_manager(world.env.store, world.folder).backends
    drift.look(backend, world.env.store, repair=False)
    while not drift_service.repair(world.env, ADMIN, dry_run=False):
        drift.look(backend, world.env.store, repair=False)  # a look from before took its place


def _delete_snapshot(world: World) -> None:
    snapshots.delete(world.env, CTX, world.snapshot_id)


def _deny_snapshot(world: World) -> None:
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
def _status(world: World) -> str | None:
    share = world.look()
    return share.status if share else None


def _share_gone(world: World) -> bool:
    return world.look() is None and world.array.shares() == {}


def _created(world: World) -> bool:
    return _status(world) == "available" and len(world.array.shares()) == 1


def _sized(size: int) -> Check:
    def check(world: World) -> bool:
        share = world.look()
        there = [found["size"] for found in world.array.shares().values()]
        return share is not None and (share.status, share.size, there) == (
            "available",
            size,
            [size],
        )

    return check


def _rules(*wanted: tuple[str, str]) -> Check:
    """(client, level): in force, known, and active."""

    def check(world: World) -> bool:
        (instance,) = world.array.shares()
        there = [(r["access_to"], r["access_level"]) for r in world.array.rules(instance)]
        rules, _ = access.of_share(world.env, CTX, world.share_id)
        known = [(r.access_to, r.access_level) for r in rules if r.state == "active"]
        return sorted(there) == sorted(known) == sorted(wanted) and len(rules) == len(wanted)

    return check


def _snapshot_rules(*wanted: str) -> Check:
    def check(world: World) -> bool:
        (instance,) = world.array.snapshots()
        there = [rule["access_to"] for rule in world.array.rules(instance)]
        rules = snapshot_access.of_snapshot(world.env, CTX, world.snapshot_id)
        known = [rule.access_to for rule in rules if rule.state == "active"]
        return there == known == list(wanted) and len(rules) == len(wanted)

    return check


def _snapshots(count: int) -> Check:
    return lambda world: (
        len(world.array.snapshots()) == count
        and _status(world) == "available"
        and [s.status for s in world.snapshots()] == ["available"] * count
    )


def _snapshot_gone(world: World) -> bool:
    return world.look_at() is None and world.array.snapshots() == {}


def _reverted(world: World) -> bool:
    (instance,) = world.array.shares()
    snapshot = world.look_at()
    old = world.array.read_file(instance, "f") is None
    return old and _status(world) == (snapshot and snapshot.status) == "available"


def _cloned(world: World) -> bool:
    snapshot = world.look_at()
    both = _status(world) == (snapshot and snapshot.status) == "available"
    return both and len(world.array.shares()) == 2


def _managed(look: Callable[[World], Any], kind: str) -> Check:
    def check(world: World) -> bool:
        found = look(world)
        (instance,) = getattr(world.array, kind)()
        return (found.status, found.size, found.instance_id) == ("available", 2, instance)

    return check


def _let_go(look: Callable[[World], Any], kind: str) -> Check:
    def check(world: World) -> bool:
        there = getattr(world.array, kind)().values()
        return look(world) is None and [found["managed"] for found in there] == [0]

    return check


def _says(status: str, look: Callable[[World], Any] = World.look, told: bool = True) -> Check:
    """It says truthfully that it went wrong, once."""

    def check(world: World) -> bool:
        return look(world).status == status and len(world.told()) == told

    return check


def _rules_in_error(world: World) -> bool:
    rules, _ = access.of_share(world.env, CTX, world.share_id)
    return [rule.state for rule in rules] == ["error"] and len(world.told()) == 1


def _snapshot_rules_in_error(world: World) -> bool:
    rules = snapshot_access.of_snapshot(world.env, CTX, world.snapshot_id)
    return [rule.state for rule in rules] == ["error"] and len(world.told()) == 1


_IO, _INVALID = "ShareBackendException", "ManageInvalidShare"
_LOSS = "ShareShrinkingPossibleDataLoss"
_SNAPPED = ("share", "snapshot")

SCENARIOS = {
    # shares
    "create": Scenario(
        "create_share_instance", (), _create, _created, cold=True, method="create_share"
    ),
    "create, refused": Scenario(
        "create_share_instance", (), _create, _says("error"), method="create_share", refused=_IO
    ),
    "create from a snapshot": Scenario(
        "create_share_instance", _SNAPPED, _clone, _cloned, method="create_share_from_snapshot"
    ),
    "create from a snapshot, slowly": Scenario(
        "create_share_instance", _SNAPPED, _clone, _cloned, options={"fake_clone_seconds": 0.05}
    ),
    "delete": Scenario(
        "delete_share_instance", ("share",), _delete, _share_gone, method="delete_share"
    ),
    "delete with rules": Scenario("delete_share_instance", ("share", "rule"), _delete, _share_gone),
    "delete, refused": Scenario(
        "delete_share_instance",
        ("share",),
        _delete,
        _says("error_deleting"),
        method="delete_share",
        refused=_IO,
    ),
    "force delete while extending": Scenario(
        "delete_share_instance", ("share", "rule"), _extend_and_delete, _share_gone
    ),
    "extend": Scenario("extend_share", ("share",), _extend, _sized(5), method="extend_share"),
    "extend, refused": Scenario(
        "extend_share",
        ("share",),
        _extend,
        _says("extending_error"),
        method="extend_share",
        refused=_IO,
    ),
    "shrink": Scenario("shrink_share", ("share",), _shrink, _sized(1), method="shrink_share"),
    "shrink, refused": Scenario(
        "shrink_share",
        ("share",),
        _shrink,
        _says("available"),
        method="shrink_share",
        refused=_LOSS,
    ),
    "revert": Scenario(
        "revert_to_snapshot",
        (*_SNAPPED, "written"),
        _revert,
        _reverted,
        method="revert_to_snapshot",
    ),
    "revert, slowly": Scenario(
        "revert_to_snapshot",
        (*_SNAPPED, "written"),
        _revert,
        _reverted,
        options={"fake_revert_seconds": 0.05},
    ),
    "revert, refused": Scenario(
        "revert_to_snapshot",
        (*_SNAPPED, "written"),
        _revert,
        _says("reverting_error"),
        method="revert_to_snapshot",
        refused=_IO,
    ),
    "manage share": Scenario(
        "manage_share",
        ("share", "unmanaged share"),
        _manage_share,
        _managed(World.look, "shares"),
        method="manage_existing",
    ),
    "manage share, refused": Scenario(
        "manage_share",
        ("share", "unmanaged share"),
        _manage_share,
        _says("manage_error"),
        method="manage_existing",
        refused=_INVALID,
    ),
    "unmanage share": Scenario(
        "unmanage_share",
        ("share",),
        _unmanage_share,
        _let_go(World.look, "shares"),
        method="unmanage",
    ),
    "unmanage share, refused": Scenario(
        "unmanage_share",
        ("share",),
        _unmanage_share,
        _says("unmanage_error"),
        method="unmanage",
        refused=_IO,
    ),
    "ensure": Scenario(
        "ensure_driver_resources",
        ("share", "rule"),
        _ensure,
        _rules(("10.0.0.1", "rw")),
        method="ensure_shares",
    ),
    "repair": Scenario(
        "repair_drift",
        ("share", "rule"),
        _damage_and_repair,
        lambda w: _sized(2)(w) and _rules(("10.0.0.1", "rw"))(w),
    ),
    # access rules
    "allow": Scenario(
        "update_access",
        ("share",),
        lambda w: w.allow(TO),
        _rules((TO, "rw")),
        method="update_access",
    ),
    "allow, refused": Scenario(
        "update_access",
        ("share",),
        lambda w: w.allow(TO),
        _rules_in_error,
        method="update_access",
        refused=_IO,
    ),
    "deny": Scenario("update_access", ("share", "rule"), _deny, _rules(), method="update_access"),
    "change level": Scenario(
        "update_access",
        ("share", "rule"),
        lambda w: access.set_level(w.env, ADMIN, w.rule_id, "ro"),
        _rules(("10.0.0.1", "ro")),
    ),
    "deny and allow": Scenario(
        "update_access", ("share", "rule"), _replace_rule, _rules(("10.0.0.3", "rw"))
    ),
    # snapshots
    "snapshot create": Scenario(
        "create_snapshot", ("share",), _take, _snapshots(1), method="create_snapshot"
    ),
    "snapshot create, refused": Scenario(
        "create_snapshot",
        ("share",),
        _take,
        _says("error", World.look_at),
        method="create_snapshot",
        refused=_IO,
    ),
    "snapshot delete": Scenario(
        "delete_snapshot", _SNAPPED, _delete_snapshot, _snapshots(0), method="delete_snapshot"
    ),
    "snapshot delete with rules": Scenario(
        "delete_snapshot", (*_SNAPPED, "snapshot rule"), _delete_snapshot, _snapshot_gone
    ),
    "snapshot delete, refused": Scenario(
        "delete_snapshot",
        _SNAPPED,
        _delete_snapshot,
        _says("error_deleting", World.look_at),
        method="delete_snapshot",
        refused=_IO,
    ),
    "snapshot allow": Scenario(
        "snapshot_update_access",
        _SNAPPED,
        _allow_snapshot,
        _snapshot_rules(TO),
        method="snapshot_update_access",
    ),
    "snapshot allow, refused": Scenario(
        "snapshot_update_access",
        _SNAPPED,
        _allow_snapshot,
        _snapshot_rules_in_error,
        method="snapshot_update_access",
        refused=_IO,
    ),
    "snapshot deny": Scenario(
        "snapshot_update_access",
        (*_SNAPPED, "snapshot rule"),
        _deny_snapshot,
        _snapshot_rules(),
        method="snapshot_update_access",
    ),
    "manage snapshot": Scenario(
        "manage_snapshot",
        (*_SNAPPED, "unmanaged snapshot"),
        _manage_snapshot,
        _managed(World.look_at, "snapshots"),
        method="manage_existing_snapshot",
    ),
    "manage snapshot, refused": Scenario(
        "manage_snapshot",
        (*_SNAPPED, "unmanaged snapshot"),
        _manage_snapshot,
        _says("manage_error", World.look_at),
        method="manage_existing_snapshot",
        refused="ManageInvalidShareSnapshot",
    ),
    "unmanage snapshot": Scenario(
        "unmanage_snapshot",
        _SNAPPED,
        _unmanage_snapshot,
        _let_go(World.look_at, "snapshots"),
        method="unmanage_snapshot",
    ),
    "unmanage snapshot, refused": Scenario(
        "unmanage_snapshot",
        _SNAPPED,
        _unmanage_snapshot,
        _says("unmanage_error", World.look_at),
        method="unmanage_snapshot",
        refused=_IO,
    ),
}
