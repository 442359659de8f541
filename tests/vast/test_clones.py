"""Shares from snapshots: copied in the background."""

from __future__ import annotations

import pytest

from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.vast.array import Stream
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array
from vast.kit import CONTEXT, created, in_force, new_share, new_snapshot


def test_a_clone_tells_its_progress_and_nobody_reaches_it_early(
    driver: VastShareDriver, array: Array
) -> None:
    array.configure(clone_seconds=3600.0)
    source, clone = created(driver), new_share(size=2)
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    made = driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert made == {"status": "creating_from_snapshot", "progress": "0%"}
    assert driver.get_share_status(clone) == made
    assert array.named("views", clone.id) is None
    array.configure(clone_seconds=0.0)
    polled = driver.get_share_status(clone)
    assert (polled["status"], polled["progress"]) == ("available", "100%")
    assert in_force(array, clone) == {}


@pytest.mark.parametrize("state", ["FAILED", "ERROR"])
def test_a_clone_that_fails_is_in_error_and_can_be_deleted(
    driver: VastShareDriver, array: Array, state: str
) -> None:
    array.configure(clone_state=state)
    source, clone = created(driver), new_share()
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    before = array.everything()
    with pytest.raises(ManilaException, match="the copy for share"):
        driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert driver.get_share_status(clone) == {"status": "error"}
    driver.delete_share(CONTEXT, clone)
    assert array.everything() == before


def test_a_clone_that_ends_while_it_is_to_be_stopped(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    array.configure(clone_seconds=3600.0)
    source, clone = created(driver), new_share()
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    before = array.everything()
    driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    real = driver.array.stop

    def late(stream: Stream) -> None:
        array.configure(clone_seconds=0.0)
        real(stream)

    monkeypatch.setattr(driver.array, "stop", late)
    driver.delete_share(CONTEXT, clone)
    assert array.everything() == before


def test_a_clone_of_a_snapshot_that_is_gone(driver: VastShareDriver) -> None:
    share = created(driver)
    with pytest.raises(ManilaException) as caught:
        driver.create_share_from_snapshot(CONTEXT, new_share(), new_snapshot(share))
    assert is_a(caught.value, "SnapshotResourceNotFound")
