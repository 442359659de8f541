"""A simulated array of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.vast import session
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running, running
from vast.kit import POOL, make_driver


@pytest.fixture
def vms(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "vms") as vms:
        vms.array.add_pool("pool", *POOL)
        yield vms


@pytest.fixture
def array(vms: Running) -> Array:
    return vms.array


@pytest.fixture
def driver(vms: Running) -> VastShareDriver:
    return make_driver(vms)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between tries."""
    monkeypatch.setattr(session, "FIRST_PAUSE", 0.0)
