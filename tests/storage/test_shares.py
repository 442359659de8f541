"""Size, limit, delete, used size, statistics of shares."""

from __future__ import annotations

import errno

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local import btrfs
from storage.kit import CONTEXT, GIB, Backend, errno_of, new_share, rule

pytestmark = pytest.mark.storage
MIB = 1 << 20


def test_client_meets_the_limit_and_extend_lifts_it(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    btrfs.set_limit(backend.driver.share_path(share["id"]), 32 * MIB)  # a GiB takes too long
    with backend.mount(share) as client:
        client.write("/fits", b"x" * 8 * MIB)
        assert errno_of(lambda: client.write("/big", b"x" * 40 * MIB)) == errno.EDQUOT
        backend.driver.extend_share(share, 2)
        client.write("/big", b"x" * 40 * MIB)
        assert len(client.read("/big")) == 40 * MIB
    assert btrfs.usage(backend.driver.share_path(share["id"])).limit == 2 * GIB
    backend.delete(share)


def test_create_twice_keeps_data_and_rules(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share) as client:
        client.write("/x", b"1")
        first = backend.driver.exporter("NFS").locations(f"share-{share['id']}")
        assert backend.driver.create_share(CONTEXT, share) == first
        assert client.read("/x") == b"1"


def test_shrink_refuses_to_lose_data(backend: Backend) -> None:
    share = backend.share(size=3)
    path = backend.driver.share_path(share["id"])
    with (path / "big").open("wb") as file:
        for _ in range(17):
            file.write(b"x" * 64 * MIB)
    with pytest.raises(errors.ShareShrinkingPossibleDataLoss):
        backend.driver.shrink_share(share, 1)
    assert btrfs.usage(path).limit == 3 * GIB
    backend.driver.shrink_share(share, 2)
    backend.driver.shrink_share(share, 2)
    assert btrfs.usage(path).limit == 2 * GIB
    backend.delete(share)


def test_used_size_is_told(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "file").write_bytes(b"x" * 64 * MIB)
    btrfs.commit(path)
    [told] = backend.driver.update_share_usage_size(CONTEXT, [share, new_share()])
    assert told["id"] == share["id"]
    assert 0.06 < told["used_size"] < 0.07


def test_space_of_deleted_shares_comes_back(own_backend: Backend) -> None:
    pool = own_backend.driver.pool
    before = pool.capacity().free
    share = own_backend.share()
    path = own_backend.driver.share_path(share["id"])
    (path / "file").write_bytes(b"x" * 256 * MIB)
    btrfs.commit(path)
    assert pool.capacity().free < before - 200 * MIB
    own_backend.delete(share)

    def is_back() -> bool:
        btrfs.commit(pool.root)  # wakes the cleaner
        return pool.capacity().free > before - 64 * MIB

    assert wait_until(is_back, 120, pause=0.2)


def test_statistics(backend: Backend) -> None:
    stats = backend.driver.get_share_stats(refresh=True)
    assert 3.5 < stats["total_capacity_gb"] <= 4
    assert 0 < stats["free_capacity_gb"] <= stats["total_capacity_gb"]
    for capability in (
        "snapshot_support",
        "create_share_from_snapshot_support",
        "revert_to_snapshot_support",
        "mount_snapshot_support",
        "ipv4_support",
        "ipv6_support",
        "thin_provisioning",
    ):
        assert stats[capability] is True
    assert stats["storage_protocol"] == "NFS"


def test_unknown_protocol_makes_nothing(backend: Backend) -> None:
    share = new_share(protocol="HDFS")
    with pytest.raises(errors.InvalidShare, match="HDFS"):
        backend.driver.create_share(CONTEXT, share)
    assert not backend.driver.share_path(share["id"]).exists()


@pytest.mark.parametrize("hostile", ["../../etc", "a/b", "", ".", "x\n", "x" * 300, "a;b", "-rf"])
def test_hostile_id_makes_nothing(backend: Backend, hostile: str) -> None:
    before = sorted(path.name for path in backend.driver.pool.shares.iterdir())
    with pytest.raises(errors.InvalidShare):
        backend.driver.create_share(CONTEXT, new_share().replace(id=hostile))
    assert sorted(path.name for path in backend.driver.pool.shares.iterdir()) == before


def test_nested_subvolumes_do_not_stop_a_delete(backend: Backend) -> None:
    share = backend.share()
    path = backend.driver.share_path(share["id"])
    (path / "a").mkdir()
    btrfs.create_subvolume(path / "a" / "inner")
    btrfs.create_subvolume(path / "a" / "inner" / "innermost")
    backend.delete(share)
    assert list(backend.driver.pool.trash.iterdir()) == []


def test_ensure_reports_lost_data_and_repairs_the_limit(backend: Backend) -> None:
    share, lost = backend.share(), new_share()
    backend.allow(share, rule("127.0.0.1"))
    path = backend.driver.share_path(share["id"])
    btrfs.set_limit(path, None)
    updates = backend.driver.ensure_shares(CONTEXT, [share, lost])
    assert updates[lost["id"]] == {"status": "error"}
    assert updates[share["id"]]["reapply_access_rules"] is False
    assert updates[share["id"]]["export_locations"][0]["path"].endswith(f":/share-{share['id']}")
    assert btrfs.usage(path).limit == GIB


def test_mount_command_names_the_port(backend: Backend) -> None:
    share = backend.share()
    locations = backend.driver.ensure_share(CONTEXT, share)
    port, _ = backend.nfs_port(f"share-{share['id']}")
    info = backend.driver.connection_get_info(CONTEXT, share.replace(export_locations=locations))
    assert f"-o vers=4.2,port={port} %(options)s 127.0.0.1:/share-" in info["mount"]
