"""A backend that does not answer is left alone, says so, takes nothing new, slows nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from abaca.cli.status_facts import gather
from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.contract.errors import InvalidShare, StorageCommunicationException
from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.fake.driver import FakeShareDriver
from abaca.manager import backend as backend_module
from abaca.manager import breaker as module
from abaca.manager.backend import Backend
from abaca.manager.breaker import CLOSED, HALF_OPEN, LOSSES, OPEN, Breaker, State
from abaca.manager.private_storage import StorePrivateStorage
from abaca.manager.process import Manager, Options
from abaca.model.errors import BackendAway, Conflict
from abaca.service import pools, services, shares, shares_create, shares_resize
from abaca.store.engine import Store, Tx
from abaca.testing import crash
from store.test_operations import wait_for
from support.running import ADMIN, PATIENCE, USER, Running

LOST = StorageCommunicationException(reason="no route")


# --- the states -----------------------------------------------------------------------------------
def lost(state: State, now: float, times: int = 1) -> State:
    for _ in range(times):
        state = state.lost("no route", now)
    return state


def test_a_few_lost_calls_do_not_open_it() -> None:
    assert lost(State(), 1.0, LOSSES - 1).name == CLOSED
    assert lost(State(), 1.0, LOSSES).name == OPEN


def test_each_probe_that_is_lost_doubles_the_pause_up_to_a_minute() -> None:
    state, pauses = lost(State(), 5.0, LOSSES), []
    for _ in range(9):
        pauses.append(state.pause)
        state = state.lost("no route", state.until)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert state.since == 5.0


def test_a_probe_counts_when_the_pause_is_over() -> None:
    state = lost(State(), 5.0, LOSSES)
    assert state.probed(5.5) == state
    assert state.probed(6.0).name == HALF_OPEN


def test_a_call_that_is_lost_half_open_opens_it_for_longer() -> None:
    state = lost(State(), 5.0, LOSSES).probed(6.0).lost("again", 6.0)
    assert (state.name, state.pause, state.until, state.since) == (OPEN, 2.0, 8.0, 5.0)


def test_probes_alone_open_it_too_when_nothing_else_is_asked() -> None:
    state = State()
    for _ in range(LOSSES - 1):
        state = state.unheard("no route", 1.0)
    assert state.probed(2.0) == State()
    state = state.unheard("no route", 3.0)
    assert (state.name, state.pause, state.since, state.error) == (OPEN, 1.0, 3.0, "no route")


def test_a_probe_that_is_answered_does_not_hide_lost_calls() -> None:
    state = lost(State(), 1.0, LOSSES - 1).probed(1.0)
    assert lost(state, 2.0).name == OPEN


# --- around calls ---------------------------------------------------------------------------------
def call(breaker: Breaker, error: Exception | None = None, method: str = "extend_share") -> None:
    with breaker.calling(method):
        if error is not None:
            raise error


def opened(error: Exception = LOST) -> Breaker:
    breaker = Breaker()
    for _ in range(LOSSES):
        with pytest.raises(type(error)):
            call(breaker, error)
    return breaker


def test_open_it_lets_no_call_through() -> None:
    breaker = opened()
    with pytest.raises(BackendAway, match="no route"):
        call(breaker)
    assert "no route" in str(breaker.problem)


@pytest.mark.parametrize("error", [None, InvalidShare(reason="it is red")])
def test_any_answer_shows_that_the_backend_is_there(error: Exception | None) -> None:
    breaker = Breaker()
    for _ in range(3 * LOSSES):
        with pytest.raises(StorageCommunicationException):
            call(breaker, LOST)
        try:
            call(breaker, error)
        except InvalidShare:
            continue
    assert breaker.state.name == CLOSED and breaker.problem is None


@pytest.mark.parametrize(
    ("error", "state"), [(LOST, OPEN), (InvalidShare(reason="it is red"), CLOSED)]
)
def test_a_backend_that_nobody_asks_for_anything_is_missed(error: Exception, state: str) -> None:
    breaker = Breaker()
    for _ in range(LOSSES):
        with pytest.raises(type(error)), breaker.probing():
            raise error
    assert breaker.state.name == state
    assert bool(breaker.problem) is (state == OPEN)


@pytest.mark.parametrize("method", sorted(module.MAYBE_LOCAL))
def test_what_a_driver_knows_by_heart_is_no_answer(method: str) -> None:
    breaker = Breaker()
    for _ in range(LOSSES):
        call(breaker, method=method)
        with pytest.raises(StorageCommunicationException):
            call(breaker, LOST)
    assert breaker.state.name == OPEN


def test_half_open_one_call_is_tried_at_a_time() -> None:
    breaker = opened()
    breaker.state = breaker.state.probed(breaker.state.until)
    inside, go_on = threading.Event(), threading.Event()

    def trial() -> None:
        with breaker.calling("extend_share"):
            inside.set()
            go_on.wait(PATIENCE)

    with ThreadPoolExecutor(1) as threads:
        tried = threads.submit(trial)
        assert inside.wait(PATIENCE)
        with pytest.raises(BackendAway):
            call(breaker)
        go_on.set()
        tried.result()
    call(breaker)
    assert breaker.state == State()


# --- two backends ---------------------------------------------------------------------------------
def make_manager(store: Store, folder: Path) -> Manager:
    """Of the backends host@a and host@b, each with an array."""
    backends = [_backend(store, folder, name) for name in "ab"]
    return Manager(store, backends, Options(host="host", threads_per_backend=2))


def _backend(store: Store, folder: Path, name: str) -> Backend:
    values = {
        "driver_handles_share_servers": False,
        "share_backend_name": name,
        "fake_state_path": str(folder / name),
        "fake_pools": ["pool"],
    }
    driver = FakeShareDriver(
        configuration=DictConfiguration(values, config_group=name),
        private_storage=StorePrivateStorage(store, f"host@{name}"),
    )
    return Backend(name, f"host@{name}", driver, "nova")


class Two(Running):
    """Two backends; `array` is that of a, which has the share `on_a`."""

    on_a = ""

    def away(self) -> bool:
        state = {seen.service.host: seen.state for seen in services.find(self.env, ADMIN)}
        return state["host@a"] == "down" and state["host@b"] == "up"

    def break_a(self) -> None:
        self.array.set_fault("*", "error", None, name="StorageCommunicationException")
        shares_resize.extend(self.env, USER, self.on_a, 3)
        wait_for(self.away, PATIENCE)


@pytest.fixture
def two(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.2)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.4)
    made = Two(store, FakeBackend(tmp_path / "a"), make_manager(store, tmp_path))
    made.manager.start()
    try:
        assert made.manager.ready(PATIENCE)
        made.type("on a", {"driver_handles_share_servers": "False", "share_backend_name": "a"})
        wait_for(lambda: len(pools.find(made.env, ADMIN, {})) == 2, PATIENCE)
        made.on_a = made.share(share_type="on a").id
        yield made
    finally:
        made.array.clear_faults()
        made.manager.stop(drain_seconds=5.0)


def test_a_backend_that_is_away_is_out_of_scheduling_and_its_operations_wait(two: Two) -> None:
    two.break_a()
    assert [place.backend for place in pools.find(two.env, ADMIN, {})] == ["b"]
    with pytest.raises(Conflict, match="not answered"):
        services.ensure_shares(two.env, ADMIN, "host@a")
    (facts,) = [s for s in gather(two.store, two.env.settings, "1", 1).services if s.problem]
    assert facts.host == "host@a" and "could not be reached" in str(facts.problem)
    tries = len(two.array.calls("extend_share"))
    assert tries <= LOSSES + 1
    for _ in range(3):  # the other one works, and takes what is new
        wanted = shares_create.NewShare(share_proto="NFS", size=1)
        made = shares_create.create(two.env, USER, wanted).id
        wait_for(lambda made=made: two.look(made).status == "available", PATIENCE)  # type: ignore[misc]
        assert two.look(made).host == "host@b#pool"
    probes = len(two.array.calls("get_share_stats"))
    wait_for(lambda: len(two.array.calls("get_share_stats")) > probes + 2, PATIENCE)
    assert len(two.array.calls("extend_share")) == tries
    assert two.look(two.on_a).status == "extending" and two.told(two.on_a) == []
    two.array.clear_faults()
    two.settle()
    assert (two.look(two.on_a).status, two.look(two.on_a).size) == ("available", 3)
    wait_for(lambda: len(pools.find(two.env, ADMIN, {})) == 2, PATIENCE)
    assert not two.away()


def test_a_forced_deletion_gives_up_on_a_backend_that_stays_away(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.break_a()
    shares.delete(two.env, ADMIN, two.on_a, force=True)
    monkeypatch.setattr(backend_module, "FORCE_PATIENCE", 0.0)
    wait_for(lambda: two.is_gone(two.on_a), PATIENCE)
    assert two.told(two.on_a) == [("007", "001")]


def test_a_report_does_not_hide_a_problem_that_is_newer(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor in the transaction of a report, which began when there was none."""
    manager, (backend, _) = two.manager, two.manager.backends
    monkeypatch.setattr(module, "FIRST_PAUSE", 600.0)  # nobody says it a second time
    monkeypatch.setattr(module, "LONGEST_PAUSE", 600.0)
    begin, opened = manager.store.transaction, threading.Event()
    reporting = threading.current_thread()

    def late(**keywords: bool) -> AbstractContextManager[Tx]:
        """Between the question and the answer of the report everything else happens."""
        if threading.current_thread() is reporting and not opened.is_set():
            opened.set()
            for _ in range(LOSSES):
                with pytest.raises(StorageCommunicationException):
                    call(backend.breaker, LOST)
        return begin(**keywords)

    monkeypatch.setattr(manager.store, "transaction", late)
    manager._report(backend)
    assert two.away()


def test_a_restarted_manager_asks_again(two: Two, tmp_path: Path) -> None:
    two.break_a()
    two.array.clear_faults()
    two.manager.stop(drain_seconds=5.0)
    successor = make_manager(two.store, tmp_path)
    successor.start()
    try:
        assert crash.settle(two.store, PATIENCE)
        wait_for(lambda: not two.away() and two.look(two.on_a).size == 3, PATIENCE)
    finally:
        successor.stop(drain_seconds=5.0)
