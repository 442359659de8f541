"""A driver whose calls do not return: they are given up, and none is made beside another."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from abaca.drivers.contract.errors import StorageCommunicationException
from abaca.manager import breaker, drift
from abaca.manager import calls as module
from abaca.manager.calls import Calls, still_wanted
from abaca.manager.private_storage import StorePrivateStorage
from abaca.model.errors import BackendAway, LeaseLost
from abaca.model.shares import Share
from abaca.operations.job import Retry
from abaca.service import services, shares, shares_resize
from abaca.store.engine import Store
from abaca.testing import crash
from store.test_operations import wait_for
from support.running import ADMIN, PATIENCE, USER, Running, running

LIMIT = 0.2  # seconds; only while calls hang: those that work may take long on a busy machine


class Hanging:
    """Calls that return when they are told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.after: Callable[[], object] = lambda: None
        self.ended: list[object] = []

    def __call__(self) -> str:
        self.go_on.wait(PATIENCE)
        try:
            self.after()
        except LeaseLost as error:
            self.ended.append(error)
            raise
        self.ended.append(None)
        return "late"


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.go_on.set()


@pytest.fixture
def calls() -> Iterator[Calls]:
    made = Calls("b", 0.05)
    yield made
    made.stop()


def hang(calls: Calls, hanging: Hanging, key: str = "share") -> None:
    with pytest.raises(StorageCommunicationException, match="did not return within"):
        calls.make("extend_share", key, hanging)


# --- calls ----------------------------------------------------------------------------------------
def test_what_a_call_returns_or_raises_is_its_answer(calls: Calls) -> None:
    assert calls.make("x", "k", lambda: 5) == 5
    with pytest.raises(NotImplementedError):
        calls.make("x", "k", lambda: (_ for _ in ()).throw(NotImplementedError()))
    with pytest.raises(module.ForeignError, match="SystemExit: 3"):
        calls.make("x", "k", lambda: (_ for _ in ()).throw(SystemExit(3)))


def test_threads_are_used_again(calls: Calls) -> None:
    ran = {calls.make("x", "k", threading.get_ident) for _ in range(20)}
    assert len(ran) == 1


def test_nothing_else_is_called_for_a_share_until_its_call_has_returned(
    calls: Calls, hanging: Hanging
) -> None:
    hang(calls, hanging)
    with pytest.raises(StorageCommunicationException, match="has not returned"):
        calls.check("share")
    calls.check("another")
    hanging.go_on.set()
    wait_for(lambda: _free(calls, "share"), PATIENCE)


def _free(calls: Calls, key: str) -> bool:
    try:
        calls.check(key)
    except StorageCommunicationException:
        return False
    return True


def test_the_number_of_calls_that_hang_is_bounded(calls: Calls, hanging: Hanging) -> None:
    told: list[str | None] = []
    calls.changed = lambda: told.append(calls.problem)
    for number in range(module.MOST):
        calls.check("another")
        hang(calls, hanging, f"share {number}")
    with pytest.raises(BackendAway, match="8 calls of its driver do not return"):
        calls.check("another")
    hanging.go_on.set()
    wait_for(lambda: len(told) == 2, PATIENCE)
    assert "restart abaca" in str(told[0]) and told[1] is None
    calls.check("another")


def test_what_was_given_up_writes_nothing_any_more(
    store: Store, calls: Calls, hanging: Hanging
) -> None:
    storage, share = StorePrivateStorage(store, "host@b"), str(uuid.uuid4())
    hanging.after = lambda: storage.update(share, {"key": "late"})
    calls.make("x", "k", lambda: storage.update(share, {"key": "in time"}))
    hang(calls, hanging)
    hanging.go_on.set()
    wait_for(lambda: len(hanging.ended) == 1, PATIENCE)
    assert isinstance(hanging.ended[0], LeaseLost)
    assert storage.get(share, "key") == "in time"


def test_a_call_is_not_given_up_while_it_writes(calls: Calls, hanging: Hanging) -> None:
    """Else its write could come after that of its successor."""
    written = threading.Event()

    def write() -> None:
        with still_wanted():
            written.wait(0.3)  # longer than the limit
            written.set()
        hanging()

    with pytest.raises(StorageCommunicationException):
        calls.make("x", "k", write)
    assert written.is_set()


# --- in a manager ---------------------------------------------------------------------------------
@pytest.fixture
def world(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(Retry, "delay", lambda retry, attempt: 0.01)
    monkeypatch.setattr(breaker, "LOSSES", 1000)
    with running(store, tmp_path / "array") as world:
        yield world
        world.array.clear_faults()
        world.settle()


def extend(world: Running, share: Share, size: int = 3) -> None:
    shares_resize.extend(world.env, USER, share.id, size)


@contextmanager
def impatient(world: Running) -> Iterator[None]:
    """Calls are given up soon; to be used around calls that do not return."""
    calls = world.manager.backends[0].calls
    patient, calls.seconds = calls.seconds, LIMIT
    yield
    calls.seconds = patient


def overlapping(world: Running, share: Share) -> int:
    """How many calls for the share began while another was under way."""
    found = world.array.calls(resource=share.instance_id)
    return sum(
        not (before["finished"] and before["finished"] <= after["started"])
        for before, after in pairwise(found)
    )


def test_a_call_that_never_returns_costs_neither_the_share_nor_the_backend(world: Running) -> None:
    stuck = [world.share() for _ in range(3)]  # more than the backend has threads
    other = world.share()
    with impatient(world):
        for share in stuck:
            world.array.set_fault("extend_share", "block", resource=share.instance_id)
            extend(world, share)
        world.settle()
    for share in stuck:
        assert world.look(share.id).status == "extending_error"
        (message,) = world.messages(share.id)
        assert "did not answer" in message.user_message
        assert "ask your administrator" in message.user_message
    extend(world, other)
    world.settle()
    assert world.look(other.id).size == 3
    shares.delete(world.env, ADMIN, stuck[0].id, force=True)  # waits, and ends without overlapping
    world.settle()
    assert world.is_gone(stuck[0].id)
    assert [overlapping(world, share) for share in stuck] == [0, 0, 0]


def test_what_a_call_does_that_returns_after_all_is_found(world: Running) -> None:
    share = world.share()
    world.array.set_fault("extend_share", "block", resource=share.instance_id)
    with impatient(world):
        extend(world, share)
        world.settle()
    assert world.look(share.id).status == "extending_error"
    backend = world.manager.backends[0]
    world.array.clear_faults()
    wait_for(lambda: _free(backend.calls, share.instance_id), PATIENCE)
    drift.look(backend, world.store, repair=True)
    world.settle()
    assert (world.look(share.id).status, world.look(share.id).size) == ("available", 3)
    assert world.used("gigabytes") == [3] and world.violations() == []
    assert len(world.array.calls("extend_share")) == 1


def test_a_backend_whose_calls_all_hang_says_so_and_works_again_when_they_return(
    world: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    share, other = world.share(), world.share()
    world.array.set_fault("extend_share", "block", resource=share.instance_id)

    def problem() -> str | None:
        found = services.find(world.env, ADMIN)
        return next(s.service.problem for s in found if s.service.host == crash.HOST)

    with impatient(world):
        extend(world, share)
        wait_for(lambda: "do not return" in str(problem()), PATIENCE)
    extend(world, other)
    world.array.clear_faults()
    world.settle()
    assert world.look(other.id).size == 3 and world.told(other.id) == []
    assert (world.look(share.id).status, world.look(share.id).size) == ("available", 3)
    wait_for(lambda: problem() is None, PATIENCE)
