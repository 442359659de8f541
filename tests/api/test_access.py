"""Access rules over HTTP, in both generations."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abaca.model.status import BLOCKS_RULES
from abaca.store import access, shares
from abaca.store.engine import Store
from support.shares import SETTINGS, Answer, Client, World

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def allow(world: World, share: str, to: Any = "10.0.0.1", kind: Any = "ip", **more: Any) -> Answer:
    version = more.pop("version", "2.99")
    word = "allow_access" if int(version[2:]) >= 7 else "os-allow_access"
    given = {"access_type": kind, "access_to": to, **more}
    return world.member.act(share, word, given, version=version)


def rules(client: Client, share: str, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get("/share-access-rules", share_id=share, **asked)
    assert answer.status == 200, answer.json
    found: list[dict[str, Any]] = answer["access_list"]
    return found


# --- allow ----------------------------------------------------------------------------------------
def test_allow_queues_the_rule_and_the_work(world: World) -> None:
    share = world.share()
    rule = allow(world, share, metadata={"k": "v"})["access"]
    assert (rule["state"], rule["access_level"], rule["metadata"]) == (
        "queued_to_apply", "rw", {"k": "v"},
    )  # fmt: skip
    assert rule["share_id"] == share
    operation = world.operation(share)
    assert (operation.kind, operation.host) == ("update_access", "node@local")
    shown = world.member.get(f"/shares/{share}")["share"]
    assert (shown["status"], shown["access_rules_status"]) == ("available", "syncing")
    assert rules(world.member, share)[0]["id"] == rule["id"]
    assert world.member.get(f"/share-access-rules/{rule['id']}")["access"] == rule


ACCEPTED: list[tuple[str, str, str]] = [
    ("ip", "10.0.0.1", "10.0.0.1"),
    ("ip", "10.0.0.0/24", "10.0.0.0/24"),
    ("ip", "10.0.0.0/255.255.255.0", "10.0.0.0/24"),
    ("ip", "0.0.0.0/0", "0.0.0.0/0"),
    ("ip", "::/0", "::/0"),
    ("ip", "2001:DB8::0001", "2001:db8::1"),
    ("ip", "2001:db8::/32", "2001:db8::/32"),
    ("user", "anna", "anna"),
    ("user", "anna@example", "anna@example"),
    ("user", "дмитрий", "дмитрий"),
    ("user", "x" * 255, "x" * 255),
    ("cert", " client ", "client"),
    ("cert", "x" * 64, "x" * 64),
    ("cephx", "alice", "alice"),
]


@pytest.mark.parametrize(("kind", "to", "kept"), ACCEPTED)
def test_accepted(world: World, kind: str, to: str, kept: str) -> None:
    answer = allow(world, world.share(), to, kind)
    assert answer.status == 200, answer.json
    assert answer["access"]["access_to"] == kept


REFUSED: list[tuple[Any, Any]] = [
    ("ip", "10.0.0.1/24"),
    ("ip", "10.0.0.256"),
    ("ip", "10.0.0"),
    ("ip", "010.0.0.1"),
    ("ip", "167772161"),
    ("ip", "10.0.0.1/33"),
    ("ip", "10.0.0.1 "),
    ("ip", "10.0.0.1\n"),
    ("ip", "10.0.0.1; rm -rf /"),
    ("ip", "10.0.0.1(rw,no_root_squash)"),
    ("ip", "10.0.0.1,10.0.0.2"),
    ("ip", "*"),
    ("ip", "@netgroup"),
    ("ip", "host.example.org"),
    ("ip", "fe80::1%eth0"),
    ("ip", "fe80::/64%1"),
    ("ip", "::ffff:10.0.0.1"),
    ("ip", "2001:db8::1/32"),
    ("ip", ""),
    ("ip", "x" * 10240),
    ("ip", None),
    ("ip", 1),
    ("ip", ["10.0.0.1"]),
    ("user", "x" * 256),
    ("user", "...."),
    ("user", "    "),
    ("user", "anna\x00"),
    ("user", "anna\nforce user = root"),
    ("user", "anna;x"),
    ("user", "a/../b"),
    ("user", "DOMAIN\\anna"),
    ("user", " anna"),
    ("user", "anna\u202e"),
    ("cert", "   "),
    ("cert", "x" * 65),
    ("cert", "a\x07b"),
    ("cephx", "a.b"),
    ("cephx", "é"),
    ("cephx", ""),
    ("host", "10.0.0.1"),
    (None, "10.0.0.1"),
    (5, "10.0.0.1"),
]


@pytest.mark.parametrize(("kind", "to"), REFUSED)
def test_refused(world: World, kind: Any, to: Any) -> None:
    share = world.share()
    answer = allow(world, share, to, kind)
    assert answer.status == 400, answer.json
    assert answer.message
    assert rules(world.member, share) == []
    assert world.operations(share) == []


@pytest.mark.parametrize("given", [None, {}, {"access_type": "ip"}, {"access_to": "10.0.0.1"}])
def test_missing_keys(world: World, given: Any) -> None:
    assert world.member.act(world.share(), "allow_access", given).status == 400


@pytest.mark.parametrize(
    "more",
    [
        {"access_level": "root"},
        {"access_level": 5},
        {"metadata": {"": "v"}},
        {"metadata": {"k": "\x00"}},
        {"lock_deletion": True},
        {"lock_visibility": True},
        {"lock_reason": "why"},
    ],
)
def test_more_that_is_refused(world: World, more: dict[str, Any]) -> None:
    assert allow(world, world.share(), **more).status == 400


def test_what_came_with_which_version(world: World) -> None:
    share = world.share()
    assert allow(world, share, "alice", "cephx", version="2.12").status == 400
    assert allow(world, share, "alice", "cephx", version="2.13").status == 200
    assert allow(world, share, "2001:db8::1", version="2.37").status == 400
    assert allow(world, share, "2001:db8::1", version="2.38").status == 200
    early = allow(world, share, "10.1.0.1", version="2.0")["access"]
    assert early["state"] == "new"
    assert "metadata" not in early
    late = allow(world, share, "10.1.0.2", access_level=None, version="2.28")["access"]
    assert (late["state"], late["access_level"]) == ("queued_to_apply", "rw")
    assert allow(world, share, "10.1.0.3", lock_deletion=True, version="2.81").status == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.0/24", "10.0.0.0/255.255.255.0"),
        ("2001:db8::1", "2001:DB8:0::1/128"),
    ],
)
def test_duplicates(world: World, one: str, other: str) -> None:
    share = world.share()
    assert allow(world, share, one).status == 200
    answer = allow(world, share, other, access_level="ro")
    assert answer.status == 400
    assert "exists already" in answer.message
    assert len(rules(world.member, share)) == 1


def test_overlaps_are_no_duplicates(world: World) -> None:
    share = world.share()
    for to, level in (("10.0.0.0/24", "rw"), ("10.0.0.1", "ro"), ("0.0.0.0/0", "ro")):
        assert allow(world, share, to, access_level=level).status == 200


def test_names_of_one_user_are_duplicates(world: World) -> None:
    share = world.share()
    for user, status in (("Anna", 200), ("anna", 400), ("ANNA", 400), ("Annas", 200)):
        assert allow(world, share, user, access_type="user").status == status


def test_a_share_has_so_many_rules_and_no_more(store: Store) -> None:
    world = World(store, msgspec.structs.replace(SETTINGS, rules_per_share=3))
    share, other = world.share(), world.share()
    for last in range(3):
        assert allow(world, share, f"10.0.0.{last}").status == 200
    answer = allow(world, share, "10.0.0.9")
    assert answer.status == 413
    assert answer.json["overLimit"]["code"] == 413
    assert "has 3 access rules and may have at most 3" in answer.message
    assert len(rules(world.member, share)) == 3
    assert allow(world, other, "10.0.0.9").status == 200


def test_who_allows(world: World) -> None:
    share = world.share()
    given = {"access_type": "ip", "access_to": "10.0.0.1"}
    assert world.reader.act(share, "allow_access", given).status == 403
    assert world.stranger.act(share, "allow_access", given).status == 404
    world.set(share, is_public=True)
    assert world.stranger.act(share, "allow_access", given).status == 403
    assert world.member.act(NOBODY, "allow_access", given).status == 404


@pytest.mark.parametrize("status", sorted(BLOCKS_RULES))
def test_statuses_in_which_rules_do_not_change(world: World, status: str) -> None:
    share = world.share()
    rule = allow(world, share)["access"]["id"]
    world.activate(share)
    world.settle(share, status)
    assert allow(world, share, "10.0.0.2").status == 400
    assert world.member.act(share, "deny_access", {"access_id": rule}).status == 400
    given = {"update_access": {"access_level": "ro"}}
    assert world.member("PUT", f"/share-access-rules/{rule}", given).status == 400


def test_errors_and_versions(world: World) -> None:
    share = world.share()
    world.settle(share, "error")
    assert allow(world, share, version="2.73").status == 400
    assert allow(world, share, version="2.74").status == 200
    world.settle(share)
    with world.store.transaction() as tx:
        instance = shares.instances(tx, share)[0]
        shares.update_instance(tx, instance.id, access_rules_status="error")
    assert allow(world, share, "10.0.0.2", version="2.27").status == 400
    assert allow(world, share, "10.0.0.2", version="2.28").status == 200


def test_a_share_without_a_backend(world: World) -> None:
    assert allow(world, world.create()["id"]).status == 400


# --- deny -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("word", "version"), [("os-deny_access", "2.6"), ("deny_access", "2.7")])
def test_deny(world: World, word: str, version: str) -> None:
    share = world.share()
    rule = allow(world, share)["access"]["id"]
    world.activate(share)
    given = {"access_id": rule, "unrestrict": True}
    assert world.member.act(share, word, given, version=version).status == 202
    assert rules(world.member, share)[0]["state"] == "queued_to_deny"
    operation = world.operation(share)
    assert operation.kind == "update_access"
    assert world.member.act(share, word, given, version=version).status == 202
    assert world.operation(share).id == operation.id  # it is on its way already


def test_deny_refuses(world: World) -> None:
    share, other = world.share(), world.share()
    rule = allow(world, share)["access"]["id"]
    assert world.member.act(share, "deny_access", {"access_id": NOBODY}).status == 404
    assert world.member.act(other, "deny_access", {"access_id": rule}).status == 404
    assert world.member.act(share, "deny_access", {"access_id": "x"}).status == 400
    assert world.member.act(share, "deny_access", {}).status == 400
    assert world.member.act(share, "deny_access", None).status == 400
    assert world.reader.act(share, "deny_access", {"access_id": rule}).status == 403
    assert world.stranger.act(share, "deny_access", {"access_id": rule}).status == 404


# --- look -----------------------------------------------------------------------------------------
def test_the_old_list(world: World) -> None:
    share = world.share()
    allow(world, share)
    for word, version in (("os-access_list", "2.6"), ("access_list", "2.27")):
        (rule,) = world.member.act(share, word, version=version)["access_list"]
        assert rule["state"] == "new"
    (rule,) = world.member.act(share, "access_list", version="2.28")["access_list"]
    assert rule["state"] == "queued_to_apply"
    world.activate(share)
    (rule,) = world.reader.act(share, "access_list", version="2.10")["access_list"]
    assert rule["state"] == "active"
    assert "share_id" not in rule
    assert world.member.act(share, "access_list", version="2.45").status == 404
    assert world.stranger.act(share, "access_list", version="2.44").status == 404


def test_list(world: World) -> None:
    share = world.share()
    allow(world, share, "10.0.0.1", metadata={"k": "v"})
    allow(world, share, "10.0.0.0/24", access_level="ro")
    allow(world, share, "anna", "user")

    def listed(**asked: Any) -> list[str]:
        return [rule["access_to"] for rule in rules(world.member, share, **asked)]

    everything = ["10.0.0.1", "10.0.0.0/24", "anna"]
    assert listed() == everything
    assert listed(metadata="{'k': 'v'}") == ["10.0.0.1"]
    assert listed(access_type="user") == ["anna"]
    assert listed(access_type="ip", access_to="10.0.0.1/32") == ["10.0.0.1"]
    assert listed(access_level="ro") == ["10.0.0.0/24"]
    assert listed(access_key="x") == []
    assert listed(id=rules(world.member, share)[2]["id"]) == ["anna"]
    assert listed(access_level="ro", version="2.81") == everything
    assert listed(access_to="x", version="2.81") == everything


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"share_id": ""},
        {"share_id": NOBODY},
        {"share_id": "x\x00"},
        {"access_to": "10.0.0.1"},
        {"access_to": "x", "access_type": "ip"},
        {"access_type": "host"},
        {"access_level": "root"},
        {"metadata": "k"},
    ],
)
def test_list_input(world: World, asked: dict[str, str]) -> None:
    share = world.share()
    asked = asked if not asked or "share_id" in asked else {"share_id": share, **asked}
    assert world.member.get("/share-access-rules", **asked).status == 400


def test_who_sees_rules(world: World) -> None:
    share = world.share()
    rule = allow(world, share)["access"]["id"]
    place = f"/share-access-rules/{rule}"
    assert world.reader.get(place).status == 200
    assert world.admin.get(place).status == 200
    assert world.stranger.get(place).status == 404
    assert world.member.get(f"/share-access-rules/{NOBODY}").status == 404
    assert world.member.get(place, version="2.44").status == 404
    assert world.stranger.get("/share-access-rules", share_id=share).status == 400
    world.set(share, is_public=True)
    assert world.stranger.get("/share-access-rules", share_id=share).status == 403


# --- change ---------------------------------------------------------------------------------------
def test_change_the_level(world: World) -> None:
    share = world.share()
    rule = allow(world, share)["access"]["id"]
    place = f"/share-access-rules/{rule}"

    def put(level: Any, client: Client = world.member, **options: Any) -> Answer:
        return client("PUT", place, {"update_access": {"access_level": level}}, **options)

    assert put("ro").status == 400  # not applied yet
    world.activate(share)
    assert put("rw")["access"]["state"] == "active"  # as it was
    assert put("ro", version="2.87").status == 404
    assert put("ro", world.reader).status == 403
    assert put("ro", world.stranger).status == 404
    for wrong in (None, "root", 1):
        assert put(wrong).status == 400
    assert world.member("PUT", place, {}).status == 400
    changed = put("ro")["access"]
    assert (changed["access_level"], changed["state"]) == ("ro", "queued_to_update")
    assert world.operation(share).kind == "update_access"


def test_metadata_of_rules(world: World) -> None:
    rule = allow(world, world.share(), metadata={"a": "1"})["access"]["id"]
    place = f"/share-access-rules/{rule}/metadata"
    given = {"metadata": {"b": "2"}}
    assert world.member("PUT", place, given)["metadata"] == {"a": "1", "b": "2"}
    assert world.reader("PUT", place, given).status == 403
    assert world.stranger("PUT", place, given).status == 404
    for wrong in ({}, {"metadata": None}, {"metadata": {"b": 2}}, {"metadata": {"": "x"}}):
        assert world.member("PUT", place, wrong).status == 400
    assert world.member("DELETE", f"{place}/a").status == 200
    assert world.member("DELETE", f"{place}/a").status == 404
    shown = world.member.get(f"/share-access-rules/{rule}")["access"]
    assert shown["metadata"] == {"b": "2"}


def test_every_rule_has_its_state_on_the_instance(world: World) -> None:
    share = world.share()
    allow(world, share)
    operation = world.operation(share)
    with world.store.read() as tx:
        instance = shares.instances(tx, share)[0]
        (rule,) = access.on_instance(tx, instance.id)
    assert (rule.state, rule.operation_id) == ("queued_to_apply", operation.id)
