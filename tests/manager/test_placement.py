"""Where shares go and whether they may grow, with a real manager and a simulated array."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from abaca.drivers.ganesha.processes import wait_until
from abaca.model import clock
from abaca.model.messages import Message
from abaca.model.operations import lock_key
from abaca.model.shares import Share
from abaca.scheduler.placement import Placer
from abaca.service import shares, shares_resize
from abaca.service.placement import NobodyUp, Scheduling, place
from abaca.store import messages, services, types
from abaca.store.engine import Store, Tx
from support.running import SPECS, USER, Running, running


def message(world: Running, share: Share) -> Message:
    """The only message about a share."""
    with world.store.read() as tx:
        found = [messages.get(tx, row.id) for row in tx.all(messages.messages.select())]
    [one] = [each for each in found if each is not None and each.resource_id == share.id]
    return one


def extend(world: Running, share: Share, size: int, *, force: bool = False) -> Share:
    shares_resize.extend(world.env, USER, share.id, size, force=force)
    world.settle()
    return world.look(share.id)


def test_no_pool_fits(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, fake_pools=["a:10", "b:20"]) as world:
        share = world.share(size=21)
        assert share.status == "error" and share.host is None
        told = message(world, share)
        assert (told.action_id, told.detail_id) == ("001", "009")
        assert (
            "No storage pool can take a share of 21 GiB: all 2 have too little free space."
            in told.user_message
        )
        assert "@" not in told.user_message and "#" not in told.user_message
        [operation] = world.operations(share.id)
        assert operation.state == "failed"
        assert "CapacityFilter 2 -> 0 (host@fake#a: 21 GiB are asked" in (operation.message or "")
        assert world.violations() == []


def test_shares_go_where_there_is_room_until_there_is_none(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, fake_pools=["a:10", "b:20"]) as world:
        hosts = [world.share(size=10).host for _ in range(4)]
        assert hosts[:3].count("host@fake#b") == 2 and hosts[:3].count("host@fake#a") == 1
        assert hosts[3] is None
        assert world.violations() == []


def test_room_that_a_deletion_made_is_known_soon(store: Store, tmp_path: Path) -> None:
    never = {"report_interval": 3600.0}
    with running(store, tmp_path, never, fake_pools=["a:10"]) as world:
        share = world.share(size=10)
        world.manager._report(world.manager.backends[0])
        assert reported_free(store) == 0
        shares.delete(world.env, USER, share.id)
        deadline = time.monotonic() + 30
        while reported_free(store) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert world.share(size=10).status == "available"


def reported_free(store: Store) -> float:
    with store.read() as tx:
        [pool] = services.pools_all(tx)
    return float(pool.stats["free_capacity_gb"])


def test_a_share_grows_as_far_as_its_pool_has_room(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, fake_pools=["a:10"]) as world:
        share = world.share(size=4)
        grown = extend(world, share, 10)
        assert (grown.status, grown.size) == ("available", 10)
        assert world.told(share.id) == []
        assert world.used("gigabytes") == [10]
        assert world.violations() == []


def test_a_share_that_cannot_grow_stays_as_it_was(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, fake_pools=["a:10", "b:100"]) as world:
        specs = {"driver_handles_share_servers": "False", "pool_name": "a"}
        share = world.share(size=4, share_type=world.type("small", specs))
        refused = extend(world, share, 11)
        assert (refused.status, refused.size) == ("available", 4)
        assert world.used("gigabytes") == [4]
        told = message(world, share)
        assert (told.action_id, told.detail_id) == ("008", "009")
        assert (
            "The share cannot have 7 GiB more: its pool has too little free space."
            in told.user_message
        )
        assert "@" not in told.user_message
        assert world.violations() == []
        assert extend(world, share, 10).size == 10  # what was booked has come back


def test_with_force_only_the_backend_decides(store: Store, tmp_path: Path) -> None:
    with running(store, tmp_path, fake_pools=["a:10"]) as world:
        share = world.share(size=4)
        share = extend(world, share, 11, force=True)
        assert (share.status, share.size) == ("available", 4)
        assert world.told(share.id) == [("008", "009")]
        assert world.violations() == []


@pytest.mark.parametrize("moves", [False, True])
def test_a_clone_stays_in_the_pool_of_its_snapshot_unless_it_may_move(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    monkeypatch.setattr(Scheduling, "clones_move", moves)
    with running(store, tmp_path, fake_pools=["a:20", "b:20"]) as world:
        share = world.share(size=12)
        snapshot = world.snapshot(share)
        clone = world.share(size=12, snapshot_id=snapshot.id)
        if moves:
            assert clone.host not in (None, share.host)
        else:
            assert clone.status == "error" and clone.host is None
            told = message(world, clone)
            assert told.detail_id == "009"
            assert (
                "No storage pool can take a share of 12 GiB made from this snapshot: the only one "
                "has too little free space." in told.user_message
            )


def test_a_share_that_its_backend_has_extended_is_not_refused_afterwards(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer got lost, and the next report counts what was added as used."""
    with running(store, tmp_path, fake_pools=["a:10"]) as world:
        share = world.share(size=4)
        [backend] = world.manager.backends
        real, calls = backend.driver.extend_share, []

        def lost_once(*args: object, **keywords: object) -> None:
            real(*args, **keywords)
            calls.append(args)
            if len(calls) == 1:
                world.manager._report(backend)
                raise ConnectionResetError("the answer was lost")

        monkeypatch.setattr(backend.driver, "extend_share", lost_once)
        grown = extend(world, share, 10)
        assert len(calls) == 2
        assert (grown.status, grown.size) == ("available", 10)
        assert world.violations() == []


