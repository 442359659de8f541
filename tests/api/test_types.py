"""Share types, their extra specs and their access lists, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from abaca.service.env import Env, Settings
from abaca.store import quotas
from abaca.store.engine import Store
from abaca.store.schema import quota_limits, share_instances, shares
from api.service_client import ADMIN, MEMBER, NASTY, OTHER, PROJECT, READER, STRANGER, Api

DHSS = {"driver_handles_share_servers": "False"}


@pytest.fixture
def api(store: Store) -> Api:
    return Api(Env(store=store, settings=Settings(default_share_type="gold")))


def make(api: Api, name: str = "gold", **fields: Any) -> dict[str, Any]:
    body = {"name": name, "extra_specs": DHSS, **fields}
    found: dict[str, Any] = api.post("/types", {"share_type": body}, expect=200).json["share_type"]
    return found


def private(api: Api, name: str = "private") -> dict[str, Any]:
    return make(api, name, **{"share_type_access:is_public": False})


def add_share(store: Store, type_id: str) -> None:
    with store.transaction() as tx:
        row = {"id": "s1", "project_id": PROJECT, "user_id": "u", "size": 1, "share_proto": "NFS"}
        tx.run(sa.insert(shares).values(**row, share_type_id=type_id, created_at=tx.now))


def test_create_and_show(api: Api) -> None:
    made = api.post(
        "/types", {"share_type": {"name": "gold", "description": "fast", "extra_specs": DHSS}}
    ).json
    assert made["share_type"] == made["volume_type"]
    shown = made["share_type"]
    assert shown == {
        "id": shown["id"],
        "name": "gold",
        "description": "fast",
        "extra_specs": DHSS,
        "required_extra_specs": DHSS,
        "share_type_access:is_public": True,
        "is_default": True,
    }
    again = api.get(f"/types/{shown['id']}", expect=200).json
    assert again == made
    assert api.get("/types/default", as_=READER).json == {
        key: value | {"extra_specs": again_specs(value)} for key, value in made.items()
    }


def again_specs(shown: dict[str, Any]) -> dict[str, Any]:
    """What a user sees of the specs at 2.99."""
    flags = (
        "snapshot_support create_share_from_snapshot_support revert_to_snapshot_support "
        "mount_snapshot_support snapshot_inherit_share_access_support"
    )
    found: dict[str, Any] = dict.fromkeys(flags.split(), False)
    found.update(shown["extra_specs"])
    return found


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("2.0", {"os-share-type-access:is_public"}),
        ("2.6", {"os-share-type-access:is_public"}),
        ("2.7", {"share_type_access:is_public"}),
        ("2.41", {"share_type_access:is_public", "description"}),
        ("2.46", {"share_type_access:is_public", "description", "is_default"}),
    ],
)
def test_fields_by_version(api: Api, version: str, keys: set[str]) -> None:
    made = make(api)
    shown = api.get(f"/types/{made['id']}", v=version).json["share_type"]
    assert set(shown) == {"id", "name", "extra_specs", "required_extra_specs"} | keys


def test_snapshot_support_is_true_by_default_below_2_24(api: Api) -> None:
    body = {"volume_type": {"name": "old", "extra_specs": DHSS}}
    old = api.post("/types", body, v="2.23", expect=200).json["volume_type"]
    assert old["extra_specs"] == DHSS | {"snapshot_support": "True"}
    assert make(api, "new")["extra_specs"] == DHSS


def test_users_see_standard_specs_only(api: Api) -> None:
    made = make(api, extra_specs=DHSS | {"secret:key": "1", "replication_type": "dr"})
    path = f"/types/{made['id']}"
    assert api.get(path, as_=MEMBER, v="2.23").json["share_type"]["extra_specs"] == DHSS | {
        "replication_type": "dr"
    }
    at_24 = api.get(path, as_=MEMBER, v="2.24").json["share_type"]["extra_specs"]
    assert len(at_24) == 6 and at_24["snapshot_support"] is False
    assert "secret:key" in api.get(path).json["share_type"]["extra_specs"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"share_type": None},
        {"share_type": []},
        {"share_type": {"extra_specs": DHSS}},
        {"share_type": {"name": "", "extra_specs": DHSS}},
        {"share_type": {"name": "  ", "extra_specs": DHSS}},
        {"share_type": {"name": "x" * 256, "extra_specs": DHSS}},
        {"share_type": {"name": "x"}},
        {"share_type": {"name": "x", "extra_specs": {}}},
        {"share_type": {"name": "x", "extra_specs": None}},
        {"share_type": {"name": "x", "extra_specs": {"driver_handles_share_servers": "maybe"}}},
        {"share_type": {"name": "x", "extra_specs": {"driver_handles_share_servers": "<is> True"}}},
        {"share_type": {"name": "x", "extra_specs": DHSS, "description": "d" * 256}},
        {"share_type": {"name": "x", "extra_specs": DHSS, "share_type_access:is_public": "maybe"}},
    ],
)
def test_create_refuses(api: Api, body: Any) -> None:
    assert api.post("/types", body).status == 400
    assert api.get("/types", is_public="all").json["share_types"] == []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("snapshot_support", ["<is> True", "no", True], ["perhaps", "<in> True"]),
        ("mount_point_name_support", ["1", False], ["2"]),
        ("replication_type", ["dr", "readable", "writable"], ["Dr", "both"]),
        ("availability_zones", ["a", "a, b "], [",", "a,,b", " "]),
        ("encryption_support", ["share", "share_server"], ["yes"]),
        ("provisioning:max_share_size", ["1", "2147483647"], ["0", "-1", "1.5", "9" * 30, "x"]),
        ("provisioning:min_share_size", ["10"], ["<is> 10", "٣"]),
        ("netapp:thin", ["whatever <is> it", True], ["", "x" * 256, 5, None, [], "a\x00b"]),
    ],
)
def test_values_of_specs(api: Api, name: str, good: list[Any], bad: list[Any]) -> None:
    path = f"/types/{make(api)['id']}/extra_specs"
    for value in good:
        assert api.post(path, {"extra_specs": {name: value}}, expect=200).json == {
            "extra_specs": {name: value}
        }
        stored = api.get(f"{path}/{name}", expect=200).json[name]
        assert stored.replace(" ", "") == str(value).replace(" ", "")
        api.put(f"{path}/{name}", {name: value}, expect=200)
    before = api.get(path).json
    for value in bad:
        assert api.post(path, {"extra_specs": {name: value}}).status == 400, value
        assert api.put(f"{path}/{name}", {name: value}).status == 400, value
    assert api.get(path).json == before


def test_names_of_specs(api: Api) -> None:
    path = f"/types/{make(api)['id']}/extra_specs"
    for good in ("a", "a.b-c:d_e", "x" * 255):
        api.post(path, {"extra_specs": {good: "1"}}, expect=200)
    for bad in ("", " ", "a b", "a/b", "a\x00", "x" * 256, "ä&"):
        assert api.post(path, {"extra_specs": {bad: "1"}}).status == 400, bad
    wrong: list[Any] = [None, [], "a"]
    bodies: list[Any] = [None, {}, *({"extra_specs": value} for value in wrong)]
    for body in bodies:
        assert api.post(path, body).status == 400


def test_one_spec(api: Api) -> None:
    path = f"/types/{make(api)['id']}/extra_specs"
    assert api.put(f"{path}/a", {"a": "1"}, expect=200).json == {"a": "1"}
    assert api.put(f"{path}/a", {"a": "2"}, expect=200).json == {"a": "2"}
    assert api.get(f"{path}/a").json == {"a": "2"}
    assert api.get(path).json == {"extra_specs": DHSS | {"a": "2"}}
    bodies: list[Any] = [{}, {"b": "1"}, {"a": "1", "b": "2"}, [], None, {"a": {}}]
    for body in bodies:
        assert api.put(f"{path}/a", body).status == 400, body
    assert api.delete(f"{path}/a").status == 202
    assert api.delete(f"{path}/a").status == 404
    assert api.get(f"{path}/a").status == 404
    assert "snapshot_support" in api.delete(f"{path}/snapshot_support", v="2.23").message
    assert api.delete(f"{path}/driver_handles_share_servers").status == 403
    assert api.delete(f"{path}/snapshot_support", v="2.23").status == 403
    assert api.delete(f"{path}/snapshot_support", v="2.24").status == 404


def test_unknown_type(api: Api) -> None:
    for id in ("00000000-0000-4000-8000-000000000000", "nope", "x" * 300, "%F0%9F%92%A9"):
        path = f"/types/{id}"
        assert api.get(path).status == 404
        assert api.put(path, {"share_type": {"name": "a"}}).status == 404
        assert api.delete(path).status == 404
        assert api.get(f"{path}/share_type_access").status == 404
        assert api.get(f"{path}/extra_specs").status == 404
        assert api.get(f"{path}/extra_specs/a").status == 404
        assert api.post(f"{path}/extra_specs", {"extra_specs": {"a": "1"}}).status == 404
        assert api.put(f"{path}/extra_specs/a", {"a": "1"}).status == 404
        assert api.delete(f"{path}/extra_specs/a").status == 404
        for word in ("addProjectAccess", "removeProjectAccess"):
            assert api.post(f"{path}/action", {word: {"project": PROJECT}}).status == 404


def test_names_are_unique(api: Api) -> None:
    make(api)
    other = make(api, "silver")
    body = {"share_type": {"name": "gold", "extra_specs": DHSS}}
    assert "gold" in api.post("/types", body, expect=409).message
    path = f"/types/{other['id']}"
    assert api.put(path, {"share_type": {"name": "gold"}}, expect=409)
    assert api.put(path, {"share_type": {"name": "silver"}}, expect=200)


def test_update(api: Api) -> None:
    path = f"/types/{make(api, description='d')['id']}"
    changed = api.put(
        path, {"share_type": {"name": "new", "share_type_access:is_public": "no"}}, expect=200
    ).json["share_type"]
    assert (changed["name"], changed["description"]) == ("new", "d")
    assert changed["share_type_access:is_public"] is False and changed["is_default"] is False
    cleared = api.put(path, {"volume_type": {"description": ""}}, expect=200).json["volume_type"]
    assert cleared["description"] is None
    for wrong in (
        {}, {"name": None}, {"name": " "}, {"name": "x" * 256}, {"description": "d" * 256},
        {"share_type_access:is_public": "x"}, {"unknown": 1},
    ):  # fmt: skip
        assert api.put(path, {"share_type": wrong}).status == 400, wrong
    assert api.put(path, {"share_type": {"name": "x"}}, v="2.49").status == 404


def test_description_comes_at_2_41(api: Api) -> None:
    body = {"share_type": {"name": "a", "description": "d", "extra_specs": DHSS}}
    assert api.post("/types", body, v="2.40").status == 400
    assert api.post("/types", body, v="2.41").status == 200


def test_legacy_public_key_wins(api: Api) -> None:
    both = {"os-share-type-access:is_public": False, "share_type_access:is_public": True}
    assert make(api, "a", **both)["share_type_access:is_public"] is False


def test_delete(api: Api, store: Store) -> None:
    made = make(api)
    with store.transaction() as tx:
        quotas.set_limits(tx, (PROJECT, "", made["id"]), {"shares": 1})
    assert api.delete(f"/types/{made['id']}", expect=202).json is None
    assert api.get(f"/types/{made['id']}").status == 404
    assert api.get("/types/default").status == 404
    with store.read() as tx:
        assert tx.all(sa.select(quota_limits)) == []


def test_a_type_in_use_stays(api: Api, store: Store) -> None:
    made = make(api)
    add_share(store, made["id"])
    assert "1 share;" in api.delete(f"/types/{made['id']}", expect=400).message
    other = make(api, "other")
    with store.transaction() as tx:
        row = {"id": "i1", "share_id": "s1", "status": "available", "created_at": tx.now}
        tx.run(sa.insert(share_instances).values(**row, share_type_id=other["id"]))
    assert api.delete(f"/types/{other['id']}").status == 400


def test_list_filters(api: Api) -> None:
    make(api, "a", extra_specs=DHSS | {"x": "1", "snapshot_support": "<is> True"})
    hidden = private(api, "b")

    def names(**query: Any) -> list[str]:
        found = api.get("/types", expect=200, **query).json
        assert found["share_types"] == found["volume_types"]
        return [share_type["name"] for share_type in found["share_types"]]

    assert names() == ["a"]
    assert names(is_public="all") == ["a", "b"]
    assert names(is_public="False") == ["b"]
    assert names(is_public="1") == ["a"]
    assert names(is_public="False", as_=MEMBER) == ["a"]
    assert names(is_public="what", as_=MEMBER) == ["a"]
    assert api.get("/types", is_public="what").status == 400
    assert names(extra_specs="{'x': '1'}") == ["a"]
    assert names(extra_specs="{'x': '2'}") == []
    assert names(extra_specs="{'x': '1'}", as_=MEMBER) == []  # no peeping at hidden specs
    assert names(extra_specs="{'snapshot_support': 'true'}", as_=MEMBER) == ["a"]
    assert names(extra_specs="{'snapshot_support': False}", is_public="all") == ["b"]
    for wrong in ("x", "{", "[]", "{'a': {}}", "{1:", "{'a'}"):
        assert api.get("/types", extra_specs=wrong).status == 400, wrong
    assert api.get("/types", extra_specs="{'x': '1'}", v="2.42").status == 400
    api.post(f"/types/{hidden['id']}/action", {"addProjectAccess": {"project": PROJECT}})
    assert names(as_=MEMBER) == ["a", "b"]
    assert names() == ["a", "b"]
    assert names(as_=STRANGER) == ["a"]


def test_access(api: Api) -> None:
    made = private(api)
    path = f"/types/{made['id']}"
    add, remove = (
        {word: {"project": PROJECT}} for word in ("addProjectAccess", "removeProjectAccess")
    )
    assert api.get(path, as_=MEMBER).status == 404
    assert api.get(f"{path}/share_type_access").json == {"share_type_access": []}
    assert api.post(f"{path}/action", add, expect=202).json is None
    assert api.post(f"{path}/action", add).status == 409
    listed = {"share_type_access": [{"share_type_id": made["id"], "project_id": PROJECT}]}
    for word in ("share_type_access", "os-share-type-access"):
        assert api.get(f"{path}/{word}", v="2.0").json == listed
    assert api.get(path, as_=MEMBER).status == 200
    assert api.get(path, as_=STRANGER).status == 404
    assert api.post(f"{path}/action", remove, expect=202)
    assert api.post(f"{path}/action", remove).status == 404


def test_access_of_a_public_type(api: Api) -> None:
    path = f"/types/{make(api)['id']}"
    assert api.get(f"{path}/share_type_access").status == 404
    for word in ("addProjectAccess", "removeProjectAccess"):
        assert api.post(f"{path}/action", {word: {"project": OTHER}}).status == 409


def test_access_refuses(api: Api) -> None:
    path = f"/types/{private(api)['id']}/action"
    for project in (*NASTY, "admin", PROJECT + "0", PROJECT[:-1] + "g"):
        for word in ("addProjectAccess", "removeProjectAccess"):
            assert api.post(path, {word: {"project": project}}).status == 400, project
    inners: list[Any] = [None, {}, []]
    for inner in inners:
        assert api.post(path, {"addProjectAccess": inner}).status == 400


def test_roles(api: Api) -> None:
    path = f"/types/{make(api)['id']}"
    for who in (MEMBER, READER):
        assert api.post("/types", {}, as_=who).status == 403
        assert api.put(path, {}, as_=who).status == 403
        assert api.delete(path, as_=who).status == 403
        assert api.get(f"{path}/extra_specs", as_=who).status == 403
        assert api.get(f"{path}/share_type_access", as_=who).status == 403
        assert api.get(path, as_=who).status == 200
    assert api.get(path, as_=f"x:{PROJECT}:nothing").status == 403
    assert api.get("/types", as_=ADMIN).status == 200


def test_nonsense_is_never_500(api: Api) -> None:
    for value in NASTY:
        made = api.post("/types", {"share_type": {"name": value, "extra_specs": DHSS}})
        assert made.status in (200, 400, 409), (value, made)
        specs = DHSS | {"k": value}
        api.post("/types", {"share_type": {"name": f"n{value!a:.40}", "extra_specs": specs}})
        if isinstance(value, str):
            odd = {"share_type": {"name": f"o{value!a:.40}", "extra_specs": DHSS | {value: "v"}}}
            api.post("/types", odd)
        api.post("/types", {"share_type": {"name": "d", "description": value, "extra_specs": DHSS}})
        api.post("/types", {"share_type": value})
    path = f"/types/{make(api, 'last')['id']}"
    for value in NASTY:
        for body in (
            {"name": value},
            {"description": value},
            {"share_type_access:is_public": value},
        ):
            api.put(path, {"share_type": body})
        api.post(f"{path}/extra_specs", {"extra_specs": {"k": value}})
        api.put(f"{path}/extra_specs/k", {"k": value})
    api.get("/types", is_public="all", expect=200)
