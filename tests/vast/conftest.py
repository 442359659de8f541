"""A simulated array of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.vast import session
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running, running
from vast.client import Client
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


@pytest.fixture
def client(vms: Running) -> Client:
    client = Client(vms.port, vms.ca)
    assert client.log_in().status == 200
    return client


@pytest.fixture
def ids(client: Client, array: Array) -> dict[str, int]:
    """One object of each kind."""
    found = {"p": client.made("viewpolicies/", name="policy")}
    place = {"path": "/root/dir", "create_dir": True}
    found["q"] = client.made("quotas/", name="quota", **place)
    found["v"] = client.made("views/", name="view", policy_id=found["p"], **place)
    found["unused"] = client.made("viewpolicies/", name="unused")
    source = client.made("snapshots/", name="source", path="/root/dir")
    found["s"] = client.made("snapshots/", name="snapshot", path="/root/dir/")
    clone = f"snapshots/{source}/clone/"
    found["g"] = client.made(clone, name="stream", loanee_root_path="/root/stream")
    array.configure(clone_seconds=3600.0)
    found["running"] = client.made(clone, name="running", loanee_root_path="/root/running")
    array.change("globalsnapstreams", "stream", stopped=True)
    return found
