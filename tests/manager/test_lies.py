"""A backend that answers late, twice, wrongly, not at all: what users see is true, and says what to
do; nothing is tried for ever, and nothing is left behind on the backend."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.fake.backend import FakeBackend
from abaca.manager import breaker, drift, kinds
from abaca.manager.evidence import SHOWN
from abaca.manager.process import Manager
from abaca.operations.job import Retry
from abaca.service import access, services, shares, shares_state
from abaca.service.bootstrap import DEFAULT_TYPE, ensure_default_type
from abaca.service.env import Env, Settings
from abaca.store.engine import Store
from abaca.testing import crash
from abaca.testing.invariants import violations
from crash.scenarios import SCENARIOS, Scenario, prepare
from crash.world import ADMIN, World
from store.test_operations import wait_for
from support.running import PATIENCE

DONE = {name: each for name, each in SCENARIOS.items() if each.method and not each.refused}
CHANGES = [name for name, each in DONE.items() if each.kind in SHOWN]
ALWAYS = None
# kind of operation -> how a message about it begins; of all others: update
WHAT = {
    "create_share_instance": "create",
    "delete_share_instance": "delete",
    "extend_share": "extend",
    "shrink_share": "shrink",
    "revert_to_snapshot": "revert to the snapshot",
    "create_snapshot": "create",
    "delete_snapshot": "delete",
    "update_access": "update access rules",
    "snapshot_update_access": "update access rules",
}
TO_DO = "[Aa]sk your administrator|Delete it|Ask for less|Remove the rules"


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of attempts, in less time."""
    monkeypatch.setattr(Retry, "delay", lambda retry, attempt: 0.01)
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(breaker, "ONE_AT_A_TIME", 0.01)


@pytest.fixture
def running(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[World, Manager]]:
    url = f"sqlite:///{tmp_path}/abaca.sqlite"
    (tmp_path / "abaca.sqlite").write_bytes(sqlite_template.read_bytes())
    store, folder = Store(url), tmp_path / "array"
    ensure_default_type(store)
    manager = crash.make_manager(store, folder)
    manager.start()
    assert manager.ready(PATIENCE)
    env = Env(store, Settings(default_share_type=DEFAULT_TYPE))
    made = World(env, url, folder, FakeBackend(folder))
    assert settle(made) == 0
    yield made, manager
    made.array.clear_faults()
    settle(made)
    manager.stop(drain_seconds=5.0)
    made.close()


@pytest.fixture
def world(running: tuple[World, Manager]) -> World:
    return running[0]


def settle(world: World) -> int:
    """0 once nothing is left to do."""
    return 0 if crash.settle(world.env.store, PATIENCE) else 1


def ready(world: World, scenario: Scenario) -> None:
    prepare(world, scenario, lambda: settle(world))
    world.array.clear_calls()


def ask(world: World, scenario: Scenario) -> None:
    scenario.ask(world)
    assert settle(world) == 0
    assert violations(world.env.store, world.array) == []


def compare(world: World, manager: Manager) -> None:
    """A look for drift, as it comes round."""
    drift.look(manager.backends[0], world.env.store, repair=True)
    assert settle(world) == 0


def problem(world: World) -> str | None:
    """What the services list says of the backend."""
    found = services.find(world.env, ADMIN)
    (seen,) = (each for each in found if each.service.binary == services.SHARE_BINARY)
    return seen.service.problem


def is_told(world: World, scenario: Scenario, *words: str) -> None:
    """It did not end as it was asked for; the user is told what, why, and what to do."""
    assert not scenario.right(world)
    (text,) = world.told()
    assert all(word in text for word in words), text
    assert text.startswith(f"{WHAT.get(scenario.kind, 'update')}: "), text
    assert re.search(TO_DO, text), text


def test_of_every_kind_of_operation_it_is_known_what_shows_that_it_was_done() -> None:
    """The others look at everything again whenever they run, and they run again."""
    assert set(kinds.load()) - set(SHOWN) == {"ensure_driver_resources", "repair_drift"}


@pytest.mark.parametrize("name", DONE)
@pytest.mark.parametrize("kind", ["lost", "late", "error"])
def test_an_answer_that_is_lost_once_changes_nothing(world: World, name: str, kind: str) -> None:
    """lost: done, and then done twice.  late: done again after it was done.  error: not done."""
    scenario = DONE[name]
    ready(world, scenario)
    more = {"seconds": 0.05} if kind == "late" else {}
    world.array.set_fault(scenario.method, kind, name="StorageCommunicationException", **more)
    ask(world, scenario)
    assert scenario.right(world) and world.told() == []
    time.sleep(0.06 if kind == "late" else 0)  # the array does it once more
    assert scenario.right(world) and violations(world.env.store, world.array) == []


