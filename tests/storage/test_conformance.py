"""The contract's own kit, run on the local driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from abaca.drivers.local import btrfs
from abaca.drivers.local.driver import LocalShareDriver
from abaca.testing.conformance import DriverConformance
from storage.kit import Backend, running, why_not

pytestmark = pytest.mark.storage


@pytest.fixture(scope="module")
def conforming() -> Iterator[Backend]:
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running() as backend:
        yield backend


class TestLocalNfs(DriverConformance):
    bad_rules: ClassVar[tuple[tuple[str, str], ...]] = (
        ("carrier-pigeon", "coop"),
        ("user", "alice"),
        ("ip", "no.such.host"),
    )

    @pytest.fixture
    def driver(self, conforming: Backend) -> LocalShareDriver:
        return conforming.driver

    def write(self, driver: Any, share: Any, name: str, data: bytes) -> None:
        (self._path(driver, share) / name).write_bytes(data)

    def read(self, driver: Any, thing: Any, name: str) -> bytes | None:
        file = self._path(driver, thing) / name
        return file.read_bytes() if file.exists() else None

    def fill(self, driver: Any, share: Any, gib: float) -> None:
        path = driver.share_path(share["id"]) / "filling"
        with path.open("wb") as file:
            for _ in range(int(gib * 16) + 1):
                file.write(b"x" * (64 << 20))
        btrfs.commit(path.parent)

    def exists(self, driver: Any, thing: Any) -> bool:
        return bool(self._path(driver, thing).exists())

    def rules_in_force(self, driver: Any, thing: Any) -> set[tuple[str, str, str]]:
        kind = "snapshot" if "share_instance_id" in thing else "share"
        place = driver.exporter("NFS").shards.find(f"{kind}-{thing['id']}")
        clients = place.export.clients if place else ()
        return {
            (
                "ip",
                str(c.network) if c.network.num_addresses > 1 else str(c.network.network_address),
                "rw" if c.writable else "ro",
            )
            for c in clients
        }

    def _path(self, driver: Any, thing: Any) -> Any:
        if "share_instance_id" in thing:
            return driver.snapshot_path(thing["id"])
        path = driver.share_path(thing["id"])
        unmanaged = driver.pool.unmanaged / f"share-{thing['id']}"
        return unmanaged if unmanaged.exists() else path
