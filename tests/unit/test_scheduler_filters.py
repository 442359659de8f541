"""Each filter: what it removes, and what it says of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abaca.scheduler.errors import NoValidHost
from abaca.scheduler.filters import FILTERS
from abaca.scheduler.placement import Placer
from abaca.scheduler.pools import Pool, pool_from_stats
from abaca.scheduler.request import PlacementRequest


def pool(host: str = "h@b#p", **stats: Any) -> Pool:
    zone = stats.pop("zone", "nova")
    placed = stats.pop("placed", None)
    report = {"total_capacity_gb": 100, "free_capacity_gb": 60, **stats}
    if placed is not None:
        report["abaca_allocated_gb"] = 0
    return pool_from_stats(host, report, availability_zone=zone, allocated_gb=placed)


def request_(**wanted: Any) -> PlacementRequest:
    return PlacementRequest(**{"size": 10, "extra_specs": {}, **wanted})


def reason(name: str, request: PlacementRequest, pools: list[Pool]) -> str | None:
    """What filter `name` says of the first pool, with only the others known beside it."""
    check = FILTERS[name].prepare(request, pools)
    return check(pools[0]) if check else None


# --- capacity -------------------------------------------------------------------------------------
THIN = {"thin_provisioning": True, "provisioned_capacity_gb": 100}


@pytest.mark.parametrize(
    "stats, size, fits",
    [
        ({}, 60, True),
        ({}, 61, False),
        ({"reserved_percentage": 50}, 10, True),
        ({"reserved_percentage": 50}, 11, False),
        ({"free_capacity_gb": None}, 1, False),
        ({"free_capacity_gb": "unknown"}, 10**9, True),
        ({"free_capacity_gb": "infinite"}, 10**9, True),
        ({"total_capacity_gb": 0}, 1, False),
        ({"total_capacity_gb": 0, "free_capacity_gb": "unknown"}, 1, False),
        ({"total_capacity_gb": "unknown"}, 60, True),
        ({"total_capacity_gb": "unknown"}, 61, False),
        ({"total_capacity_gb": "unknown", "reserved_percentage": 1}, 1, False),
        ({**THIN, "max_over_subscription_ratio": 2}, 100, True),
        ({**THIN, "max_over_subscription_ratio": 2}, 101, False),
        ({**THIN, "max_over_subscription_ratio": 20, "free_capacity_gb": 1}, 20, True),
        ({**THIN, "max_over_subscription_ratio": 20, "free_capacity_gb": 1}, 21, False),
        ({**THIN, "max_over_subscription_ratio": 0.9}, 1, False),
        ({"placed": 50}, 10, True),
        ({"placed": 50}, 11, False),
    ],
)
def test_capacity(stats: dict[str, Any], size: int, fits: bool) -> None:
    why = reason("CapacityFilter", request_(size=size), [pool(**stats)])
    assert (why is None) is fits, why


def test_a_thin_pool_takes_on_between_two_reports_what_it_would_take_after_them() -> None:
    stats = {"thin_provisioning": True, "max_over_subscription_ratio": 20, "placed": 90}
    booked = pool(**stats)
    assert isinstance(booked.free, float) and booked.free < 0
    assert reason("CapacityFilter", request_(size=500), [booked]) is None
    assert reason("CapacityFilter", request_(size=1920), [booked]) is not None


def test_a_type_may_forbid_a_thin_pool_to_promise_more_than_it_has() -> None:
    thin = pool(**THIN, max_over_subscription_ratio=20)
    thick = {"thin_provisioning": "<is> False"}
    assert reason("CapacityFilter", request_(size=70), [thin]) is None
    assert reason("CapacityFilter", request_(size=70, extra_specs=thick), [thin]) is not None


@pytest.mark.parametrize(
    "operation, most", [("create", 50), ("create_from_snapshot", 40), ("extend", 30)]
)
def test_each_operation_has_its_own_reservation(operation: Any, most: int) -> None:
    each = pool(
        reserved_percentage=10,
        reserved_snapshot_percentage=20,
        reserved_share_extend_percentage=30,
    )
    for size, fits in ((most, True), (most + 1, False)):
        why = reason("CapacityFilter", request_(size=size, operation=operation), [each])
        assert (why is None) is fits


# --- capabilities ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "specs, fits",
    [
        ({}, True),
        ({"snapshot_support": "True"}, True),
        ({"snapshot_support": "<is> false"}, False),
        ({"driver_handles_share_servers": "0"}, True),
        ({"capabilities:tier": "gold"}, True),
        ({"capabilities:nested:deep": ">= 3"}, True),
        ({"capabilities:nested:deep": ">= 4"}, False),
        ({"capabilities:nested:deep:er": "1"}, False),
        ({"tier": "<or> gold <or> silver"}, True),
        ({"tier": "s== silver"}, False),
        ({"dedupe": "<is> True"}, True),
        ({"dedupe": "<is> False"}, True),
        ({"absent": "x"}, False),
        ({"vendor:key": "x"}, True),
        ({"provisioning:max_share_size": "5"}, True),
        ({"availability_zones": "elsewhere"}, True),
        ({"default_qos_type": "q"}, False),
        ({"storage_protocol": "CIFS"}, False),
        ({"null": "x"}, False),
    ],
)
def test_capabilities(specs: dict[str, str], fits: bool) -> None:
    able = pool(
        snapshot_support=True,
        driver_handles_share_servers=False,
        tier="Gold",
        nested={"deep": 3},
        dedupe=[True, False],
        storage_protocol="NFS_CIFS",
        null=None,
    )
    request = request_(extra_specs=specs, protocol="NFS")
    assert (reason("CapabilitiesFilter", request, [able]) is None) is fits


def test_the_protocol_is_asked_for_unless_the_type_does() -> None:
    cifs = [pool(storage_protocol="CIFS")]
    assert reason("CapabilitiesFilter", request_(protocol="NFS"), cifs)
    specs = {"storage_protocol": "CIFS"}
    assert not reason("CapabilitiesFilter", request_(protocol="NFS", extra_specs=specs), cifs)


def test_a_missing_capability_is_told_with_what_is_demanded() -> None:
    request = request_(extra_specs={"iops": ">= 500"})
    assert reason("CapabilitiesFilter", request, [pool(iops=100)]) == (
        "its iops is 100, the share type demands '>= 500'"
    )
    assert reason("CapabilitiesFilter", request, [pool()]) == (
        "it does not report 'iops', the share type demands '>= 500'"
    )


# --- zones and hosts ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wanted, fits",
    [
        ({}, True),
        ({"availability_zone": "nova"}, True),
        ({"availability_zone": "other"}, False),
        ({"extra_specs": {"availability_zones": "a, nova"}}, True),
        ({"extra_specs": {"availability_zones": "a,b"}}, False),
        ({"availability_zones": ("a",)}, False),
        ({"zones_with_subnets": frozenset({"a"})}, True),
        ({"zones_with_subnets": frozenset({"nova"})}, False),
    ],
)
def test_zones(wanted: dict[str, Any], fits: bool) -> None:
    assert (reason("AvailabilityZoneFilter", request_(**wanted), [pool()]) is None) is fits


def test_several_subnets_need_a_backend_that_knows_them() -> None:
    able = pool(share_server_multiple_subnet_support=True)
    request = request_(zones_with_subnets=frozenset({"nova"}))
    assert reason("AvailabilityZoneFilter", request, [able]) is None


@pytest.mark.parametrize(
    "name, wanted, fits",
    [
        ("OnlyHostFilter", {"only_host": "h@b#p", "is_admin": True}, True),
        ("OnlyHostFilter", {"only_host": "h@b", "is_admin": True}, False),
        ("OnlyHostFilter", {"only_host": "h@b#q", "is_admin": True}, False),
        ("OnlyHostFilter", {"only_host": "h@b#q"}, True),
        ("AffinityFilter", {"same_host": {"1": ("h@b#p",), "2": ("x", "h@b#p")}}, True),
        ("AffinityFilter", {"same_host": {"1": ("h@b#p",), "2": ("x",)}}, False),
        ("AffinityFilter", {"same_host": {"1": ()}}, False),
        ("AntiAffinityFilter", {"different_host": {"1": ("x",), "2": ("y",)}}, True),
        ("AntiAffinityFilter", {"different_host": {"1": ("x",), "2": ("h@b#p",)}}, False),
        ("AntiAffinityFilter", {"different_host": {"1": ()}}, True),
        ("IgnoreAttemptedHostsFilter", {"attempted_hosts": frozenset({"h@b#p"})}, False),
        ("IgnoreAttemptedHostsFilter", {"attempted_hosts": frozenset({"x"})}, True),
        ("RetryFilter", {"attempted_hosts": frozenset({"h@b#p"})}, False),
        ("RetryFilter", {}, True),
    ],
)
def test_hosts(name: str, wanted: dict[str, Any], fits: bool) -> None:
    assert (reason(name, request_(**wanted), [pool()]) is None) is fits


# --- snapshots and replicas -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "source, domains, fits",
    [
        ("h@b#p", ("", ""), True),
        ("h@b#other", ("", ""), True),
        ("h@c#p", ("", ""), False),
        ("h@c#p", ("d", "d"), True),
        ("h@c#p", ("d", "e"), False),
        ("h@gone#p", ("d", "d"), False),
    ],
)
def test_a_clone_stays_with_its_backend_or_in_its_domain(
    source: str, domains: tuple[str, str], fits: bool
) -> None:
    pools = [
        pool("h@b#p", replication_domain=domains[0]),
        pool("h@c#p", replication_domain=domains[1]),
    ]
    request = request_(operation="create_from_snapshot", source_host=source)
    assert (reason("CreateFromSnapshotFilter", request, pools) is None) is fits


REPLICA = {"operation": "create_replica", "active_replica_host": "h@c#p"}


@pytest.mark.parametrize(
    "wanted, domains, fits",
    [
        ({}, ("d", "d"), True),
        ({}, (None, "d"), False),
        (REPLICA, ("d", "d"), True),
        (REPLICA, ("d", "e"), False),
        ({**REPLICA, "replica_hosts": frozenset({"h@b#p"})}, ("d", "d"), False),
        ({**REPLICA, "active_replica_host": "h@gone#p"}, ("d", "d"), False),
    ],
)
def test_replicas_live_in_one_domain(
    wanted: dict[str, Any], domains: tuple[Any, Any], fits: bool
) -> None:
    pools = [
        pool("h@b#p", replication_domain=domains[0]),
        pool("h@c#p", replication_domain=domains[1]),
    ]
    request = request_(extra_specs={"replication_type": "dr"}, **wanted)
    assert (reason("ShareReplicationFilter", request, pools) is None) is fits
    plain = msgspec.structs.replace(request, extra_specs={})
    assert reason("ShareReplicationFilter", plain, pools) is None


# --- functions of drivers -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "function, said",
    [
        ("share.size <= 10", None),
        ("stats.free_capacity_gb > 50 && capabilities.tier == 'gold'", None),
        ("extra.iops > 100", None),
        ("share.size > 10", "refuses it"),
        ("share.project_id == 'p1'", None),
        ("share.nothing > 10", "share.nothing is not known."),
        ("share.size >", "A value is expected"),
    ],
)
def test_a_backend_may_refuse(function: str, said: str | None) -> None:
    request = request_(extra_specs={"iops": "500"}, share={"project_id": "p1"})
    why = reason("DriverFilter", request, [pool(filter_function=function, tier="gold")])
    assert (why is None) if said is None else (why is not None and said in why)


@pytest.mark.parametrize(
    "name, detail, wanted, stats",
    [
        ("OnlyHostFilter", "002", {"only_host": "x", "is_admin": True}, {}),
        ("AvailabilityZoneFilter", "007", {"availability_zone": "x"}, {}),
        ("CapabilitiesFilter", "008", {"extra_specs": {"x": "y"}}, {}),
        ("CapacityFilter", "009", {"size": 1000}, {}),
        ("DriverFilter", "010", {}, {"filter_function": "0"}),
        ("IgnoreAttemptedHostsFilter", "011", {"attempted_hosts": frozenset({"h@b#p"})}, {}),
        ("JsonFilter", "012", {"query": ["=", 1, 2]}, {}),
        ("RetryFilter", "013", {"attempted_hosts": frozenset({"h@b#p"})}, {}),
        ("ShareReplicationFilter", "014", {"extra_specs": {"replication_type": "dr"}}, {}),
        (
            "CreateFromSnapshotFilter",
            "016",
            {"operation": "create_from_snapshot", "source_host": "h@x#p"},
            {},
        ),
    ],
)
def test_the_filter_that_left_nothing_decides_what_users_are_told(
    name: str, detail: str, wanted: dict[str, Any], stats: dict[str, Any]
) -> None:
    with pytest.raises(NoValidHost) as refusal:
        Placer([name]).place(request_(**wanted), [pool(**stats)])
    assert refusal.value.message_detail_id == detail
    assert "h@b" in refusal.value.for_log() and name in refusal.value.for_log()
    assert "@" not in refusal.value.for_user()


# --- extra specs of a driver ----------------------------------------------------------------------
OWNED = {"vast": {"vast:vippool_name": ["red"], "vast:note": None}}


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ({"vast:vippool_name": "red"}, None),
        ({"vast:note": "anything", "netapp:dedup": "x"}, None),
        ({"vast:vippool_name": "blue"}, "its vast:vippool_name is red"),
        ({"vast:vippool_name": ""}, "its vast:vippool_name is red"),
        ({"vast:vippool_name": "red "}, "its vast:vippool_name is red"),
        ({"vast:vippool_name": "<in> red"}, "its vast:vippool_name is red"),
        ({"vast:vip_pool": "red"}, "it does not know the extra spec 'vast:vip_pool'"),
        ({"VAST:vippool_name": "red"}, "it does not know the extra spec 'VAST:vippool_name'"),
        ({" vast :vippool_name": "red"}, "it does not know"),
        ({"vast:": "red"}, "it does not know"),
        ({"vast:vippool_name:x": "red"}, "it does not know"),
    ],
)
def test_extra_specs_of_a_driver(specs: dict[str, str], said: str | None) -> None:
    found = reason("CapabilitiesFilter", request_(extra_specs=specs), [pool(extra_specs=OWNED)])
    assert found is None if said is None else said in str(found)
    other = reason("CapabilitiesFilter", request_(extra_specs=specs), [pool()])
    assert other is None, "no driver has this prefix there"


@pytest.mark.parametrize("junk", [7, "vast", ["vast"], {"vast": 7}, {"vast": {"vast:a": 7}}])
def test_nonsense_about_extra_specs_is_passed_over(junk: object) -> None:
    wanted = request_(extra_specs={"vast:a": "b"})
    assert reason("CapabilitiesFilter", wanted, [pool(extra_specs=junk)]) is None
