"""Drift: whatever is damaged on a backend is found, shown, and repaired or adopted by one call."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abaca.manager import drift
from abaca.manager import shares as manager_shares
from abaca.model.drift import Finding
from abaca.model.errors import BadRequest, NotFound
from abaca.model.shares import Share
from abaca.model.snapshots import Snapshot
from abaca.service import access, shares, shares_resize, shares_state
from abaca.service import drift as service
from abaca.service import snapshots as snapshot_service
from abaca.service.drift import Adoption
from abaca.store import snapshots as snapshot_store
from abaca.store.engine import Store
from abaca.testing import crash
from store.test_operations import wait_for
from support.running import ADMIN, USER, Running, running

GUEST, STRANGER = "10.0.0.1", "10.9.9.9"


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[Running]:
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def look(world: Running, *, repair: bool = False) -> list[Finding]:
    return drift.look(world.manager.backends[0], world.store, repair=repair)


def kinds(found: list[Finding]) -> set[tuple[str, str]]:
    return {finding.key for finding in found}


def new_share(world: Running, size: int = 2) -> Share:
    share = world.share(size)
    access.allow(world.env, USER, share.id, access_type="ip", access_to=GUEST)
    world.settle()
    return share


def repair_all(world: Running) -> list[service.Step]:
    steps = service.repair(world.env, ADMIN, dry_run=False)
    world.settle()
    return steps


def forget(world: Running, share: Share) -> None:
    """The row is lost, the data is not."""
    with world.store.transaction() as tx:
        manager_shares.remove(tx, share)


# damage to one share -> the kinds that are found
HARM = {
    "nothing": set(),
    "vanish": {"missing"},
    "grow": {"size"},
    "shrink": {"size"},
    "let in": {"rules"},
    "shut out": {"rules"},
    "lower": {"rules"},
    "grow and let in": {"size", "rules"},
}
SNAPSHOT_HARM = {"nothing": set(), "vanish": {"missing"}, "let in": {"rules"}}
damages = st.tuples(
    st.lists(st.sampled_from(sorted(HARM)), min_size=1, max_size=4),
    st.lists(st.sampled_from(sorted(SNAPSHOT_HARM)), max_size=2),
    st.integers(0, 2),  # objects without a row
    st.integers(0, 2),  # exports of nothing
)


def harm(world: Running, how: str, instance_id: str) -> None:
    array = world.array
    steps = {
        "vanish": lambda: array.remove(instance_id),
        "grow": lambda: array.set_size(instance_id, 9),
        "shrink": lambda: array.set_size(instance_id, 1),
        "let in": lambda: array.set_rule(instance_id, STRANGER, "rw"),
        "shut out": lambda: array.set_rule(instance_id, GUEST, None),
        "lower": lambda: array.set_rule(instance_id, GUEST, "ro"),
    }
    for step in how.split(" and "):
        steps.get(step, lambda: None)()


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damages)
def test_random_damage_is_found_completely_and_repaired(
    world: Running, damage: tuple[list[str], list[str], int, int]
) -> None:
    to_shares, to_snapshots, extra, stale = damage
    made = [new_share(world) for _ in to_shares]
    snapshots = [world.snapshot(made[0]) for _ in to_snapshots]
    assert look(world) == [], "nothing is damaged yet"
    planted: set[tuple[str, str]] = set()
    for how, share in zip(to_shares, made, strict=True):
        harm(world, how, share.instance_id)
        planted |= {(kind, share.instance_id) for kind in HARM[how]}
    for how, snapshot in zip(to_snapshots, snapshots, strict=True):
        harm(world, how, snapshot.instance_id)
        planted |= {(kind, snapshot.instance_id) for kind in SNAPSHOT_HARM[how]}
    for _ in range(extra):
        orphan = str(uuid.uuid4())
        world.array.add_share(orphan, f"/fake/share-{orphan}", 3, managed=1, backend="fake")
        planted.add(("extra", orphan))
    for _ in range(stale):
        ghost = str(uuid.uuid4())
        world.array.set_rule(ghost, STRANGER, "rw")
        planted.add(("stale_export", ghost))
    found = look(world)
    assert kinds(found) == planted
    assert [f.id for f in look(world)] == [f.id for f in found], "found twice is one finding"

    service.repair(world.env, ADMIN)
    assert kinds(look(world)) == planted, "a dry run changes nothing"
    repair_all(world)
    for finding in look(world):
        assert finding.kind == "extra", finding
        service.adopt(world.env, ADMIN, finding.id, Adoption(dry_run=False))
        world.settle()
    assert look(world) == []
    assert world.violations() == []
    _clear(world, made, snapshots)


def _clear(world: Running, made: list[Share], snapshots: list[Snapshot]) -> None:
    for snapshot in snapshots:
        snapshot_service.delete(world.env, ADMIN, snapshot.id)
    world.settle()
    for share in made:
        shares.delete(world.env, ADMIN, share.id)
    world.settle()


def test_what_may_be_repaired_unasked_is_right_within_one_period(
    store: Store, tmp_path: Path
) -> None:
    with running(store, tmp_path / "array", {"drift_interval": 0.2}) as world:
        share, other = new_share(world), new_share(world)
        world.array.set_size(share.instance_id, 7)
        world.array.set_rule(other.instance_id, STRANGER, "rw")
        wait_for(lambda: world.array.shares()[share.instance_id]["size"] == 2, 20)
        wait_for(lambda: len(world.array.rules(other.instance_id)) == 1, 20)
        world.settle()
        wait_for(lambda: not service.find(world.env, ADMIN).findings, 20)
        assert world.violations() == []
        [repair] = [op for op in world.operations(share.id) if op.kind == "repair_drift"]
        assert repair.project_id == share.project_id
        assert "resize" in (repair.message or "") and "7 GiB -> 2 GiB" in (repair.message or "")


def test_a_share_whose_data_is_gone_says_so_to_its_owner(world: Running) -> None:
    share = new_share(world)
    world.array.remove(share.instance_id)
    look(world, repair=True)
    world.settle()
    assert world.look(share.id).status == "error"
    [message] = world.messages(share.id)
    assert message.project_id == share.project_id
    said = message.user_message
    assert "no longer on the storage backend" in said and "Delete the share" in said
    shares.delete(world.env, USER, share.id)
    world.settle()
    assert world.is_gone(share.id) and look(world) == []


def test_an_inventory_that_forgets_a_share_is_not_believed_alone(world: Running) -> None:
    """The inventory says it is gone, the backend says it is there: the share stays available."""
    share = new_share(world)
    world.answers("get_inventory", [])
    look(world, repair=True)
    world.settle()
    assert world.look(share.id).status == "available"
    [finding] = look(world, repair=True)
    assert finding.attempts == 1 and "says that it is there" in (finding.problem or "")
    world.settle()
    repairs = [op for op in world.operations(share.id) if op.kind == "repair_drift"]
    assert len(repairs) == 1, "not tried again at once"


def test_a_backend_that_cannot_be_looked_at_changes_nothing(world: Running) -> None:
    share = new_share(world)
    world.array.set_size(share.instance_id, 7)
    before = look(world)
    world.array.set_fault("get_inventory", "error", name="ShareBackendException")
    with pytest.raises(Exception, match="backend failed"):
        look(world)
    report = service.find(world.env, ADMIN)
    assert [f.id for f in report.findings] == [f.id for f in before]
    assert "ShareBackendException" in (report.looks[0].problem or "")
    look(world)
    assert service.find(world.env, ADMIN).looks[0].problem is None


def test_what_changes_during_a_look_is_not_judged(world: Running) -> None:
    """Resized, deleted, created and allowed while the backend was being listed."""
    resized, deleted, opened = (new_share(world) for _ in range(3))
    real = world.manager.backends[0].driver.get_inventory

    def slow(context: object) -> object:
        held = list(real(context))  # type: ignore[arg-type]
        shares_resize.extend(world.env, USER, resized.id, 5)
        shares.delete(world.env, USER, deleted.id)
        access.allow(world.env, USER, opened.id, access_type="ip", access_to=STRANGER)
        world.share()
        world.settle()
        return held

    driver = world.manager.backends[0].driver
    driver.get_inventory = slow  # type: ignore[method-assign, assignment]
    assert look(world) == []
    driver.get_inventory = real  # type: ignore[method-assign]
    assert look(world) == []


def test_a_look_that_was_overtaken_forgets_nothing_that_the_later_one_found(world: Running) -> None:
    share = new_share(world)
    driver = world.manager.backends[0].driver
    real, found = driver.get_inventory, []

    def slow(context: object) -> object:
        held = list(real(context))  # type: ignore[arg-type]
        driver.get_inventory = real  # type: ignore[method-assign]
        harm(world, "grow", share.instance_id)
        found.extend(look(world))
        return held

    driver.get_inventory = slow  # type: ignore[method-assign, assignment]
    assert look(world) == []
    assert kinds(found) == {("size", share.instance_id)}
    repair_all(world)
    assert look(world) == []
    assert world.array.shares()[share.instance_id]["size"] == 2


def test_a_repair_that_cannot_be_done_says_why_and_waits(world: Running) -> None:
    """Somebody grew the share and filled it: its data does not fit into the size of the row."""
    share = new_share(world)
    world.array.set_size(share.instance_id, 7)
    world.array.set_used(share.instance_id, 6)
    look(world, repair=True)
    world.settle()
    [finding] = look(world, repair=True)
    assert finding.attempts == 1 and "ShareShrinkingPossibleDataLoss" in (finding.problem or "")
    assert world.array.shares()[share.instance_id]["size"] == 7
    assert world.look(share.id).status == "available"
    world.array.set_used(share.instance_id, 1)
    repair_all(world)
    assert look(world) == []


def test_a_lost_row_is_adopted_with_its_data_and_without_its_guests(world: Running) -> None:
    share = new_share(world)
    world.array.write_file(share.instance_id, "a", b"data")
    forget(world, share)
    [finding] = look(world)
    assert (finding.kind, finding.resource_id) == ("extra", None)
    planned = service.adopt(world.env, ADMIN, finding.id, Adoption(name="found"))
    assert planned.resource_id is None and look(world) == [finding]
    adopted = service.adopt(world.env, ADMIN, finding.id, Adoption(name="found", dry_run=False))
    world.settle()
    again = world.look(adopted.resource_id or "")
    assert (again.instance_id, again.status, again.size) == (share.instance_id, "available", 2)
    assert world.array.read_file(again.instance_id, "a") == b"data"
    assert world.array.rules(again.instance_id) == []
    assert look(world) == [] and world.violations() == []


def test_a_snapshot_without_a_row_is_adopted_with_its_share(world: Running) -> None:
    share = new_share(world)
    snapshot = world.snapshot(share)
    with world.store.transaction() as tx:
        snapshot_store.delete(tx, snapshot.id)
    [finding] = look(world)
    assert (finding.kind, finding.resource_type) == ("extra", "SNAPSHOT")
    adopted = service.adopt(world.env, ADMIN, finding.id, Adoption(dry_run=False))
    world.settle()
    again = world.look_at(adopted.resource_id or "")
    assert (again.instance_id, again.status) == (snapshot.instance_id, "available")
    assert look(world) == []


def test_findings_are_chosen_by_id_and_host(world: Running) -> None:
    share, other = new_share(world), new_share(world)
    for each in (share, other):
        world.array.set_size(each.instance_id, 7)
    first, second = look(world)
    with pytest.raises(NotFound):
        service.repair(world.env, ADMIN, ids=[first.id, str(uuid.uuid4())], dry_run=False)
    assert service.repair(world.env, ADMIN, host="else@where") == []
    service.repair(world.env, ADMIN, ids=[first.id], host=crash.HOST, dry_run=False)
    world.settle()
    assert kinds(look(world)) == {second.key}
    with pytest.raises(BadRequest, match="repair this one"):
        service.adopt(world.env, ADMIN, second.id, Adoption())


def test_what_cannot_be_judged_is_not_tried_without_end(world: Running) -> None:
    """Found, but in another status by the time of the repair."""
    share = new_share(world)
    world.array.set_size(share.instance_id, 7)
    [finding] = look(world)
    shares_state.reset_status(world.env, ADMIN, share.id, "error")
    service.repair(world.env, ADMIN, dry_run=False)
    world.settle()
    shares_state.reset_status(world.env, ADMIN, share.id, "available")
    [again] = look(world, repair=True)
    assert again.id == finding.id and again.attempts == 1 and "busy" in (again.problem or "")
    world.settle()
    assert len([op for op in world.operations(share.id) if op.kind == "repair_drift"]) == 1
    repair_all(world)
    assert look(world) == []


JUNK = {
    "a size": {"size": "much"},
    "rules that are a number": {"rules": 7},
    "a rule": {"rules": ["10.0.0.1"]},
    "what the driver says of it": {"problem": "its disk answers EIO"},
}


@pytest.mark.parametrize("junk", JUNK)
def test_an_object_that_cannot_be_read_is_one_finding(
    world: Running, monkeypatch: pytest.MonkeyPatch, junk: str
) -> None:
    bad, good = new_share(world), new_share(world)
    driver = world.manager.backends[0].driver
    told = driver.get_inventory

    def inventory(context: object) -> list[dict[str, object]]:
        rows = [dict(row) for row in told(context)]
        return [{**row, **JUNK[junk]} if row["id"] == bad.instance_id else row for row in rows]

    monkeypatch.setattr(driver, "get_inventory", inventory)
    harm(world, "grow", good.instance_id)
    found = look(world)
    assert kinds(found) == {("unreadable", bad.instance_id), ("size", good.instance_id)}
    [unreadable] = [finding for finding in found if finding.kind == "unreadable"]
    assert unreadable.found and unreadable.resource_id == bad.id
    repair_all(world)
    assert kinds(look(world)) == {("unreadable", bad.instance_id)}
    assert shares.get(world.env, USER, bad.id).status == "available"
    monkeypatch.undo()
    assert look(world) == []