HOST = "host@fake"


def allocated(store: Store) -> list[int]:
    with store.read() as tx:
        return [pool.allocated_gb for pool in services.pools_all(tx)]


def test_a_pool_that_is_missing_in_a_report_keeps_its_bookings(
    store: Store, tmp_path: Path
) -> None:
    with running(store, tmp_path, fake_pools=["a:10"]) as world:
        world.share(size=7)
        with store.transaction() as tx:
            services.report_pools(tx, HOST, {})
        assert allocated(store) == []
        world.manager._report(world.manager.backends[0])
        assert allocated(store) == [7]
        assert world.violations() == []


def test_a_booking_that_another_transaction_overtook_is_judged_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two placements see the same room; only one of them gets it."""
    with running(store, tmp_path, fake_pools=["a:10", "b:9"]) as world:
        real, overtaken = services.book_if, []

        def overtake(tx: Tx, host: str, delta: int, seen: int) -> bool:
            if not overtaken:
                overtaken.append(host)
                services.book(tx, host, 5)  # as if another one had committed it just now
            return real(tx, host, delta, seen)

        monkeypatch.setattr(services, "book_if", overtake)
        share = world.share(size=8)
        assert overtaken == ["host@fake#a"]
        assert share.host == "host@fake#b"


def test_a_service_that_was_stopped_gets_nothing_from_that_moment(
    store: Store, tmp_path: Path
) -> None:
    never = {"report_interval": 3600.0}
    with running(store, tmp_path, never, fake_pools=["a:10"]) as world:
        share = world.share(size=1)
        with store.transaction() as tx:
            services.mark_stopped(tx, [HOST])
            kind = types.named(tx, share.share_type_id or "")
            with pytest.raises(NobodyUp):
                place(tx, share, kind, {}, is_admin=False)


class Skewed(clock.Clock):
    """The clock of a host that is an hour ahead."""

    def now(self) -> float:
        return super().now() + 3600


def test_a_host_whose_clock_is_wrong_takes_no_service_for_dead(
    store: Store, tmp_path: Path
) -> None:
    if store.dialect == "sqlite":
        pytest.skip("SQLite is on one machine, which has one clock")
    with running(store, tmp_path, fake_pools=["a:10"]) as world:
        share = world.share(size=1)
        clock.install(Skewed())
        try:
            with store.transaction() as tx:
                kind = types.named(tx, share.share_type_id or "")
                assert place(tx, share, kind, {}, is_admin=False).host == "host@fake#a"
        finally:
            clock.install(None)


def test_a_service_is_up_while_its_driver_takes_long_for_a_look(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = {"report_interval": 0.05, "drift_interval": 0.05}
    with running(store, tmp_path, often, fake_pools=["a:10"]) as world:
        hanging, go_on = threading.Event(), threading.Event()
        driver = world.manager.backends[0].driver

        def slow(context: object) -> list[object]:
            hanging.set()
            go_on.wait(60)
            return []

        monkeypatch.setattr(driver, "get_inventory", slow)
        try:
            assert hanging.wait(30)
            before = reported_at(store)
            assert wait_until(lambda: reported_at(store) > before, 30)
        finally:
            go_on.set()


def reported_at(store: Store) -> float:
    with store.read() as tx:
        found = services.service(tx, HOST, "manila-share")
    assert found is not None
    return found.reported_at


def test_two_backends_of_one_long_host_name_are_ensured_side_by_side() -> None:
    host = "h" * 70
    one, other = lock_key(f"ensure:{host}@one"), lock_key(f"ensure:{host}@two")
    assert one != other
    assert max(len(one), len(other)) <= 64


def test_a_backend_refuses_extra_specs_also_where_no_filter_did(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler's filters are the operator's to choose."""
    with running(store, tmp_path) as world:
        type_id = world.type("strange", {**SPECS, "fake:colour": "blue"})
        told = message(world, world.share(share_type=type_id))
        assert (told.action_id, told.detail_id) == ("001", "008")
        monkeypatch.setattr(Scheduling, "placer", Placer(["CapacityFilter"]))
        share = world.share(share_type=type_id)
        assert (share.status, share.host) == ("error", "host@fake#fake")
        told = message(world, share)
        assert (told.action_id, told.detail_id) == ("002", "008")
        [operation] = world.operations(share.id)
        assert "does not know the extra spec 'fake:colour'" in (operation.message or "")
        assert world.array.shares() == {}
