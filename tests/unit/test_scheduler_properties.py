"""What holds for every placement, whatever the pools and whatever is asked."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abaca.scheduler.errors import EvaluatorError, NoValidHost
from abaca.scheduler.evaluator import evaluate
from abaca.scheduler.filters import FILTERS
from abaca.scheduler.operators import OPERATORS, matcher
from abaca.scheduler.placement import DEFAULT_FILTERS, Placer
from abaca.scheduler.pools import Pool, pool_from_stats, pools_from_stats
from abaca.scheduler.request import PlacementRequest

ODD = st.sampled_from([None, "unknown", "infinite", "", "x", True, math.nan, math.inf, -1, "12"])
GIB = st.one_of(st.integers(0, 2000), st.floats(0, 2000), ODD)
REPORTS = st.fixed_dictionaries(
    {"total_capacity_gb": GIB, "free_capacity_gb": GIB},
    optional={
        "reserved_percentage": st.one_of(st.integers(0, 100), ODD),
        "reserved_snapshot_percentage": st.one_of(st.integers(0, 100), ODD),
        "reserved_share_extend_percentage": st.one_of(st.integers(0, 100), ODD),
        "thin_provisioning": st.sampled_from([True, False, [True, False], "True", None]),
        "max_over_subscription_ratio": st.one_of(st.floats(0, 30), ODD),
        "provisioned_capacity_gb": GIB,
        "storage_protocol": st.sampled_from(["NFS", "CIFS", "NFS_CIFS", ["NFS", "CIFS"], None]),
        "filter_function": st.sampled_from(["share.size < 100", "share.size / 0", "(", "1"]),
        "goodness_function": st.sampled_from(["50", "stats.free_capacity_gb", "1 / 0", "200"]),
        "pools": st.one_of(st.none(), st.just([]), st.just("x")),
    },
)
POOLS = st.lists(
    st.tuples(REPORTS, st.sampled_from("ab"), st.booleans(), st.integers(0, 500)), max_size=6
).map(
    lambda rows: [
        pool
        for at, (report, zone, up, placed) in enumerate(rows)
        for pool in pools_from_stats(
            f"h{at}@b", report, availability_zone=zone, up=up, allocated={f"h{at}@b#b": placed}
        )
    ]
)
REQUESTS = st.builds(
    PlacementRequest,
    size=st.integers(1, 2000),
    extra_specs=st.sampled_from([{}, {"thin_provisioning": "False"}, {"availability_zones": "a"}]),
    operation=st.sampled_from(["create", "create_from_snapshot"]),
    protocol=st.sampled_from(["NFS", "CIFS", None]),
    request_id=st.text(max_size=5),
    availability_zone=st.sampled_from([None, "a", "c"]),
    source_host=st.sampled_from([None, "h0@b#b"]),
    only_host=st.sampled_from([None, "h1@b#b"]),
    is_admin=st.booleans(),
    attempted_hosts=st.sampled_from([frozenset(), frozenset({"h0@b#b"})]),
)


def passing(filters: list[str], request: PlacementRequest, pools: list[Pool]) -> set[str]:
    """The pools that could take it, each asked alone."""
    return {pool.host for pool in pools if chosen(Placer(filters), request, [pool])}


def chosen(placer: Placer, request: PlacementRequest, pools: list[Pool]) -> str | None:
    try:
        return placer.place(request, pools).host
    except NoValidHost:
        return None


def room(pool: Pool, request: PlacementRequest) -> float:
    """GiB that may still be promised, counted here in another way than the filter does."""
    reserved = pool.reserved
    if request.operation == "create_from_snapshot":
        reserved = pool.reserved_snapshot
    if not isinstance(pool.total, float) or not isinstance(pool.free, float):
        return math.inf
    free = pool.free - pool.total * reserved / 100
    if not (pool.thin and request.may_be_thin()):
        return free
    ratio = pool.max_over_subscription_ratio  # what is booked is promised, but not filled yet
    return min((free + pool.booked) * ratio, pool.total * ratio - pool.provisioned)


@given(REQUESTS, POOLS)
def test_a_share_is_never_placed_beyond_the_room_of_a_pool(
    request_: PlacementRequest, pools: list[Pool]
) -> None:
    try:
        placed = Placer().place(request_, pools)
    except NoValidHost:
        return
    assert room(placed.pool, request_) >= request_.size - 1e-6
    assert placed.pool in pools and placed.pool.up and not placed.pool.disabled


@settings(max_examples=50)
@given(REPORTS, st.integers(1, 50))
def test_a_pool_filled_share_by_share_is_never_overcommitted(
    report: dict[str, Any], size: int
) -> None:
    report.pop("pools", None)
    request, placed = PlacementRequest(size=size, extra_specs={}), 0
    for _ in range(60):
        flat = {**report, "abaca_allocated_gb": 0}
        pool = pool_from_stats("h@b#p", flat, allocated_gb=placed)
        if chosen(Placer(), request, [pool]) is None:
            return
        assert room(pool, request) >= size - 1e-6
        placed += size


@given(REQUESTS, POOLS)
def test_every_pool_that_is_not_taken_has_a_reason(
    request_: PlacementRequest, pools: list[Pool]
) -> None:
    with_all = Placer(list(FILTERS))
    try:
        explanation = with_all.place(request_, pools).explanation
    except NoValidHost as refusal:
        explanation = refusal.explanation
        removed = {host for step in explanation.steps for host, _ in step.removed}
        assert removed == {pool.host for pool in pools}
        assert len(refusal.message_detail_id) == 3
        told = refusal.for_user()
        assert "@" not in told and told.endswith(".") and "\n" not in refusal.for_log()
    for before, after in zip(explanation.steps, explanation.steps[1:], strict=False):
        assert after.before == before.after
    assert all(reason for step in explanation.steps for _, reason in step.removed)


@given(REQUESTS, POOLS, st.sampled_from(sorted(FILTERS)))
def test_another_filter_never_lets_more_pools_in(
    request_: PlacementRequest, pools: list[Pool], another: str
) -> None:
    few = [name for name in DEFAULT_FILTERS if name != another]
    assert passing([*few, another], request_, pools) <= passing(few, request_, pools)


@given(REQUESTS, POOLS, st.randoms())
def test_the_same_request_gets_the_same_pool_in_whatever_order_pools_come(
    request_: PlacementRequest, pools: list[Pool], random: Any
) -> None:
    first = chosen(Placer(), request_, pools)
    random.shuffle(pools)
    assert chosen(Placer(), request_, pools) == first


def test_equal_pools_take_turns() -> None:
    pools = [
        pool
        for at in range(8)
        for pool in pools_from_stats(f"h{at}@b", {"total_capacity_gb": 9, "free_capacity_gb": 9})
    ]
    hosts = [
        chosen(Placer(), PlacementRequest(size=1, extra_specs={}, request_id=f"req-{n}"), pools)
        for n in range(800)
    ]
    assert all(40 <= hosts.count(pool.host) <= 220 for pool in pools)


# --- functions of backends ------------------------------------------------------------------------
WORDS = st.sampled_from(
    [
        "1", "0", "9e99", "1e400", ".", "..", ",", "(", ")", "[", "]", "^", "+", "*", "/", "-", "!",
        "not", "and", "or", "&&", "||", "?", ":", "<", "<=", "==", "<>", "abs(", "max(", "min(",
        "true", "share.size", "share.__class__", "capabilities.x", "extra.a.b", "stats", "'a'",
        '"', "'", "\\", "__import__", "lambda", "é", "\0",
    ]
)  # fmt: skip
NAMES = {"share": {"size": 5, "list": [1]}, "capabilities": {"x": "7"}, "extra": {}, "stats": {}}


@settings(max_examples=1000)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=60).map(" ".join)))
def test_a_function_gives_a_value_or_its_own_error(source: str) -> None:
    try:
        value = evaluate(source, NAMES)
    except EvaluatorError as error:
        assert error.message
    else:
        assert isinstance(value, float | bool | str)


@pytest.mark.parametrize(
    "source",
    [
        "(" * 4000, "-" * 4000, "!" * 4000, "not " * 1000, "1" * 4000, "1?" * 2000,
        "2^" * 2000 + "2",
        "9^9^9^9^9^9", "(-8)^0.5", "0^-1", "1e308*1e308-1e308*1e308", "1/0", "abs(" * 1000,
        "1" + "+1" * 2000, "1" + "<1" * 2000, "1" + " and 1" * 800, "max(" + "1," * 2000 + "1)",
        "x" * 10**6, "share.__class__", "share.size.__class__", "share.list", "().__class__",
        "share['size']", "__import__('os')", "max()", "max", "share.", "share.size.size", "'a'*9",
        "", " ", "é", "\0", "'",
    ],
)  # fmt: skip
def test_a_hostile_function_costs_no_time_and_reaches_nothing(source: str) -> None:
    started = time.thread_time()  # not of threads that other tests have left
    try:
        value = evaluate(source, NAMES)
    except EvaluatorError:
        pass
    else:
        assert isinstance(value, float | bool)
    assert time.thread_time() - started < 10  # a blow-up takes hours, a busy machine a second


# --- extra specs ----------------------------------------------------------------------------------
REQUIREMENT = st.one_of(
    st.text(max_size=20),
    st.tuples(st.sampled_from(sorted(OPERATORS)), st.text(max_size=9)).map(" ".join),
)
CAPABILITY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
)


@given(REQUIREMENT, CAPABILITY)
def test_any_extra_spec_can_be_compared_with_any_capability(spec: str, capability: Any) -> None:
    assert matcher(spec)(capability) in (True, False)


@given(REQUIREMENT)
def test_a_capability_that_is_not_there_matches_nothing(spec: str) -> None:
    assert not matcher(spec)(None)


# --- hints, groups, extension ---------------------------------------------------------------------
QUERIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("$free_capacity_gb"),
    lambda inner: st.lists(
        st.sampled_from(["=", "<", ">", "in", "<=", ">=", "not", "or", "and", "no"]) | inner,
        max_size=4,
    ),
)
POOL = Pool(host="h@b#p", total=100.0, free=60.0, capabilities={"a": {"b": 1}})


@given(QUERIES)
def test_any_query_hint_is_answered_with_yes_or_no(query: Any) -> None:
    placer = Placer(["JsonFilter"])
    for given_ in (query, json.dumps(query)):
        chosen(placer, PlacementRequest(size=1, extra_specs={}, query=given_), [POOL])


@pytest.mark.parametrize(
    "query, fits",
    [
        (["and", [">=", "$free_capacity_gb", 60], ["=", "$a.b", 1]], True),
        ('["not", ["<", "$free_capacity_gb", 100]]', False),
        (["in", "$host", "h@b#p", "other"], True),
        (["<", "$free_capacity_gb", "text"], False),
        (["=", "$a.__class__", "dict"], False),
        ([], True),
        ("[" * 4000, False),
        (["not"] * 300, False),
        ({"a": 1}, False),
    ],
)
def test_the_query_hint_reads_what_the_pool_reports(query: Any, fits: bool) -> None:
    request = PlacementRequest(size=1, extra_specs={}, query=query)
    assert (chosen(Placer(["JsonFilter"]), request, [POOL]) is not None) is fits


def test_a_group_with_consistent_snapshots_goes_where_they_are_made() -> None:
    pools = pools_from_stats("one@b", {}) + pools_from_stats(
        "two@b", {"share_group_stats": {"consistent_snapshot_support": "pool"}}
    )
    wish = {"consistent_snapshot_support": "pool"}
    request = PlacementRequest(size=1, extra_specs={}, group_specs=wish)
    assert chosen(Placer(["ConsistentSnapshotFilter"]), request, pools) == "two@b#b"


def test_a_share_grows_by_what_its_pool_has_left_and_is_told_why_not() -> None:
    full = Pool(host="h@b#p", total=100.0, free=60.0, reserved_extend=50.0, disabled=True)
    more = PlacementRequest(size=30, current_size=20, extra_specs={}, operation="extend")
    Placer().check_extend(more, [full], full.host)
    too_much = PlacementRequest(size=31, current_size=20, extra_specs={}, operation="extend")
    with pytest.raises(NoValidHost) as refusal:
        Placer().check_extend(too_much, [full], full.host)
    assert refusal.value.message_detail_id == "009"
    assert refusal.value.for_user() == (
        "The share cannot have 11 GiB more: its pool has too little free space."
    )
    assert "10 GiB are usable (60 GiB free, 50% of the total reserved)" in refusal.value.for_log()
