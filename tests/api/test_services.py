"""Services and pools, over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa

from abaca.operations import log as oplog
from abaca.service.env import Env
from abaca.store import services
from abaca.store.engine import Store
from abaca.store.schema import services as table
from api.service_client import MEMBER, NASTY, PROJECT, READER, Api

HOST = "one@alpha"
STATS = {
    f"{HOST}#p1": {
        "pool_name": "p1", "total_capacity_gb": 100, "free_capacity_gb": 60.5,
        "snapshot_support": True, "storage_protocol": "NFS_CIFS", "abaca_allocated_gb": 3,
        "netapp": {"tier": {"disk": "ssd"}},
    },
    f"{HOST}#p2": {"pool_name": "p2", "snapshot_support": False, "dedupe": [True, False]},
}  # fmt: skip


@pytest.fixture
def api(store: Store) -> Api:
    with store.transaction() as tx:
        report(tx, "one@alpha", zone="east")
        report(tx, "two@beta", zone="west")
        report(tx, "one", binary="manila-scheduler", topic="manila-scheduler", zone="east")
        services.report_pools(tx, HOST, STATS)
        services.report_pools(tx, "two@beta", {"two@beta#p1": {"pool_name": "p1"}})
    return Api(Env(store=store))


def report(tx: Any, host: str, binary: str = "manila-share", **values: str) -> None:
    how: dict[str, Any] = {"topic": "manila-share", **values}
    services.report_service(tx, host=host, binary=binary, **how)


def change(api: Api, host: str, **values: Any) -> None:
    with api.store.transaction() as tx:
        tx.run(sa.update(table).where(table.c.host == host).values(**values))


def hosts(api: Api, **how: Any) -> list[str]:
    return [row["host"] for row in api.get("/services", expect=200, **how).json["services"]]


# --- services -------------------------------------------------------------------------------------
def test_fields(api: Api) -> None:
    shown = api.get("/os-services", v="2.6", expect=200).json["services"][0]
    assert set(shown) == {"id", "binary", "host", "zone", "status", "state", "updated_at"}
    assert (shown["state"], shown["status"], shown["zone"]) == ("up", "enabled", "east")
    assert isinstance(shown["id"], int)
    assert set(api.get("/services", v="2.83").json["services"][0]) == {*shown, "disabled_reason"}
    last = api.get("/services").json["services"][0]
    assert set(last) == {*shown, "disabled_reason", "ensuring"}
    assert last["ensuring"] is False


def test_states(api: Api) -> None:
    change(api, "one@alpha", reported_at=time.time() - 61)
    change(api, "two@beta", stopped=True)
    found = {row["host"]: row["state"] for row in api.get("/services").json["services"]}
    assert found == {"one@alpha": "down", "two@beta": "stopped", "one": "up"}


def test_a_backend_that_does_not_answer_says_why(api: Api) -> None:
    change(api, "two@beta", problem="no route")
    (row,) = api.get("/services", host="two@beta").json["services"]
    assert (row["state"], row["status"], row["disabled_reason"]) == ("down", "enabled", "no route")


def test_filters(api: Api) -> None:
    change(api, "two@beta", stopped=True, disabled=True, ensuring=True)
    assert hosts(api, host="one@alpha") == ["one@alpha"]
    assert hosts(api, binary="manila-scheduler") == ["one"]
    assert hosts(api, topic="manila-share") == ["one@alpha", "two@beta"]
    assert hosts(api, zone="west") == ["two@beta"]
    assert hosts(api, state="stopped") == ["two@beta"]
    assert hosts(api, status="disabled") == ["two@beta"]
    assert hosts(api, status="enabled", zone="east") == ["one@alpha", "one"]
    assert hosts(api, ensuring="true") == ["two@beta"]
    assert hosts(api, ensuring="true", v="2.92") == ["one@alpha", "two@beta", "one"]
    for name in ("status", "zone", "state", "ensuring"):
        assert hosts(api, **{name: "nonsense"}) == []


def test_disable_and_enable(api: Api) -> None:
    body = {"host": HOST, "binary": "manila-share"}
    off = api.put("/os-services/disable", body, v="2.0", expect=200).json
    assert off == {**body, "status": "disabled"}
    why = {**body, "disabled_reason": " new disks "}
    shown = api.put("/services/disable", why, v="2.83", expect=200).json
    assert shown == {**body, "status": "disabled", "disabled_reason": "new disks"}
    assert api.put("/services/disable", why).json["ensuring"] is None
    listed = api.get("/services", host=HOST).json["services"][0]
    assert (listed["status"], listed["disabled_reason"]) == ("disabled", "new disks")
    on = api.put("/services/enable", body, expect=200).json
    assert (on["status"], on["disabled_reason"]) == ("enabled", None)


def test_update_refuses(api: Api) -> None:
    body = {"host": HOST, "binary": "manila-share"}
    assert api.put("/services/restart", body).status == 404
    assert api.put("/services/enable", {**body, "host": "nowhere"}).status == 404
    assert api.put("/services/enable", {**body, "binary": "cron"}).status == 404
    assert api.put("/services/enable", {"host": HOST}).status == 400
    assert api.put("/services/enable", {"binary": "manila-share"}).status == 400
    assert api.put("/services/disable", {**body, "disabled_reason": "x"}, v="2.82").status == 400
    reasons: list[Any] = ["", "  ", "x" * 256, 5, [], "a\x00b"]
    for reason in reasons:
        wrong = {**body, "disabled_reason": reason}
        assert api.put("/services/disable", wrong).status == 400, reason
    for value in NASTY:
        assert api.put("/services/disable", {**body, "host": value}).status in (400, 404), value
        assert api.put("/services/disable", value).status == 400, value


@pytest.mark.parametrize("ask", [{"ensure_shares": {"host": HOST}}, {"host": HOST}])
def test_ensure_shares(api: Api, ask: dict[str, Any]) -> None:
    assert api.post("/services/ensure-shares", ask, expect=202).json is None
    with api.store.read() as tx:
        (op,) = oplog.live(tx)
    assert (op.kind, op.host, op.lock_key) == ("ensure_driver_resources", HOST, f"ensure:{HOST}")
    assert op.payload == {"skip_backend_info_check": True}
    assert (op.resource_type, op.project_id) == ("SERVICE", PROJECT)


def test_ensure_shares_refuses(api: Api) -> None:
    path = "/services/ensure-shares"
    for value in NASTY:
        assert api.post(path, {"ensure_shares": {"host": value}}).status in (400, 404), value
    assert api.post(path, {"ensure_shares": {"host": HOST, "x": 1}}).status == 400
    assert api.post(path, {"ensure_shares": {}}).status == 400
    assert api.post(path, {"ensure_shares": {"host": HOST}, "host": HOST}).status == 400
    assert api.post(path, {}).status == 400
    assert api.post(path).status == 400
    assert api.post(path, {"ensure_shares": {"host": "one"}}).status == 404  # a scheduler
    change(api, HOST, reported_at=0.0)
    assert "down" in api.post(path, {"ensure_shares": {"host": HOST}}, expect=409).message
    assert api.post(path, {"ensure_shares": {"host": HOST}}, v="2.85").status == 404


def test_a_long_host_is_ensured(api: Api) -> None:
    host = "h" * 200 + "@b"
    with api.store.transaction() as tx:
        report(tx, host, zone="z")
    api.post("/services/ensure-shares", {"ensure_shares": {"host": host}}, expect=202)


# --- pools ----------------------------------------------------------------------------------------
def pools(api: Api, **how: Any) -> list[str]:
    found = api.get("/scheduler-stats/pools", expect=200, **how).json["pools"]
    return [pool["name"] for pool in found]


ALL = [f"{HOST}#p1", f"{HOST}#p2", "two@beta#p1"]


def test_pools(api: Api) -> None:
    shown = api.get("/scheduler-stats/pools").json["pools"]
    assert shown[0] == {"name": f"{HOST}#p1", "host": "one", "backend": "alpha", "pool": "p1"}
    assert [pool["name"] for pool in shown] == ALL
    first, second, _ = api.get("/scheduler-stats/pools/detail").json["pools"]
    assert set(first) == {*shown[0], "capabilities"}
    said = first["capabilities"]
    assert (said["total_capacity_gb"], said["free_capacity_gb"]) == (100, 60.5)
    assert (said["snapshot_support"], said["pool_name"]) == (True, "p1")
    assert second["capabilities"]["total_capacity_gb"] == "unknown"
    assert "abaca_allocated_gb" not in said


def test_pools_of_dead_and_disabled_backends_are_not_shown(api: Api) -> None:
    change(api, HOST, disabled=True)
    assert pools(api) == ["two@beta#p1"]
    change(api, "two@beta", reported_at=0.0)
    assert pools(api) == []


def test_pool_filters(api: Api) -> None:
    assert pools(api, pool="p1") == [ALL[0], ALL[2]]
    assert pools(api, host=".*", backend="be", pool="p.") == ["two@beta#p1"]
    assert pools(api, host="on") == ALL[:2]
    assert pools(api, name="two@beta#p1") == ["two@beta#p1"]
    assert pools(api, name="wo") == []
    for wrong in ("(", "*", "[", "a{99999999999999999999}", "x" * 300):
        assert api.get("/scheduler-stats/pools", pool=wrong).status == 400, wrong
    api.get("/scheduler-stats/pools", pool="(" * 120 + ")" * 120)


@pytest.mark.parametrize(
    ("specs", "found"),
    [
        ({"snapshot_support": "True"}, ALL[:1]),
        ({"snapshot_support": "<is> False"}, ALL[1:]),
        ({"capabilities:netapp:tier:disk": "<or> hdd <or> ssd"}, ALL[:1]),
        ({"storage_protocol": "<in> nfs"}, ALL[:1]),
        ({"total_capacity_gb": ">= 100"}, ALL[:1]),
        ({"dedupe": "<is> True"}, [ALL[1]]),
        ({"vendor:key": "x", "availability_zones": "a"}, ALL),
        ({"unheard_of": "x"}, []),
    ],
)
def test_pools_by_capabilities_and_type(api: Api, specs: dict[str, str], found: list[str]) -> None:
    assert pools(api, capabilities=str(specs)) == found
    body = {"name": "t", "extra_specs": {"driver_handles_share_servers": "False", **specs}}
    made = api.post("/types", {"share_type": body}, expect=200).json["share_type"]
    assert pools(api, share_type="t") == found
    assert pools(api, share_type=made["id"]) == found
    assert pools(api, share_type="t", v="2.22") == ALL


def test_pools_refuse(api: Api) -> None:
    for share_type in ("none", "x" * 300, "a b", "'"):
        assert api.get("/scheduler-stats/pools", share_type=share_type).status == 400
    for wrong in ("x", "{", "{'a': []}", "[]"):
        assert api.get("/scheduler-stats/pools/detail", capabilities=wrong).status == 400


def test_only_administrators(api: Api) -> None:
    for who in (MEMBER, READER):
        assert api.get("/services", as_=who).status == 403
        assert api.put("/services/enable", {}, as_=who).status == 403
        assert api.post("/services/ensure-shares", {}, as_=who).status == 403
        assert api.get("/scheduler-stats/pools", as_=who).status == 403
        assert api.get("/scheduler-stats/pools/detail", as_=who).status == 403


def test_extensions(api: Api) -> None:
    assert api.get("/extensions", v="2.0", as_=READER, expect=200).json == {"extensions": []}
    assert api.get("/extensions/x", v="2.0").status == 404
    assert api.delete("/extensions/x").status == 404
    assert api.post("/extensions", {}).status == 404