@pytest.mark.parametrize("name", DONE)
def test_no_answer_ends_in_an_error_that_says_so(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "error", 200, name="TimeoutError")
    scenario.ask(world)
    if scenario.kind == "ensure_driver_resources":  # it goes on until the backend is there
        wait_for(lambda: len(world.array.calls(scenario.method)) > 20, PATIENCE)
        world.array.clear_faults()
        assert settle(world) == 0 and scenario.right(world)
        return
    assert settle(world) == 0 and violations(world.env.store, world.array) == []
    is_told(world, scenario, "did not answer", "not known")
    assert len(world.array.calls(scenario.method)) <= Retry().attempts


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_done_but_never_answered_is_found(world: World, name: str) -> None:
    """By asking what the backend holds."""
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "lost", ALWAYS, name="TimeoutError")
    ask(world, scenario)
    assert scenario.right(world) and world.told() == []
    assert len(world.array.calls(scenario.method)) == 2


def give_up(world: World, scenario: Scenario) -> None:
    """Nobody answers, the first call is done later than anybody waits for it."""
    ready(world, scenario)
    world.array.set_fault(scenario.method, "late", 1, name="TimeoutError", seconds=3600.0)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="TimeoutError")
    ask(world, scenario)
    assert not scenario.right(world) and len(world.told()) == 1


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_done_after_everybody_gave_up_is_found_and_adopted(
    running: tuple[World, Manager], name: str
) -> None:
    """By the look for drift, also while the call itself is never answered.  Nothing is done
    twice, nothing is left behind."""
    (world, manager), scenario = running, DONE[name]
    give_up(world, scenario)
    compare(world, manager)
    assert not scenario.right(world) and len(world.told()) == 1, "it is not done yet"
    world.array.hurry()
    calls = len(world.array.calls(scenario.method))
    compare(world, manager)
    assert scenario.right(world)
    assert len(world.array.calls(scenario.method)) == calls, "it is not called for again"
    newest, first = world.told()
    assert "after all" in newest and "nothing to do" in newest and "did not answer" in first
    assert violations(world.env.store, world.array) == []
    compare(world, manager)
    assert len(world.told()) == 2


@pytest.mark.parametrize("name", ["create", "extend", "delete", "allow", "snapshot create"])
def test_what_was_refused_is_never_adopted(running: tuple[World, Manager], name: str) -> None:
    (world, manager), scenario = running, DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "late", 1, name="TimeoutError", seconds=3600.0)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="ShareBackendException")
    ask(world, scenario)
    is_told(world, scenario, "reported an error")
    world.array.hurry()
    compare(world, manager)
    assert not scenario.right(world) and len(world.told()) == 1
    assert violations(world.env.store, world.array) == []


def test_what_somebody_has_gone_on_with_is_not_adopted(running: tuple[World, Manager]) -> None:
    world, manager = running
    give_up(world, DONE["create"])
    shares_state.reset_status(world.env, ADMIN, world.share_id, "error_deleting")
    world.array.hurry()
    compare(world, manager)
    share = world.look()
    assert share is not None and share.status == "error_deleting" and len(world.told()) == 1


@pytest.mark.parametrize("name", DONE)
def test_a_call_that_hangs_for_a_while_is_waited_for(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "block")
    scenario.ask(world)
    wait_for(lambda: bool(world.array.calls(scenario.method)), PATIENCE)
    world.array.clear_faults()
    assert settle(world) == 0 and scenario.right(world) and world.told() == []
    assert violations(world.env.store, world.array) == []


@pytest.mark.parametrize("name", DONE)
def test_a_lost_connection_for_a_while_is_sat_out(world: World, name: str) -> None:
    """Operations wait, without being tried all the time, and nobody is told anything."""
    scenario = DONE[name]
    ready(world, scenario)
    number = world.array.set_fault("*", "error", ALWAYS, name="StorageCommunicationException")
    scenario.ask(world)
    wait_for(lambda: problem(world) is not None, PATIENCE)
    before = len(world.array.calls(scenario.method))
    probes = len(world.array.calls("get_share_stats"))
    wait_for(lambda: len(world.array.calls("get_share_stats")) > probes + 3, PATIENCE)
    assert len(world.array.calls(scenario.method)) == before, "only probes while it is away"
    world.array.clear_faults(number)
    assert settle(world) == 0 and scenario.right(world) and world.told() == []
    assert violations(world.env.store, world.array) == []
    wait_for(lambda: problem(world) is None, PATIENCE)


