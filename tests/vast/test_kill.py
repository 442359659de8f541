"""kill -9 of the process that drives the array, before and after every request of every call."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.testing.crash import processes
from abaca.testing.vms import Running
from vast.kit import FilePrivateStorage, Where, make_driver
from vast.scenes import SCENES, play

LOOKING = ("inventory", "statistics", "backend info", "used sizes")
CHANGING = [name for name in SCENES if name not in LOOKING]
PATIENCE = 60.0  # seconds; a loaded machine


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "private"


def prepare(vms: Running, folder: Path, scene: str) -> dict[str, Any]:
    for entity in FilePrivateStorage(folder).entities():
        FilePrivateStorage(folder).remove(entity, None)
    vms.array.reset()
    vms.array.configure(clone_seconds=0.0)
    vms.array.add_directory("/manila")
    SCENES[scene].prepare(make_driver(vms, FilePrivateStorage(folder)), vms.array)
    return vms.array.everything()


def killed(vms: Running, folder: Path, scene: str, index: int, when: str) -> int | None:
    """Play the scene in another process, which dies at its request of this number."""
    here, there = processes.Pipe()
    process = processes.Process(
        target=play, args=(Where(vms.host, vms.port, vms.ca), folder, scene, there)
    )
    process.start()
    there.close()
    assert here.recv() == "ready"
    vms.array.fault("kill", after=index, pid=process.pid, when=when)
    here.send("go")
    process.join(PATIENCE)
    vms.array.clear_faults()
    if process.is_alive():
        process.kill()
        process.join()
    assert vms.server.wait_for_quiet()
    return process.exitcode


@pytest.mark.parametrize("scene", CHANGING)
def test_killed_at_any_request_it_is_taken_up_again(vms: Running, folder: Path, scene: str) -> None:
    prepare(vms, folder, scene)
    driver = make_driver(vms, FilePrivateStorage(folder))
    before = len(vms.array.requests())
    SCENES[scene].call(driver)
    requests, wanted = len(vms.array.requests()) - before, vms.array.everything()
    owned = FilePrivateStorage(folder).entities()
    driver.array.session.close()
    # after the n-th request and before the next one are the same to the array
    for index, when in [(0, "before"), *((index, "after") for index in range(requests))]:
        prepare(vms, folder, scene)
        assert killed(vms, folder, scene, index, when) == -signal.SIGKILL
        SCENES[scene].call(make_driver(vms, FilePrivateStorage(folder)))
        assert vms.array.everything() == wanted, f"killed {when} request {index}"
        assert FilePrivateStorage(folder).entities() == owned


@pytest.mark.parametrize("scene", [name for name in CHANGING if SCENES[name].undo])
def test_killed_at_any_request_it_can_be_deleted(vms: Running, folder: Path, scene: str) -> None:
    prepare(vms, folder, scene)
    driver = make_driver(vms, FilePrivateStorage(folder))
    before = len(vms.array.requests())
    SCENES[scene].call(driver)
    requests = len(vms.array.requests()) - before
    driver.array.session.close()
    undo = SCENES[scene].undo
    assert undo is not None
    for index in range(requests):
        there = prepare(vms, folder, scene)
        owned = FilePrivateStorage(folder).entities()
        assert killed(vms, folder, scene, index, "after") == -signal.SIGKILL
        undo(make_driver(vms, FilePrivateStorage(folder)))
        assert vms.array.everything() == there, f"killed after request {index}"
        assert FilePrivateStorage(folder).entities() == owned
