"""Which of the pools that fit is taken, and what is said when none does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog

from abaca import config
from abaca.cli.assembly import make_env, make_manager, open_store
from abaca.config.errors import ConfigError
from abaca.scheduler import placement
from abaca.scheduler.errors import NoValidHost, UnknownName
from abaca.scheduler.placement import (
    DEFAULT_EXTEND_FILTERS,
    DEFAULT_FILTERS,
    DEFAULT_WEIGHERS,
    Placer,
)
from abaca.scheduler.pools import Pool, pool_from_stats
from abaca.scheduler.request import PlacementRequest
from abaca.service.placement import Scheduling


def pool(host: str, *, zone: str = "nova", up: bool = True, off: bool = False, **more: Any) -> Pool:
    stats = {"total_capacity_gb": 100, "free_capacity_gb": 60, **more}
    return pool_from_stats(host, stats, availability_zone=zone, up=up, disabled=off)


def request_(**wanted: Any) -> PlacementRequest:
    return PlacementRequest(**{"size": 10, "extra_specs": {}, "request_id": "r", **wanted})


def best(weighers: list[str], pools: list[Pool], factors: Any = None, **wanted: Any) -> str:
    return Placer(weighers=weighers, multipliers=factors).place(request_(**wanted), pools).host


# --- weighers -------------------------------------------------------------------------------------
def test_the_emptiest_pool_is_best_and_a_negative_multiplier_turns_it_round() -> None:
    pools = [pool("h@b#a"), pool("h@b#b", free_capacity_gb=90), pool("h@b#c", free_capacity_gb=20)]
    assert best(["CapacityWeigher"], pools) == "h@b#b"
    assert best(["CapacityWeigher"], pools, {"CapacityWeigher": -1.0}) == "h@b#c"


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_pool_that_does_not_know_its_capacity_comes_last(factor: float) -> None:
    pools = [pool("h@b#a", free_capacity_gb="unknown"), pool("h@b#b"), pool("h@b#c")]
    assert best(["CapacityWeigher"], pools, {"CapacityWeigher": factor}) != "h@b#a"


def test_an_infinite_pool_comes_first() -> None:
    pools = [pool("h@b#a"), pool("h@b#b", free_capacity_gb="infinite")]
    assert best(["CapacityWeigher"], pools) == "h@b#b"


def test_a_thin_pool_counts_what_it_may_still_promise() -> None:
    thin = {"thin_provisioning": True, "max_over_subscription_ratio": 2.0}
    pools = [
        pool("h@b#thin", **thin, provisioned_capacity_gb=130),
        pool("h@b#thinner", **thin, provisioned_capacity_gb=150),
        pool("h@b#thick", free_capacity_gb=60),
    ]
    assert best(["CapacityWeigher"], pools) == "h@b#thin"
    assert best(["CapacityWeigher"], pools[1:]) == "h@b#thick"


@pytest.mark.parametrize(
    "function", ["50", "share.size > 5 ? 60 : 0", "1 / 0", "101", "-1", "'a'", None]
)
def test_goodness_counts_from_0_to_100_and_anything_else_is_0(function: str | None) -> None:
    pools = [pool("h@b#a", goodness_function=function), pool("h@b#b", goodness_function="40")]
    good = function in ("50", "share.size > 5 ? 60 : 0")
    assert best(["GoodnessWeigher"], pools) == ("h@b#a" if good else "h@b#b")


def test_a_goodness_of_true_is_100() -> None:
    pools = [pool("h@b#a", goodness_function="1 < 2"), pool("h@b#b", goodness_function="99")]
    assert best(["GoodnessWeigher"], pools) == "h@b#a"


def test_a_clone_goes_near_its_snapshot() -> None:
    domain = {"replication_domain": "d"}
    near = [
        pool("h@c#far", zone="x", **domain),
        pool("h@c#zone", **domain),
        pool("h@b#same", **domain),
        pool("h@b#p", **domain),
    ]
    clone = {"operation": "create_from_snapshot", "source_host": "h@b#p"}
    for taken in ("h@b#p", "h@b#same"):
        assert best(["HostAffinityWeigher"], near, **clone) == taken
        near = [each for each in near if each.host != taken]
    gone_zone = [*near, pool("h@b#p", off=True, **domain)]  # known, but it takes nothing
    assert best(["HostAffinityWeigher"], gone_zone, **clone) == "h@c#zone"


def test_a_pool_with_a_share_server_of_the_request_is_better() -> None:
    pools = [pool("h@b#a"), pool("h@b#b")]
    for host in ("h@b#a", "h@b#b"):
        assert best(["PoolWeigher"], pools, server_hosts=frozenset({host})) == host


def test_marks_are_weighted_and_added() -> None:
    pools = [
        pool("h@b#good", free_capacity_gb=20, goodness_function="100"),
        pool("h@b#empty", free_capacity_gb=90, goodness_function="0"),
    ]
    both = ["CapacityWeigher", "GoodnessWeigher"]
    assert best(both, pools, {"CapacityWeigher": 2.0}) == "h@b#empty"
    assert best(both, pools, {"CapacityWeigher": 0.5}) == "h@b#good"
    assert best(both, pools, {"CapacityWeigher": 0.0}) == "h@b#good"


# --- names ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "filters, weighers, sentence",
    [
        (["NoFilter"], [], "There is no scheduler filter 'NoFilter'; there are AffinityFilter, "),
        ([], ["NoWeigher"], "There is no scheduler weigher 'NoWeigher'; there are Capacity"),
    ],
)
def test_an_unknown_name_is_told_with_those_there_are(
    filters: list[str], weighers: list[str], sentence: str
) -> None:
    with pytest.raises(UnknownName) as error:
        Placer(filters, weighers)
    assert error.value.message.startswith(sentence)


def test_a_vendors_weigher_is_passed_over_with_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # not one that was set up by a test of the command line
    monkeypatch.setattr(placement, "log", structlog.get_logger())
    with structlog.testing.capture_logs() as lines:
        Placer(weighers=["NetAppAIQWeigher", "CapacityWeigher"])
    assert [line["weigher"] for line in lines] == ["NetAppAIQWeigher"]


FAKE = """[DEFAULT]
enabled_share_backends = fake
state_path = {state}
{more}
[fake]
share_driver = fake
driver_handles_share_servers = false
"""


@pytest.fixture
def scheduling() -> Any:
    """What make_manager sets is put back."""
    kept = (Scheduling.placer, Scheduling.service_down_time, Scheduling.clones_move)
    yield Scheduling
    Scheduling.placer, Scheduling.service_down_time, Scheduling.clones_move = kept


def _manager(tmp_path: Any, more: str) -> None:
    file = tmp_path / "abaca.conf"
    file.write_text(FAKE.format(state=tmp_path, more=more))
    loaded = config.load([file])
    store = open_store(loaded)
    try:
        make_manager(loaded, store, make_env(loaded, store))
    finally:
        store.close()


def test_the_configuration_decides(tmp_path: Any, scheduling: Any) -> None:
    _manager(tmp_path, "scheduler_default_filters = CapacityFilter\ncapacity_weight_multiplier=-1")
    pools = [pool("h@b#a", free_capacity_gb=90), pool("h@b#b", free_capacity_gb=20)]
    placed = scheduling.placer.place(request_(extra_specs={"absent": "x"}), pools)
    assert placed.host == "h@b#b"


def test_a_wrong_name_in_the_configuration_is_one_sentence(tmp_path: Any, scheduling: Any) -> None:
    with pytest.raises(ConfigError, match="no filter 'CapactyFilter'; did you mean CapacityFilter"):
        _manager(tmp_path, "scheduler_default_filters = CapactyFilter")


def test_our_defaults_are_those_of_the_configuration(tmp_path: Any) -> None:
    file = tmp_path / "abaca.conf"
    file.write_text(FAKE.format(state=tmp_path, more=""))
    loaded = config.load([file])
    assert tuple(loaded.scheduler_default_filters) == DEFAULT_FILTERS
    assert tuple(loaded.scheduler_default_weighers) == DEFAULT_WEIGHERS
    assert tuple(loaded.scheduler_default_extend_filters) == DEFAULT_EXTEND_FILTERS


# --- what is said ---------------------------------------------------------------------------------
def refusal(pools: list[Pool], **wanted: Any) -> NoValidHost:
    with pytest.raises(NoValidHost) as error:
        Placer().place(request_(**wanted), pools)
    return error.value


def test_a_refusal_counts_the_pools_of_each_filter() -> None:
    pools = [
        pool("h@b#down", up=False),
        pool("h@b#off", off=True),
        pool("h@b#zone", zone="x"),
        pool("h@b#small", free_capacity_gb=5),
        pool("h@b#plain"),
    ]
    error = refusal(pools, availability_zone="nova", extra_specs={"tier": "gold"})
    assert error.message_detail_id == "008"
    assert error.for_user() == (
        "No storage pool can take a share of 10 GiB: of 5, 2 are out of service, 1 is not in a "
        "suitable availability zone, 1 has too little free space and 1 lacks what the share type "
        "asks for."
    )
    log = error.for_log()
    counts = "InService 5 -> 3; AvailabilityZoneFilter 3 -> 2; CapacityFilter 2 -> 1; Capa"
    assert counts in log
    assert "(h@b#down: its service or its backend does not answer; h@b#off: " in log
    assert "; h@b#small: 10 GiB are asked, 5 GiB are usable" in log
    steps = json.loads(json.dumps(error.explanation.to_dict()))["steps"]
    counts = [(step["filter"], step["before"], step["after"]) for step in steps]
    assert counts == [
        ("InService", 5, 3),
        ("OnlyHostFilter", 3, 3),
        ("AvailabilityZoneFilter", 3, 2),
        ("CapacityFilter", 2, 1),
        ("CapabilitiesFilter", 1, 0),
    ]


def test_the_counts_of_all_filters_come_before_the_reasons_of_many_pools() -> None:
    pools = [pool(f"host@backend-{n}#pool", free_capacity_gb=5) for n in range(60)]
    error = refusal([*pools, pool("h@b#plain")], extra_specs={"tier": "gold"})
    counts = "61 pools known; CapacityFilter 61 -> 1; CapabilitiesFilter 1 -> 0 (host@backend-"
    assert counts in error.for_log()[:200]  # of an operation's message 1,000 characters are kept


@pytest.mark.parametrize(
    "pools, wanted, detail, sentence",
    [
        ([], {}, "028", "No storage backend has reported yet; try again in a minute."),
        ([pool("h@b#a")], {"extra_specs": None}, "024", "No share type was given and there is"),
        ([pool("h@b#a", up=False)], {}, "028", "the only one is out of service."),
        ([pool("h@b#a"), pool("h@b#b")], {"size": 99}, "009", "all 2 have too little free space."),
    ],
)
def test_a_refusal_is_one_sentence(
    pools: list[Pool], wanted: dict[str, Any], detail: str, sentence: str
) -> None:
    error = refusal(pools, **wanted)
    assert error.message_detail_id == detail and sentence in error.for_user()


def test_a_pool_that_is_not_known_cannot_take_more() -> None:
    with pytest.raises(NoValidHost) as error:
        Placer().check_extend(request_(operation="extend", current_size=5), [], "h@b#a")
    assert error.value.for_user() == (
        "The share cannot have 5 GiB more: its pool is not known at present."
    )


def test_a_placement_says_what_spoke_against_the_others() -> None:
    placed = Placer().place(request_(), [pool("h@b#a"), pool("h@b#b", free_capacity_gb=1)])
    assert placed.host == placed.pool.host == "h@b#a"
    removed = [host for step in placed.explanation.steps for host, _ in step.removed]
    assert removed == ["h@b#b"]
