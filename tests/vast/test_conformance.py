"""The VAST driver is certified by the kit, with clones that are done at once and later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.contract.records import Snapshot
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.conformance import DriverConformance
from abaca.testing.conformance.kit import Kit
from abaca.testing.conformance.snapshots import SnapshotConformance
from abaca.testing.vms import running
from vast.kit import POOL, make_driver

LEVELS = {"nfs_read_write": "rw", "nfs_read_only": "ro"}


class Vast(Kit):
    """What both have in common."""

    bad_rules = (("user", "alice"), ("cert", "client"), ("ip", "192.0.2.7/99"))
    clone_seconds = 0.0

    @pytest.fixture
    def driver(self, tmp_path: Path) -> Iterator[VastShareDriver]:
        with running(tmp_path, clone_seconds=self.clone_seconds) as vms:
            vms.array.add_pool("pool", *POOL)
            driver = make_driver(vms)
            driver.test_array = vms.array
            yield driver

    def _path(self, driver, share):
        return driver.test_array.named("views", share.id)["path"]

    def write(self, driver, share, name, data):
        driver.test_array.write_file(self._path(driver, share), name, data)

    def read(self, driver, thing, name):
        return driver.test_array.read_file(self._path(driver, thing), name)

    def fill(self, driver, share, gib):
        driver.test_array.set_used(self._path(driver, share), gib + 0.5)

    def exists(self, driver, thing):
        array = driver.test_array
        if isinstance(thing, Snapshot):
            return array.named("snapshots", thing.provider_location or thing.name) is not None
        traces = [array.named(kind, thing.id) for kind in ("views", "quotas", "viewpolicies")]
        assert all(traces) or not any(traces)
        assert (driver._directory(thing.id) in array.directories()) is all(traces)
        return all(traces)

    def rules_in_force(self, driver, thing):
        policy = driver.test_array.named("viewpolicies", thing.id)
        return {("ip", host, level) for name, level in LEVELS.items() for host in policy[name]}


class TestVast(Vast, DriverConformance):
    pass


class TestVastSlowClones(Vast, SnapshotConformance):
    clone_seconds = 0.05
