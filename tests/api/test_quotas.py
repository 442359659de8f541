"""Quota sets, quota classes and limits, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.model.quotas import DEFAULT_LIMITS
from abaca.service.env import Env, Settings
from abaca.store import quotas
from abaca.store.engine import Store
from api.service_client import MEMBER, NASTY, OTHER, PROJECT, READER, STRANGER, Api

PATH = f"/quota-sets/{PROJECT}"
FIRST = {"shares", "gigabytes", "snapshots", "snapshot_gigabytes", "share_networks"}


@pytest.fixture
def api(store: Store) -> Api:
    defaults = {"shares": 50, "gigabytes": 2000}
    return Api(Env(store=store, settings=Settings(quota_defaults=defaults)))


def make_type(api: Api, name: str = "gold") -> str:
    body = {"name": name, "extra_specs": {"driver_handles_share_servers": "False"}}
    found: str = api.post("/types", {"share_type": body}, expect=200).json["share_type"]["id"]
    return found


def use(api: Api, amount: int, share_type: str | None = None, user: str = "ann") -> None:
    with api.store.transaction() as tx:
        quotas.charge(
            tx, {"shares": amount}, project_id=PROJECT, user_id=user, share_type_id=share_type
        )


def shown(api: Api, path: str = PATH, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.get(path, expect=200, **how).json["quota_set"]
    return found


def put(api: Api, limits: dict[str, Any], status: int = 200, path: str = PATH, **how: Any) -> Any:
    return api.put(path, {"quota_set": limits}, expect=status, **how).json


# --- look -----------------------------------------------------------------------------------------
def test_show(api: Api) -> None:
    assert shown(api) == {"id": PROJECT, **DEFAULT_LIMITS, "gigabytes": 2000}
    assert shown(api, as_=READER) == shown(api)
    assert shown(api, f"{PATH}/defaults") == shown(api)
    assert shown(api, f"/os-quota-sets/{PROJECT}", v="2.6") == shown(api, v="2.7")
    assert api.get(PATH, v="2.6").status == 404
    assert api.get(f"/os-quota-sets/{PROJECT}", v="2.7").status == 404


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.0", set()),
        ("2.39", set()),
        ("2.40", {"share_groups", "share_group_snapshots"}),
        ("2.53", {"share_replicas", "replica_gigabytes"}),
        ("2.62", {"per_share_gigabytes"}),
        ("2.80", {"backups", "backup_gigabytes"}),
        ("2.90", {"encryption_keys"}),
    ],
)
def test_keys_by_version(api: Api, version: str, more: set[str]) -> None:
    word = "os-quota-sets" if version == "2.0" else "quota-sets"
    keys = set(shown(api, f"/{word}/{PROJECT}", v=version))
    assert keys >= FIRST | more | {"id"}
    for key in more:
        assert key not in shown(api, v=f"2.{int(version[2:]) - 1}")
        put(api, {key: 1}, 400, v=f"2.{int(version[2:]) - 1}")
        put(api, {key: 1}, v=version)


def test_detail(api: Api) -> None:
    use(api, 3)
    found = shown(api, f"{PATH}/detail")
    assert found["shares"] == {"limit": 50, "in_use": 3, "reserved": 0}
    assert found["id"] == PROJECT and set(found) == {"id", *DEFAULT_LIMITS}
    of_user = shown(api, f"{PATH}/detail", user_id="bob")
    assert of_user["shares"] == {"limit": 50, "in_use": 0, "reserved": 0}
    assert api.get(f"{PATH}/detail", v="2.24").status == 404


def test_who_sees_what(api: Api) -> None:
    assert api.get(PATH, as_=STRANGER).status == 403
    assert api.get(f"{PATH}/detail", as_=STRANGER).status == 403
    assert api.get(f"{PATH}/defaults", as_=STRANGER).status == 200
    for who in (MEMBER, READER):
        assert api.put(PATH, {"quota_set": {"shares": 1}}, as_=who).status == 403
        assert api.delete(PATH, as_=who).status == 403


# --- change ---------------------------------------------------------------------------------------
def test_update_a_project(api: Api) -> None:
    answer = put(api, {"shares": "7", "gigabytes": -1, "tenant_id": PROJECT, "force": "no"})
    assert "id" not in answer["quota_set"]
    assert (answer["quota_set"]["shares"], answer["quota_set"]["gigabytes"]) == (7, -1)
    assert shown(api)["shares"] == 7
    assert shown(api, f"{PATH}/defaults")["shares"] == 50
    assert shown(api, f"/quota-sets/{OTHER}")["shares"] == 50
    assert api.delete(PATH, expect=202).json is None
    assert shown(api)["shares"] == 50


def test_not_below_what_is_in_use(api: Api) -> None:
    use(api, 5)
    assert "5 in use" in api.put(PATH, {"quota_set": {"shares": 4}}, expect=400).message
    assert shown(api)["shares"] == 50
    put(api, {"shares": 5})
    put(api, {"shares": -1})
    put(api, {"shares": 4, "force": True})
    assert shown(api)["shares"] == 4


def test_a_user_gets_no_more_than_the_project(api: Api) -> None:
    put(api, {"shares": 10})
    for over in (11, -1):
        refused = api.put(PATH, {"quota_set": {"shares": over}}, user_id="ann", expect=400)
        assert "whole project" in refused.message
    put(api, {"shares": 10}, user_id="ann")
    put(api, {"shares": 11, "force": True}, user_id="ann")
    assert shown(api, user_id="ann")["shares"] == 11
    assert (shown(api)["shares"], shown(api, user_id="bob")["shares"]) == (10, 10)
    put(api, {"shares": -1})
    put(api, {"shares": -1}, user_id="ann")
    use(api, 3)
    put(api, {"shares": 2}, 400, user_id="ann")
    put(api, {"shares": 2}, user_id="bob")
    api.delete(PATH, user_id="ann", expect=202)
    assert (shown(api, user_id="ann")["shares"], shown(api, user_id="bob")["shares"]) == (-1, 2)
    api.delete(PATH, expect=202)
    assert shown(api, user_id="bob")["shares"] == 50


def test_a_share_type(api: Api) -> None:
    type_id = make_type(api)
    use(api, 2, type_id)
    for name in ("gold", type_id):
        found = shown(api, share_type=name)
        assert not {"share_networks", "share_groups", "share_group_snapshots"} & set(found)
        assert found["shares"] == 50
    put(api, {"shares": 1}, 400, share_type="gold")
    answer = put(api, {"shares": 3}, share_type="gold")
    assert answer["quota_set"]["shares"] == 3 and "share_networks" not in answer["quota_set"]
    detail = shown(api, f"{PATH}/detail", share_type=type_id)
    assert detail["shares"] == {"limit": 3, "in_use": 2, "reserved": 0}
    assert shown(api)["shares"] == 50
    for uncounted in ("share_networks", "share_groups", "share_group_snapshots"):
        put(api, {uncounted: 1}, 400, share_type="gold")
    api.delete(PATH, share_type="gold", expect=202)
    assert shown(api, share_type="gold")["shares"] == 50


def test_share_type_refused(api: Api) -> None:
    make_type(api)
    body = {"quota_set": {"shares": 1}}
    for name, status in (("none", 404), ("x" * 300, 400)):
        assert api.get(PATH, share_type=name).status == status
        assert api.put(PATH, body, share_type=name).status == status
        assert api.delete(PATH, share_type=name).status == status
    for how in ({"v": "2.38"}, {"user_id": "ann"}):
        assert api.get(PATH, share_type="gold", **how).status == 400
        assert api.get(f"{PATH}/detail", share_type="gold", **how).status == 400
        assert api.put(PATH, body, share_type="gold", **how).status == 400
        assert api.delete(PATH, share_type="gold", **how).status == 400


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"force": True},
        {"tenant_id": "x"},
        {"nonsense": 1},
        {"shares": 1, "nonsense": 1},
        {"shares": -2},
        {"shares": 2**31},
        {"shares": None},
        {"shares": "many"},
        {"shares": 1, "force": "perhaps"},
    ],
)
def test_update_refuses(api: Api, limits: dict[str, Any]) -> None:
    put(api, limits, 400)


def test_nonsense_is_never_500(api: Api) -> None:
    for value in NASTY:
        bodies: list[Any] = [{"quota_set": {"shares": value}}, {"quota_set": value}, value]
        for body in bodies:
            api.put(PATH, body)
            api.put("/quota-class-sets/default", body)
        api.put("/quota-class-sets/default", {"quota_class_set": {"shares": value}})
    good = {"quota_set": {"shares": 1}}
    for project in ("x" * 65, "%F0%9F%92%A9" * 30, "a'b", "x" * 5000):
        api.get(f"/quota-sets/{project}")
        api.get(f"/quota-sets/{project}/defaults")
        api.put(f"/quota-sets/{project}", good)
        api.delete(f"/quota-sets/{project}")
        api.put(f"/quota-class-sets/{project}", {"quota_class_set": {"shares": 1}})
        api.get(f"/quota-class-sets/{project}")
    for user in ("x" * 65, "x" * 10240, "\x07", "ä" * 64):
        api.put(PATH, good, user_id=user)
        api.get(PATH, user_id=user)


# --- classes --------------------------------------------------------------------------------------
def test_classes(api: Api) -> None:
    path = "/quota-class-sets/default"
    assert api.get(path).json["quota_class_set"] == {
        "id": "default", **DEFAULT_LIMITS, "gigabytes": 2000,
    }  # fmt: skip
    changed = api.put(path, {"quota_class_set": {"shares": 9, "odd": 1}}, expect=200).json
    assert changed["quota_class_set"]["shares"] == 9 and "id" not in changed["quota_class_set"]
    api.put(path, {"quota_class_set": {"shares": 8}}, expect=200)
    assert shown(api)["shares"] == shown(api, f"{PATH}/defaults")["shares"] == 8
    put(api, {"shares": 20})
    assert shown(api)["shares"] == 20
    assert api.get("/quota-class-sets/other").json["quota_class_set"]["shares"] == 50
    old = api.get("/os-quota-class-sets/default", v="2.0").json["quota_class_set"]
    assert set(old) == {"id"} | FIRST
    early = {"quota_class_set": {"backups": 3, "shares": 1}}
    api.put("/os-quota-class-sets/default", early, v="2.6", expect=200)
    assert shown(api, f"{PATH}/defaults")["backups"] == 10  # not known at 2.6


def test_classes_refuse(api: Api) -> None:
    path = "/quota-class-sets/default"
    values: list[Any] = ["1", 1.5, None, True, [], -2, 2**31, 2**70]
    for value in values:
        assert api.put(path, {"quota_class_set": {"shares": value}}).status == 400, value
    bodies: list[Any] = [None, {}, {"shares": 1}, {"quota_class_set": []}]
    for body in bodies:
        assert api.put(path, body).status == 400
    for who in (MEMBER, READER):
        assert api.get(path, as_=who).status == 403
        assert api.put(path, {"quota_class_set": {"shares": 1}}, as_=who).status == 403


# --- limits ---------------------------------------------------------------------------------------
def test_limits(api: Api) -> None:
    use(api, 3)
    put(api, {"gigabytes": -1})
    limits = api.get("/limits", as_=f"x:{PROJECT}:nothing", expect=200).json["limits"]
    assert limits["rate"] == []
    absolute = limits["absolute"]
    assert (absolute["maxTotalShares"], absolute["totalSharesUsed"]) == (50, 3)
    assert (absolute["maxTotalShareGigabytes"], absolute["totalShareGigabytesUsed"]) == (-1, 0)
    assert len(absolute) == 22
    for version, keys in (("2.0", 10), ("2.53", 14), ("2.58", 18), ("2.80", 22)):
        assert len(api.get("/limits", v=version).json["limits"]["absolute"]) == keys
    assert api.get("/limits", as_=STRANGER).json["limits"]["absolute"]["totalSharesUsed"] == 0
