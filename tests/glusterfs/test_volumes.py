"""Shares as whole volumes, on a real cluster; without snapshots, as its bricks are no thin LVM."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.glusterfs.options import VOLUME
from glusterfs.kit import CONTEXT, Backend, new_share, rule, volume_pool
from glusterfs.lab import Lab
from storage.kit import new_snapshot

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]
VOLUMES = ("pool-1-a", "pool-5-b")


@pytest.fixture(scope="module")
def pool(lab: Lab, backend: Backend) -> Backend:
    """Two volumes, told to be of 1 and 5 GiB."""
    for name in VOLUMES:
        lab.volume(name)
    return volume_pool(lab, r"pool-#{size}-\w", *VOLUMES)


def test_the_smallest_volume_that_is_large_enough(pool: Backend) -> None:
    big, small, none = new_share(size=2), new_share(), new_share()
    for share in (big, small, small):  # again gives the same
        pool.driver.create_share(CONTEXT, share)
    with pytest.raises(errors.GlusterfsException, match="no free volume of 1 GiB"):
        pool.driver.create_share(CONTEXT, none)
    held = {item["id"]: item for item in pool.driver.get_inventory(CONTEXT)}
    assert {key: item["size"] for key, item in held.items()} == {big["id"]: 5, small["id"]: 1}
    assert pool.driver.get_share_stats(refresh=True)["free_capacity_gb"] == 0
    pool.allow(big, rule(pool.lab.address))
    with pool.mount(big) as client:
        client.write("/deep", b"x")
        client.mkdir("/tree")
    assert set(pool.driver.ensure_shares(CONTEXT, [big, none])) == {big["id"], none["id"]}
    for share in (big, small, small):
        pool.delete(share)
    left = {entry.name for entry in (pool.machine.directory / "bricks" / "pool-5-b").iterdir()}
    assert not left & {"deep", "tree"}
    assert pool.driver.get_share_stats(refresh=True)["free_capacity_gb"] == 6


def test_what_a_volume_cannot_do_is_refused(pool: Backend) -> None:
    share = pool.share()
    snapshot = new_snapshot(share)
    for _ in range(2):
        with pytest.raises(errors.ShareSnapshotNotSupported):
            pool.driver.create_snapshot(CONTEXT, snapshot)
    pool.driver.delete_snapshot(CONTEXT, snapshot)
    with pytest.raises(NotImplementedError):
        pool.driver.extend_share(share, 2)
    with pytest.raises(errors.SnapshotResourceNotFound):
        pool.driver.create_share_from_snapshot(CONTEXT, new_share(), snapshot)
    pool.delete(share)


def test_no_volume_matches(lab: Lab) -> None:
    servers = [lab.machines[0].address]
    options = {"glusterfs_share_layout": VOLUME, "glusterfs_servers": servers}
    for pattern, words in (("nothing", "matches glusterfs_volume_pattern"), ("(", "no regular")):
        with pytest.raises(errors.BadConfigurationException, match=words):
            Backend(lab, local=True, **options, glusterfs_volume_pattern=pattern).start()
