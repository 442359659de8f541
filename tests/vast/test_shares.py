"""Shares on the array: where they are, how they are repaired, what is taken over."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.drivers.contract import MemoryPrivateStorage
from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.contract.inventory import inventory_result
from abaca.drivers.contract.records import Share, export_location_record
from abaca.drivers.vast import names
from abaca.drivers.vast.array import Pool, Stream
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running
from vast.kit import CONTEXT, GIB, allow, in_force, make_driver, new_share, new_snapshot, rule


def created(driver: VastShareDriver, **values: Any) -> Share:
    share = new_share(**values)
    driver.create_share(CONTEXT, share)
    return share


# --- create and delete ----------------------------------------------------------------------------
def test_a_share_is_a_directory_a_quota_a_view_and_a_policy(
    driver: VastShareDriver, array: Array
) -> None:
    share = new_share(size=3)
    path = f"/manila/manila-{share.id}"
    assert driver.create_share(CONTEXT, share) == [
        f"192.0.2.10:{path}",
        f"192.0.2.11:{path}",
        f"[2001:db8::10]:{path}",
    ]
    assert path in array.directories()
    quota, view = array.named("quotas", share.id), array.named("views", share.id)
    assert quota is not None and (quota["path"], quota["hard_limit"]) == (path, 3 * GIB)
    assert view is not None and (view["path"], view["policy"]) == (path, share.id)


@pytest.mark.parametrize("root", ["/deep/er/", "deep/er", "//deep//er"])
def test_the_root_may_be_deep(vms: Running, array: Array, root: str) -> None:
    share = created(make_driver(vms, vast_root_export=root))
    view = array.named("views", share.id)
    assert view is not None and view["path"] == f"/deep/er/manila-{share.id}"


def test_doors_close_before_the_data_goes(driver: VastShareDriver, array: Array) -> None:
    share = created(driver)
    before = len(array.requests())
    driver.delete_share(CONTEXT, share)
    changes = [r["path"].split("/")[0] for r in array.requests()[before:] if r["method"] != "GET"]
    assert changes == ["views", "folders", "quotas", "viewpolicies"]


def test_a_share_is_deleted_though_its_pool_is_gone(driver: VastShareDriver, array: Array) -> None:
    share = created(driver)
    array.remove("vippools", "pool")
    driver.delete_share(CONTEXT, share)
    assert array.directories() == {"/manila"}


def test_a_disabled_trash_is_named_at_start_and_on_deletion(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    array.configure(trash=False)
    for call in (driver.check_for_setup_error, lambda: driver.delete_share(CONTEXT, share)):
        with pytest.raises(ManilaException, match="Trash Folder Access") as caught:
            call()
        assert is_a(caught.value, "VastDriverException")
    array.configure(trash=True)
    driver.delete_share(CONTEXT, share)
    assert array.named("viewpolicies", share.id) is None


@pytest.mark.parametrize("version", ["4.6.9-12", "3.0.1"])
def test_an_array_that_is_too_old_is_refused(
    driver: VastShareDriver, array: Array, version: str
) -> None:
    array.configure(version=version)
    with pytest.raises(ManilaException, match=r"4\.7\.0 or newer"):
        driver.check_for_setup_error()


@pytest.mark.parametrize("ranges", [[], [("10.0.0.1", "10.255.0.1")], [("2001:db8::", "2001::9")]])
def test_a_pool_without_addresses_or_without_end_is_refused(
    driver: VastShareDriver, array: Array, ranges: list[tuple[str, str]]
) -> None:
    array.add_pool("pool", *ranges)
    with pytest.raises(ManilaException, match="VIP pool pool has") as caught:
        driver.create_share(CONTEXT, new_share())
    assert is_a(caught.value, "VastDriverException")
    assert array.objects("quotas") == []


@pytest.mark.parametrize("name", ['it\'s "the" pool', "a&b=c?d#e", "pöol %20", "a/b;c"])
def test_names_with_quotes(vms: Running, array: Array, name: str) -> None:
    array.add_pool(name, ("198.51.100.1", "198.51.100.1"))
    share = new_share()
    (location,) = make_driver(vms, vast_vippool_name=name).create_share(CONTEXT, share)
    assert location.startswith("198.51.100.1:/manila/")


def test_a_pool_that_is_not_there_is_named(vms: Running) -> None:
    with pytest.raises(ManilaException, match="no VIP pool 'nowhere'"):
        make_driver(vms, vast_vippool_name="nowhere")


@pytest.mark.parametrize("hostile", ["../../etc", "a/b", "", "x" * 65, "a\nb", "é"])
def test_an_id_that_is_a_path_reaches_nothing(
    driver: VastShareDriver, array: Array, hostile: str
) -> None:
    before = array.everything()
    with pytest.raises(ManilaException) as caught:
        driver.create_share(CONTEXT, new_share(id=hostile))
    assert is_a(caught.value, "InvalidShare")
    driver.delete_share(CONTEXT, new_share(id=hostile))
    assert array.everything() == before


@pytest.mark.parametrize("kind", ["quotas", "views"])
def test_an_object_of_the_name_at_another_place_is_not_used(
    driver: VastShareDriver, array: Array, kind: str
) -> None:
    share = new_share()
    policy = array.add("viewpolicies", name="other")
    array.add(kind, name=share.id, path="/manila/elsewhere", policy_id=policy["id"])
    with pytest.raises(ManilaException, match="/manila/elsewhere"):
        driver.create_share(CONTEXT, share)


def test_a_quota_of_another_size_is_not_taken_for_the_new_share(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    with pytest.raises(ManilaException, match="exists with a limit"):
        driver.create_share(CONTEXT, share.replace(size=5))


def test_shrinking_below_what_is_used_is_refused(driver: VastShareDriver, array: Array) -> None:
    share = created(driver, size=5)
    array.set_used(f"/manila/manila-{share.id}", 3.5)
    with pytest.raises(ManilaException) as caught:
        driver.shrink_share(share, 3)
    assert is_a(caught.value, "ShareShrinkingPossibleDataLoss")
    driver.shrink_share(share, 4)
    driver.extend_share(share, 3)  # growing asks for nothing


# --- ensure ---------------------------------------------------------------------------------------
def many(driver: VastShareDriver, array: Array, count: int) -> list[Share]:
    """Shares that are on the array already."""
    shares = [new_share() for _ in range(count)]
    with array.state.write():
        for share in shares:
            place = {"name": share.id, "path": f"/manila/manila-{share.id}"}
            policy = array.add("viewpolicies", name=share.id)
            array.add("quotas", **place, hard_limit=GIB)
            array.add("views", **place, policy_id=policy["id"])
    return shares


def test_a_thousand_shares_are_ensured_in_few_requests(
    driver: VastShareDriver, array: Array
) -> None:
    shares = many(driver, array, 1000)
    before = len(array.requests())
    updates = driver.ensure_shares(CONTEXT, shares)
    assert len(updates) == 1000
    assert all(len(u["export_locations"]) == 3 and "status" not in u for u in updates.values())
    assert not any(update["reapply_access_rules"] for update in updates.values())
    assert len(array.requests()) - before == 7  # the pool, and three lists of two pages


DAMAGE = {
    "no view": lambda array, share: array.remove("views", share.id),
    "no quota": lambda array, share: array.remove("quotas", share.id),
    "no policy": lambda array, share: array.remove("viewpolicies", share.id),
    "another limit": lambda array, share: array.change("quotas", share.id, hard_limit=7),
    "another policy": lambda array, share: array.change(
        "views", share.id, policy_id=array.add("viewpolicies", name="open")["id"]
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_repaired(driver: VastShareDriver, array: Array, damage: str) -> None:
    share, sound = created(driver, size=2), created(driver)
    allow(driver, share, rule("192.0.2.1"))
    DAMAGE[damage](array, share)
    updates = driver.ensure_shares(CONTEXT, [share, sound])
    assert updates[share.id]["reapply_access_rules"] is True
    assert updates[sound.id]["reapply_access_rules"] is False
    view, quota = array.named("views", share.id), array.named("quotas", share.id)
    assert view is not None and view["policy"] == share.id
    assert quota is not None and quota["hard_limit"] == 2 * GIB
    hosts = [] if damage == "no policy" else ["192.0.2.1"]
    assert in_force(array, share).get("nfs_read_write", []) == hosts


def test_a_share_whose_data_is_gone_is_never_replaced_by_an_empty_one(
    driver: VastShareDriver, array: Array
) -> None:
    share, sound = created(driver), created(driver)
    for kind in ("views", "quotas"):
        array.remove(kind, share.id)
    array.remove_directory(f"/manila/manila-{share.id}")
    updates = driver.ensure_shares(CONTEXT, [share, sound])
    assert updates[share.id] == {"status": "error"}
    assert updates[sound.id]["export_locations"]
    assert array.named("views", share.id) is None


def test_a_share_that_cannot_be_repaired_keeps_its_status_and_the_others_are_repaired(
    driver: VastShareDriver, array: Array
) -> None:
    refused, other = created(driver), created(driver)
    for share in (refused, other):
        array.remove("views", share.id)
    array.fault("refused", method="POST", path="views/")
    updates = driver.ensure_shares(CONTEXT, [refused, other])
    assert updates.keys() == {other.id}
    assert array.named("views", other.id)
    assert driver.ensure_shares(CONTEXT, [refused]).keys() == {refused.id}
    assert array.named("views", refused.id)


def test_without_contact_no_share_is_said_to_be_in_error(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    array.remove("views", share.id)
    array.fault("cut", method="POST", times=None)
    with pytest.raises(ManilaException) as caught:
        driver.ensure_shares(CONTEXT, [share])
    assert is_a(caught.value, "StorageCommunicationException")


def test_a_pool_that_changed_is_a_change_of_the_backend(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    before = driver.get_backend_info(CONTEXT)
    array.add_pool("pool", ("198.51.100.7", "198.51.100.7"))
    assert driver.get_backend_info(CONTEXT) != before
    (update,) = driver.ensure_shares(CONTEXT, [share]).values()
    assert update["export_locations"] == [f"198.51.100.7:/manila/manila-{share.id}"]


# --- clones ---------------------------------------------------------------------------------------
def test_a_clone_tells_its_progress_and_nobody_reaches_it_early(
    driver: VastShareDriver, array: Array
) -> None:
    array.configure(clone_seconds=3600.0)
    source, clone = created(driver), new_share(size=2)
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    made = driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert made == {"status": "creating_from_snapshot", "progress": "0%"}
    assert driver.get_share_status(clone) == made
    assert array.named("views", clone.id) is None
    array.configure(clone_seconds=0.0)
    polled = driver.get_share_status(clone)
    assert (polled["status"], polled["progress"]) == ("available", "100%")
    assert in_force(array, clone) == {}


@pytest.mark.parametrize("state", ["FAILED", "ERROR"])
def test_a_clone_that_fails_is_in_error_and_can_be_deleted(
    driver: VastShareDriver, array: Array, state: str
) -> None:
    array.configure(clone_state=state)
    source, clone = created(driver), new_share()
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    before = array.everything()
    with pytest.raises(ManilaException, match="the copy for share"):
        driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    assert driver.get_share_status(clone) == {"status": "error"}
    driver.delete_share(CONTEXT, clone)
    assert array.everything() == before


def test_a_clone_that_ends_while_it_is_to_be_stopped(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    array.configure(clone_seconds=3600.0)
    source, clone = created(driver), new_share()
    snapshot = new_snapshot(source)
    driver.create_snapshot(CONTEXT, snapshot)
    before = array.everything()
    driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    real = driver.array.stop

    def late(stream: Stream) -> None:
        array.configure(clone_seconds=0.0)
        real(stream)

    monkeypatch.setattr(driver.array, "stop", late)
    driver.delete_share(CONTEXT, clone)
    assert array.everything() == before


def test_a_clone_of_a_snapshot_that_is_gone(driver: VastShareDriver) -> None:
    share = created(driver)
    with pytest.raises(ManilaException) as caught:
        driver.create_share_from_snapshot(CONTEXT, new_share(), new_snapshot(share))
    assert is_a(caught.value, "SnapshotResourceNotFound")


# --- manage ---------------------------------------------------------------------------------------
def foreign(array: Array, path: str = "/manila/theirs", **view: Any) -> str:
    policy = array.add("viewpolicies", name="shared by all", nfs_read_write=["*"])
    array.add("views", **{"name": "v", "path": path, "policy_id": policy["id"], **view})
    return f"192.0.2.10:{path}"


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


# --- inventory ------------------------------------------------------------------------------------
def test_the_inventory_holds_what_is_abacas_and_nothing_else(
    driver: VastShareDriver, array: Array
) -> None:
    share, unmanaged = created(driver, size=3), created(driver)
    allow(driver, share, rule("192.0.2.1"), rule("10.0.0.0/8", "ro"))
    snapshot = new_snapshot(share)
    driver.create_snapshot(CONTEXT, snapshot)
    array.add("snapshots", name="theirs", path=f"/manila/manila-{share.id}")
    driver.unmanage(unmanaged)
    foreign(array)
    held, of_snapshot = inventory_result(driver.get_inventory(CONTEXT))
    assert (held.kind, held.id, held.size, held.exported) == ("share", share.id, 3, True)
    assert held.rules == {("ip", "192.0.2.1", "rw"), ("ip", "10.0.0.0/8", "ro")}
    assert held.path == f"192.0.2.10:/manila/manila-{share.id}"
    assert (of_snapshot.id, of_snapshot.share_id) == (snapshot.id, share.id)
    driver.delete_snapshot(CONTEXT, snapshot)
    driver.delete_share(CONTEXT, share)
    assert inventory_result(driver.get_inventory(CONTEXT)) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_inventory_shows_damage(driver: VastShareDriver, array: Array, damage: str) -> None:
    share = created(driver, size=2)
    DAMAGE[damage](array, share)
    (held,) = inventory_result(driver.get_inventory(CONTEXT))
    assert (held.exported, held.size) != (True, 2)


def test_a_share_that_is_gone_is_not_in_the_inventory(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    for kind in ("views", "quotas"):
        array.remove(kind, share.id)
    assert inventory_result(driver.get_inventory(CONTEXT)) == []


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


# --- what is told ---------------------------------------------------------------------------------
def test_statistics_are_the_newest_sample(driver: VastShareDriver, array: Array) -> None:
    created(driver)
    array.set_used("/manila", 1024)
    stats = driver.get_share_stats(refresh=True)
    assert stats["total_capacity_gb"] == 100 * 1024
    assert stats["free_capacity_gb"] == 99 * 1024
    assert stats["provisioned_capacity_gb"] == 1024
    assert (stats["vendor_name"], stats["storage_protocol"]) == ("VAST STORAGE", "NFS")
    assert (stats["data_reduction"], stats["driver_version"]) == (2.5, "1.0")
    assert (stats["ipv4_support"], stats["ipv6_support"]) == (True, True)


def test_a_pool_of_one_kind_of_addresses_supports_that_kind(vms: Running, array: Array) -> None:
    array.add_pool("pool", ("2001:db8::1", "2001:db8::2"))
    stats = make_driver(vms).get_share_stats(refresh=True)
    assert (stats["ipv4_support"], stats["ipv6_support"]) == (False, True)


def test_used_sizes_of_many_shares_in_one_list(driver: VastShareDriver, array: Array) -> None:
    shares = many(driver, array, 20)
    array.set_used(f"/manila/manila-{shares[3].id}", 0.25)
    before = len(array.requests())
    sizes = {row["id"]: row["used_size"] for row in driver.update_share_usage_size(CONTEXT, shares)}
    assert len(array.requests()) - before == 1
    assert sizes[shares[3].id] == 0.25 and sizes[shares[4].id] == 0


@pytest.mark.parametrize(
    ("ranges", "wanted"),
    [
        ([("10.0.0.9", "10.0.0.11")], ["10.0.0.9", "10.0.0.10", "10.0.0.11"]),
        ([("10.0.0.1", "10.0.0.1"), ("10.0.0.1", "10.0.0.2")], ["10.0.0.1", "10.0.0.2"]),
        ([("2001:db8::a", "2001:db8::b")], ["2001:db8::a", "2001:db8::b"]),
    ],
)
def test_addresses_of_a_pool(ranges: list[tuple[str, str]], wanted: list[str]) -> None:
    assert list(map(str, names.addresses(Pool(id=1, name="p", ip_ranges=ranges)))) == wanted
