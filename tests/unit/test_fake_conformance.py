"""The fake driver is certified by the kit, with synchronous and with asynchronous clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.drivers.contract import DictConfiguration, MemoryPrivateStorage
from abaca.drivers.fake import FakeShareDriver
from abaca.testing.conformance import DriverConformance


class TestFake(DriverConformance):
    slow = 0.0

    @pytest.fixture
    def driver(self, tmp_path: Path) -> FakeShareDriver:
        configuration = DictConfiguration(
            {
                "driver_handles_share_servers": False,
                "fake_state_path": str(tmp_path),
                "fake_clone_seconds": self.slow,
                "fake_revert_seconds": self.slow,
            }
        )
        driver = FakeShareDriver(
            configuration=configuration, private_storage=MemoryPrivateStorage()
        )
        return driver

    def write(self, driver, share, name, data):
        driver.backend.write_file(share.id, name, data)

    def read(self, driver, thing, name):
        return driver.backend.read_file(thing.id, name)

    def fill(self, driver, share, gib):
        driver.backend.set_used(share.id, gib + 0.5)

    def exists(self, driver, thing):
        return thing.id in {*driver.backend.shares(), *driver.backend.snapshots()}

    def rules_in_force(self, driver, thing):
        return {
            (rule["access_type"], rule["access_to"], rule["access_level"])
            for rule in driver.backend.rules(thing.id)
        }


class TestFakeAsynchronous(TestFake):
    slow = 0.05