@pytest.mark.parametrize("name", ["create", "create from a snapshot", "extend"])
def test_a_full_backend_is_called_full(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="StorageFull")
    ask(world, scenario)
    is_told(world, scenario, "enough free space")
    assert len(world.array.calls(scenario.method)) == 1, "no is an answer"


@pytest.mark.parametrize("name", CHANGES)
def test_a_refusal_is_called_one_and_is_not_asked_for_again(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="ShareBackendException")
    ask(world, scenario)
    is_told(world, scenario, "reported an error and did not complete this")
    assert len(world.array.calls(scenario.method)) == 1


@pytest.mark.parametrize("name", ["shrink", "revert", "snapshot create"])
def test_what_a_backend_cannot_do_is_called_so(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="NotImplementedError")
    ask(world, scenario)
    is_told(world, scenario, "cannot", "share type whose backends can")


@pytest.mark.parametrize("error", ["TimeoutError", "ShareBackendException"])
def test_what_users_are_told_to_do_works(world: World, error: str) -> None:
    """Delete it and create it again; remove the rules in error and add them; delete it again."""
    world.array.set_fault("create_share", "error", ALWAYS, name=error)
    world.share_id = world.share()
    assert settle(world) == 0 and "Delete it and create it again" in world.told()[0]
    world.array.clear_faults()
    shares.delete(world.env, ADMIN, world.share_id)
    assert settle(world) == 0 and world.look() is None
    world.share_id = world.share()
    assert settle(world) == 0
    world.array.set_fault("update_access", "error", ALWAYS, name=error)
    rule = world.allow("10.0.0.1")
    assert settle(world) == 0 and "Remove the rules in error and add" in world.told()[0]
    world.array.clear_faults()
    access.deny(world.env, ADMIN, world.share_id, rule)
    assert settle(world) == 0
    world.allow("10.0.0.1")
    world.array.set_fault("delete_share", "error", Retry().attempts, name=error)
    assert settle(world) == 0 and violations(world.env.store, world.array) == []
    shares.delete(world.env, ADMIN, world.share_id)
    assert settle(world) == 0 and "set its status to error, then delete" in world.told()[0]
    world.array.clear_faults()
    shares_state.reset_status(world.env, ADMIN, world.share_id, "error")
    shares.delete(world.env, ADMIN, world.share_id)
    assert settle(world) == 0 and world.look() is None and world.array.shares() == {}


WRONG = {
    "create": ({"path": ""}, 7, [{"no": "path"}]),
    "create from a snapshot": ({"status": "nonsense"}, {"status": "available"}, 7),
    "manage share": (None, {}, {"size": -1}, {"size": "much"}),
    "snapshot create": (5, {"status": "error"}, ["x"]),
    "revert": ({"status": "done"}, "x", -5),
    "allow": (5, ["x"]),
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_a_wrong_answer_is_not_believed(
    running: tuple[World, Manager], name: str, value: object
) -> None:
    (world, manager), scenario = running, DONE[name]
    ready(world, scenario)
    driver = manager.backends[0].driver
    real = getattr(driver, scenario.method)

    def lie(*args: object, **keywords: object) -> object:
        real(*args, **keywords)
        return value

    setattr(driver, scenario.method, lie)
    ask(world, scenario)
    is_told(world, scenario, "ask your administrator")
    assert len(world.array.calls(scenario.method)) == 1


# name -> (what the look for drift finds, whether it is then as it was asked for by itself)
FORGOTTEN = {
    "create": ("missing", False),
    "create from a snapshot": ("missing", False),
    "delete": ("extra", False),
    "extend": ("size", True),
    "shrink": ("size", True),
    "unmanage share": ("extra", False),
    "allow": ("rules", True),
    "deny": ("rules", True),
    "snapshot create": ("missing", False),
    "snapshot delete": ("extra", False),
    "snapshot allow": ("rules", True),
    "snapshot deny": ("rules", True),
    "manage snapshot": ("missing", False),
    "unmanage snapshot": ("extra", False),
}  # of a revert no driver can tell; managing a share looks at it again itself


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_the_backend_says_and_forgets_is_found(
    running: tuple[World, Manager], name: str
) -> None:
    """Put right where that takes nothing from anybody; else it is said that it is not so."""
    (world, manager), scenario = running, DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "forget")
    scenario.ask(world)
    assert settle(world) == 0 and not scenario.right(world)
    kind, mended = FORGOTTEN[name]
    found = drift.look(manager.backends[0], world.env.store, repair=True)
    assert kind in {finding.kind for finding in found}
    assert settle(world) == 0 and scenario.right(world) is mended
    if kind == "missing":
        (text,) = world.told()
        assert "no longer on the storage backend" in text and "Delete the" in text
    if kind != "extra":  # that is the administrator's to decide
        assert violations(world.env.store, world.array) == []
