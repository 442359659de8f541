"""What others made is taken over, and let go."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.drivers.contract import MemoryPrivateStorage
from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.contract.inventory import inventory_result
from abaca.drivers.contract.records import export_location_record
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running
from vast.kit import CONTEXT, GIB, created, foreign, in_force, make_driver, new_share, new_snapshot


def test_a_shared_policy_is_left_alone(driver: VastShareDriver, array: Array) -> None:
    share = new_share(foreign(array))
    array.add("quotas", name="q", path="/manila/theirs", hard_limit=5 * GIB + 1)
    managed = driver.manage_existing(share, {})
    assert managed["size"] == 6
    assert in_force(array, share) == {}
    policy = array.named("viewpolicies", "shared by all")
    assert policy is not None and policy["nfs_read_write"] == ["*"]
    driver.delete_share(CONTEXT, share)
    assert array.directories() == {"/manila"}
    assert array.named("viewpolicies", "shared by all")


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "7"}, 7),
        ({"size": 7}, 7),
        ({}, None),
        ({"size": "0"}, None),
        ({"size": "1e3"}, None),
        ({"size": "-1"}, None),
        ({"size": "٧"}, None),
        ({"colour": "red"}, None),
    ],
)
def test_the_size_of_a_directory_without_a_quota_is_said(
    driver: VastShareDriver, array: Array, options: dict[str, Any], size: int | None
) -> None:
    share = new_share(foreign(array))
    if size:
        assert driver.manage_existing(share, options)["size"] == size
        quota = array.named("quotas", share.id)
        assert quota is not None and quota["hard_limit"] == size * GIB
        return
    before = array.everything()
    with pytest.raises(ManilaException) as caught:
        driver.manage_existing(share, options)
    assert is_a(caught.value, "ManageInvalidShare")
    assert array.everything() == before


@pytest.mark.parametrize(
    "path",
    [
        "/manila",
        "/",
        "/other/theirs",
        "/manila/deep/er",
        "/manila/../etc",
        "/manila/.",
        "/manila2/x",
    ],
)
def test_only_what_is_right_below_the_root_is_taken_over(
    driver: VastShareDriver, array: Array, path: str
) -> None:
    array.add("quotas", name="q", path=path, hard_limit=GIB)
    before = (foreign(array, path), array.everything())
    with pytest.raises(ManilaException) as caught:
        driver.manage_existing(new_share(before[0]), {})
    assert is_a(caught.value, "ManageInvalidShare")
    assert array.everything() == before[1]


def test_a_view_that_does_not_serve_nfs_is_not_taken_over(
    driver: VastShareDriver, array: Array
) -> None:
    share = new_share(foreign(array, protocols=["SMB"]))
    with pytest.raises(ManilaException, match="does not serve NFS"):
        driver.manage_existing(share, {"size": 1})


def test_what_another_service_made_is_taken_over_with_its_policy(
    vms: Running, driver: VastShareDriver, array: Array
) -> None:
    """Objects have the names that the incumbent gave them: nothing but names changes."""
    old, new = created(make_driver(vms, MemoryPrivateStorage())), new_share()
    array.change("viewpolicies", old.id, nfs_read_write=["192.0.2.1"])
    path = export_location_record(path=f"192.0.2.11:/manila/manila-{old.id}")
    driver.manage_existing(new.replace(export_locations=[path]), {})
    assert [row["name"] for row in array.objects("viewpolicies")] == [new.id]
    assert in_force(array, new)["nfs_read_write"] == ["192.0.2.1"]
    driver.delete_share(CONTEXT, new)
    assert array.directories() == {"/manila"}


def test_a_snapshot_that_was_taken_over_keeps_its_name(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    array.add("snapshots", name="nightly", path=f"/manila/manila-{share.id}")
    snapshot, thief = (new_snapshot(share, provider_location="nightly") for _ in range(2))
    assert driver.manage_existing_snapshot(snapshot, {})["size"] == 1
    with pytest.raises(ManilaException, match="managed already"):
        driver.manage_existing_snapshot(thief, {})
    _, held = inventory_result(driver.get_inventory(CONTEXT))
    assert held.id == snapshot.id
    driver.unmanage_snapshot(snapshot)
    driver.manage_existing_snapshot(thief, {})
    driver.delete_snapshot(CONTEXT, thief)
    assert array.objects("snapshots") == []
