"""The contract's own kit, run on the local driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from abaca.drivers.local import btrfs
from abaca.drivers.local.driver import LocalShareDriver
from abaca.testing.conformance import DriverConformance
from abaca.testing.conformance.access import AccessConformance
from abaca.testing.conformance.kit import Kit
from abaca.testing.conformance.manage import ManageConformance
from storage.kit import Backend, running, why_not

pytestmark = pytest.mark.storage


@pytest.fixture(scope="module")
def conforming() -> Iterator[Backend]:
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running() as backend:
        yield backend


class Local(Kit):
    """Looking at a local backend from outside."""

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

    def _path(self, driver: Any, thing: Any) -> Any:
        if "share_instance_id" in thing:
            return driver.snapshot_path(thing["id"])
        path = driver.share_path(thing["id"])
        unmanaged = driver.pool.unmanaged / f"share-{thing['id']}"
        return unmanaged if unmanaged.exists() else path


class TestLocalNfs(Local, DriverConformance):
    bad_rules: ClassVar[tuple[tuple[str, str], ...]] = (
        ("carrier-pigeon", "coop"),
        ("user", "alice"),
        ("ip", "no.such.host"),
    )

    @pytest.fixture
    def driver(self, conforming: Backend) -> LocalShareDriver:
        return conforming.driver

    def rules_in_force(self, driver: Any, thing: Any) -> set[tuple[str, str, str]]:
        kind = "snapshot" if "share_instance_id" in thing else "share"
        place = driver.exporter("NFS").shards.find(f"{kind}-{thing['id']}")
        clients = place.export.clients if place else ()
        return {("ip", _shown(c.network), "rw" if c.writable else "ro") for c in clients}


@pytest.fixture(scope="module")
def conforming_smb() -> Iterator[Backend]:
    reason = why_not("CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["CIFS"]) as backend:
        yield backend


class TestLocalCifs(Local, AccessConformance, ManageConformance):
    """What is different over SMB."""

    protocol = "CIFS"
    bad_rules: ClassVar[tuple[tuple[str, str], ...]] = (
        ("carrier-pigeon", "coop"),
        ("user", "nobody-here"),
        ("ip", "no.such.host"),
    )

    @pytest.fixture
    def driver(self, conforming_smb: Backend) -> LocalShareDriver:
        return conforming_smb.driver

    def test_overlapping_rules(self, driver: Any, context: Any) -> None:
        pytest.skip("the addresses of an SMB share have one level, see test_smb.py")

    def rules_in_force(self, driver: Any, thing: Any) -> set[tuple[str, str, str]]:
        kind = "snapshot" if "share_instance_id" in thing else "share"
        share = driver.exporter("CIFS").shares.get(f"{kind}-{thing['id']}")
        networks = share.rules.networks if share else {}
        return {("ip", _shown(n), "rw" if writable else "ro") for n, writable in networks.items()}


def _shown(network: Any) -> str:
    return str(network if network.num_addresses > 1 else network.network_address)
