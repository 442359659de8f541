"""Drift over HTTP: an extension for administrators."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from abaca.api.openapi import document
from abaca.api.registry import load
from abaca.model.drift import Finding
from abaca.operations import log as oplog
from abaca.store import drift
from abaca.store.engine import Store
from support.shares import World

HOST = "node@local"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def plant(world: World, kind: str, **values: Any) -> str:
    backend_id = str(uuid.uuid4())
    finding = Finding(
        **{
            "host": HOST,
            "kind": kind,
            "resource_type": "SHARE",
            "backend_id": backend_id,
            "lock_key": backend_id,
            "expected": "2 GiB",
            "found": "9 GiB",
            **values,
        }
    )
    with world.store.transaction() as tx:
        before = drift.find(tx, host=HOST)
        stored = drift.replace(tx, HOST, [*before, finding], (), drift.mark(tx))
        drift.looked(tx, HOST, None)
    return stored[-1].id


def live(world: World) -> list[tuple[str, str]]:
    with world.store.read() as tx:
        return [(op.kind, op.resource_id) for op in oplog.live(tx)]


def test_the_report_names_what_differs_and_what_to_do(world: World) -> None:
    share = world.create()
    finding = plant(world, "size", resource_id=share["id"])
    answer = world.admin.get("/drift")
    assert answer.status == 200
    [shown] = answer["drift"]
    assert (shown["id"], shown["resource_id"], shown["action"]) == (finding, share["id"], "resize")
    assert (shown["expected"], shown["found"]) == ("2 GiB", "9 GiB")
    assert shown["proposal"] == "give it the size of the database"
    [look] = answer["looks"]
    assert look["host"] == HOST and look["looked_at"] and look["problem"] is None
    assert world.admin.get("/drift", host="other@host").json == {"drift": [], "looks": []}


def test_many_findings_come_in_pages_whatever_is_repaired_meanwhile(world: World) -> None:
    """Each finding that stays is seen once, also when the last one of a page has gone."""
    planted = [plant(world, "size") for _ in range(7)]
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        page = world.admin.get("/drift", **query)
        assert page["looks"][0]["findings"] in (7, 6)
        seen += [each["id"] for each in page["drift"]]
        if "drift_links" not in page.json:
            break
        assert len(page["drift"]) == 2
        if len(seen) == 4:
            with world.store.transaction() as tx:
                drift.remove(tx, [seen[-1]])
        query = dict(parse_qsl(urlsplit(page["drift_links"][0]["href"]).query))
    assert sorted(seen) == sorted(planted) and len(seen) == 7
    rest = sorted(set(planted) - {seen[3]})
    assert [each["id"] for each in world.admin.get("/drift", offset="4")["drift"]] == rest[4:]
    assert world.admin.get("/drift", marker=rest[-1])["drift"] == []
    assert world.admin.get("/drift", limit="x").status == 400


def test_it_is_for_administrators(world: World) -> None:
    finding = plant(world, "extra")
    for caller in (world.member, world.reader):
        assert caller.get("/drift").status == 403
        assert caller("POST", "/drift/repair", {"repair": {}}).status == 403
        assert caller("POST", f"/drift/{finding}/adopt", {"adopt": {}}).status == 403


def test_a_repair_is_a_dry_run_first(world: World) -> None:
    share = world.create()
    before = live(world)
    finding = plant(world, "size", resource_id=share["id"])
    plan = world.admin("POST", "/drift/repair", {"repair": {"ids": [finding]}})
    assert plan.status == 200 and plan["repairs"][0]["operation_id"] is None
    assert live(world) == before
    done = world.admin("POST", "/drift/repair", {"repair": {"dry_run": False}})
    assert done.status == 202
    with world.store.read() as tx:
        op = oplog.get(tx, done["repairs"][0]["operation_id"])
    assert op and (op.kind, op.resource_id) == ("repair_drift", share["id"])
    assert op.project_id == world.member.project, "in the history of the share's project"


def test_adoption_is_a_dry_run_first(world: World) -> None:
    finding = plant(world, "extra", detail={"proto": "NFS", "path": "10.0.0.1:/share-x"})
    path = f"/drift/{finding}/adopt"
    plan = world.admin("POST", path, {"adopt": {"project_id": "p9"}})
    assert plan.status == 200 and plan["adoption"]["resource_id"] is None
    assert live(world) == []
    done = world.admin("POST", path, {"adopt": {"project_id": "p9", "dry_run": False}})
    assert done.status == 202
    assert live(world) == [("manage_share", done["adoption"]["resource_id"])]
    shown = world.admin.get(f"/shares/{done['adoption']['resource_id']}")["share"]
    assert (shown["project_id"], shown["host"]) == ("p9", f"{HOST}#pool")
    again = world.admin("POST", path, {"adopt": {"dry_run": False}})
    assert again.status == 409


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/drift/repair", {"repair": {"ids": ["nonsense"]}}, 400),
        ("/drift/repair", {"repair": {"ids": []}}, 400),
        ("/drift/repair", {"repair": {"ids": [str(uuid.uuid4())]}}, 404),
        ("/drift/repair", {"repair": {"force": True}}, 400),
        ("/drift/repair", {}, 400),
        ("/drift/{extra}/adopt", {"adopt": {"pool": "nowhere"}}, 400),
        ("/drift/{extra}/adopt", {"adopt": {"share_type": "x", "dry_run": False}}, 404),
        ("/drift/{extra}/adopt", {"adopt": {"project_id": "p" * 65}}, 400),
        ("/drift/{size}/adopt", {"adopt": {}}, 400),
        ("/drift/{odd}/adopt", {"adopt": {}}, 400),
        ("/drift/../adopt", {"adopt": {}}, 404),
        ("/drift/unknown/adopt", {"adopt": {}}, 404),
    ],
)
def test_bad_requests_change_nothing(
    world: World, path: str, body: dict[str, Any], status: int
) -> None:
    planted = {
        "extra": plant(world, "extra"),
        "size": plant(world, "size"),
        "odd": plant(world, "extra", backend_id="../../etc" + "x" * 200),
    }
    answer = world.admin("POST", path.format(**planted), body)
    assert answer.status == status, answer.json
    assert len(answer.message) > 10 and live(world) == []


def test_the_documents_mark_it_as_an_extension() -> None:
    paths = document(load(), 65)["paths"]
    assert paths["/v2/drift"]["get"]["x-abaca-extension"] is True
    assert "x-abaca-extension" not in paths["/v2/shares"]["get"]
