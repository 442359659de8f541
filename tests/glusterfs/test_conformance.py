"""The contract's own kit, run on the GlusterFS driver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import pytest

from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from abaca.testing.conformance import DriverConformance
from glusterfs.kit import Backend

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


class TestDirectoriesByGanesha(DriverConformance):
    bad_rules: ClassVar[tuple[tuple[str, str], ...]] = (
        ("carrier-pigeon", "coop"),
        ("user", "alice"),
        ("cert", "client1"),
        ("ip", "no.such.host"),
    )

    @pytest.fixture
    def driver(self, local_backend: Backend) -> GlusterfsShareDriver:
        return local_backend.driver

    def write(self, driver: Any, share: Any, name: str, data: bytes) -> None:
        (self._path(driver, share) / name).write_bytes(data)

    def read(self, driver: Any, thing: Any, name: str) -> bytes | None:
        file = self._path(driver, thing) / name
        return file.read_bytes() if file.exists() else None

    def fill(self, driver: Any, share: Any, gib: float) -> None:
        with (self._path(driver, share) / "filling").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, int(gib * (1 << 30)) + (1 << 20))

    def exists(self, driver: Any, thing: Any) -> bool:
        return self._path(driver, thing).exists()

    def rules_in_force(self, driver: Any, thing: Any) -> set[tuple[str, str, str]]:
        export = driver.exporter.table.get(thing["name"])
        return {
            (
                "ip",
                str(c.network) if c.network.num_addresses > 1 else str(c.network.network_address),
                "rw" if c.writable else "ro",
            )
            for c in (export.clients if export else ())
        }

    def _path(self, driver: Any, thing: Any) -> Path:
        path: Path = driver.layout.mount.root / thing["name"]
        unmanaged = path.with_name(f"{path.name}.unmanaged")
        return unmanaged if unmanaged.exists() else path
