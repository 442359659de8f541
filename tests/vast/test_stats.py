"""What schedulers are told: capacities, addresses, used sizes."""

from __future__ import annotations

import pytest

from abaca.drivers.vast import names
from abaca.drivers.vast.array import Pool
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running
from vast.kit import CONTEXT, created, make_driver, many


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
