"""A backend that answers late, twice, wrongly, not at all: what users see is true, and says what to
do; nothing is tried for ever, and nothing is left behind on the backend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.fake.backend import FakeBackend
from abaca.manager import breaker
from abaca.operations.job import Retry
from abaca.service import services, shares
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
ALWAYS = None


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of attempts, in less time."""
    monkeypatch.setattr(Retry, "delay", lambda retry, attempt: 0.01)
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(breaker, "ONE_AT_A_TIME", 0.01)


@pytest.fixture
def running(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[World, Any]]:
    """A world with a manager, and its driver."""
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
    yield made, manager.backends[0].driver
    made.array.clear_faults()
    settle(made)
    manager.stop(drain_seconds=5.0)
    made.close()


@pytest.fixture
def world(running: tuple[World, Any]) -> World:
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


def is_told(world: World, scenario: Scenario, *words: str) -> None:
    """It did not end as it was asked for; the user is told, and what to do."""
    assert not scenario.right(world)
    (text,) = world.told()
    assert all(word in text for word in words), text


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
    is_told(world, scenario, "did not answer", "not known", ".")
    assert len(world.array.calls(scenario.method)) <= Retry().attempts


@pytest.mark.parametrize("name", [n for n in DONE if DONE[n].kind != "ensure_driver_resources"])
def test_what_is_done_but_never_answered_is_found_or_owned(world: World, name: str) -> None:
    """Found by asking what the backend holds; of the rest nobody claims to know."""
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "lost", ALWAYS, name="TimeoutError")
    ask(world, scenario)
    calls = len(world.array.calls(scenario.method))
    if name in ("create", "delete", "extend", "shrink", "snapshot delete"):
        assert scenario.right(world) and world.told() == [] and calls == 2
    else:
        is_told(world, scenario, "did not answer", "not known")
        assert calls <= Retry().attempts


@pytest.mark.parametrize("name", ["create", "create from a snapshot", "snapshot create"])
def test_what_is_made_after_everybody_gave_up_is_no_orphan(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "late", 1, name="TimeoutError", seconds=1.5)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="TimeoutError")
    scenario.ask(world)
    assert settle(world) == 0
    is_told(world, scenario, "Delete it and create it again")
    world.array.clear_faults()
    assert violations(world.env.store, world.array) == []
    if name != "snapshot create":
        shares.delete(world.env, ADMIN, world.share_id)
        assert settle(world) == 0 and world.look() is None
        assert violations(world.env.store, world.array) == []


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
    wait_for(lambda: services.find(world.env, ADMIN)[0].service.problem is not None, PATIENCE)
    before = len(world.array.calls(scenario.method))
    probes = len(world.array.calls("get_share_stats"))
    wait_for(lambda: len(world.array.calls("get_share_stats")) > probes + 3, PATIENCE)
    assert len(world.array.calls(scenario.method)) == before, "only probes while it is away"
    world.array.clear_faults(number)
    assert settle(world) == 0 and scenario.right(world) and world.told() == []
    assert violations(world.env.store, world.array) == []
    wait_for(lambda: services.find(world.env, ADMIN)[0].service.problem is None, PATIENCE)


@pytest.mark.parametrize("name", ["create", "create from a snapshot", "extend"])
def test_a_full_backend_is_called_full(world: World, name: str) -> None:
    scenario = DONE[name]
    ready(world, scenario)
    world.array.set_fault(scenario.method, "error", ALWAYS, name="StorageFull")
    ask(world, scenario)
    is_told(world, scenario, "enough free space")
    assert len(world.array.calls(scenario.method)) == 1, "no is an answer"


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
    running: tuple[World, Any], name: str, value: object
) -> None:
    (world, driver), scenario = running, DONE[name]
    ready(world, scenario)
    real = getattr(driver, scenario.method)

    def lie(*args: object, **keywords: object) -> object:
        real(*args, **keywords)
        return value

    setattr(driver, scenario.method, lie)
    ask(world, scenario)
    is_told(world, scenario, "ask your administrator")
    assert len(world.array.calls(scenario.method)) == 1


def test_a_share_that_the_backend_forgot_is_found_when_it_is_looked_for(world: World) -> None:
    world.array.set_fault("create_share", "forget")
    world.share_id = world.share()
    assert settle(world) == 0
    services.ensure_shares(world.env, ADMIN, crash.HOST)
    assert settle(world) == 0
    share = world.look()
    assert share is not None and share.status == "error"
    assert "no longer" in world.told()[0]
    assert violations(world.env.store, world.array) == []
