"""Shares on the array: where they are, in which order they come and go."""

from __future__ import annotations

import pytest

from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running
from vast.kit import CONTEXT, GIB, created, make_driver, new_share


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
