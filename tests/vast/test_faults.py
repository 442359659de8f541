"""Whatever happens to any one request of any call: called again, the array is as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from abaca.drivers.contract import MemoryPrivateStorage
from abaca.drivers.contract.errors import ManilaException, is_a, transient
from abaca.drivers.vast.array import Array as DriversArray
from abaca.drivers.vast.driver import VastShareDriver
from abaca.drivers.vast.session import Session
from abaca.testing.vms import Running
from vast.kit import CONTEXT, make_driver
from vast.scenes import SCENES, Scene

SHORT = 0.1  # seconds; of a client that gets no answer
FAULTS: dict[str, dict[str, Any]] = {
    "expired": {},
    "refused": {},
    "unavailable": {},
    "slow": {"seconds": 0.002},
    "cut": {},
    "torn": {},
    "lost": {},
}
HARMLESS = ("expired", "slow")  # the caller notices nothing


class Stage:
    """One array, on which the same scene is played again and again."""

    def __init__(self, vms: Running, scene: Scene, kind: str) -> None:
        self.vms, self.array, self.scene, self.kind = vms, vms.array, scene, kind
        self.driver = make_driver(vms)
        self.requests, self.wanted = self._undisturbed()

    def _undisturbed(self) -> tuple[int, dict[str, Any]]:
        self.prepare()
        before = len(self.array.requests())
        self.scene.call(self.driver)
        return len(self.array.requests()) - before, self.array.everything()

    def prepare(self) -> dict[str, Any]:
        """What is there before."""
        self.array.reset()
        self.array.configure(clone_seconds=0.0)
        self.array.add_directory("/manila")
        self.driver.private_storage = MemoryPrivateStorage()
        self.scene.prepare(self.driver, self.array)
        return self.array.everything()

    def disturb(self, index: int) -> Exception | None:
        """The call, with its request of this number disturbed; what it raised."""
        self.array.fault(self.kind, after=index, **FAULTS[self.kind])
        try:
            with self._impatient() if self.kind == "lost" else nullcontext():
                self.scene.call(self.driver)
        except (ManilaException, AssertionError) as error:
            return error
        finally:
            self.array.clear_faults()
        return None

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        """A client that soon gives up; at the end everything it asked for is done."""
        session = Session(replace(self.driver._settings(), timeout=SHORT))
        self.driver.array.session.close()
        self.driver._array = DriversArray(session)
        try:
            yield
        finally:
            session.close()
            assert self.vms.server.wait_for_quiet()
            self.driver.do_setup(CONTEXT)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("scene", SCENES)
def test_called_again_all_is_right(vms: Running, scene: str, kind: str) -> None:
    stage = Stage(vms, SCENES[scene], kind)
    assert stage.requests > 0
    for index in range(stage.requests):
        stage.prepare()
        error = stage.disturb(index)
        if kind in HARMLESS:
            assert error is None, f"request {index}: {error!r}"
        elif kind != "refused":
            assert error is None or transient(error), f"request {index}: {error!r}"
        stage.scene.call(stage.driver)
        assert stage.array.everything() == stage.wanted, f"after a fault of request {index}"


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("scene", [name for name in SCENES if SCENES[name].undo])
def test_deleted_after_a_failure_nothing_is_left(vms: Running, scene: str, kind: str) -> None:
    stage = Stage(vms, SCENES[scene], kind)
    assert stage.scene.undo is not None
    for index in range(stage.requests):
        before = stage.prepare()
        stage.disturb(index)
        stage.scene.undo(stage.driver)
        assert stage.array.everything() == before, f"after a fault of request {index}"


def test_an_array_that_refuses_is_quoted(vms: Running, driver: VastShareDriver) -> None:
    vms.array.fault("refused", text="license\x1b[31m expired", times=None)
    with pytest.raises(ManilaException, match=r"400 .*license.* expired") as caught:
        driver.get_share_stats(refresh=True)
    assert is_a(caught.value, "VastApiException")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("unavailable", "VastApiRetry"), ("cut", "StorageCommunicationException")],
)
def test_tries_are_bounded(vms: Running, driver: VastShareDriver, kind: str, name: str) -> None:
    before = len(vms.array.requests())
    vms.array.fault(kind, times=None)
    with pytest.raises(ManilaException) as caught:
        driver.get_share_stats(refresh=True)
    assert is_a(caught.value, name)
    assert transient(caught.value)
    assert len(vms.array.requests()) - before == 3
