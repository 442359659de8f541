"""User messages, over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa

from abaca.model.messages import words
from abaca.service.env import Env
from abaca.store import messages
from abaca.store.engine import Store
from abaca.store.schema import messages as table
from api.service_client import MEMBER, OTHER, PROJECT, READER, STRANGER, Api

SHARE = "11111111-1111-4111-8111-111111111111"


def add(api: Api, at: str, project: str = PROJECT, **values: str) -> str:
    """A message made at this second of a day."""
    with api.store.transaction() as tx:
        made = messages.insert(
            tx,
            project_id=project,
            request_id=values.get("request_id", "req-1"),
            resource_type=values.get("resource_type", "SHARE"),
            resource_id=values.get("resource_id", SHARE),
            action_id=values.get("action_id", "002"),
            detail_id=values.get("detail_id", "009"),
        )
        tx.run(
            sa.update(table)
            .where(table.c.id == made)
            .values(created_at=f"2026-01-02T00:00:{at}.000000")
        )
    return made


@pytest.fixture
def api(store: Store) -> Api:
    return Api(Env(store=store))


def ids(api: Api, **how: Any) -> list[str]:
    how.setdefault("as_", MEMBER)
    return [row["id"] for row in api.get("/messages", expect=200, **how).json["messages"]]


def test_show(api: Api) -> None:
    made = add(api, "01")
    shown = api.get(f"/messages/{made}", v="2.37", as_=READER, expect=200).json["message"]
    links = shown.pop("links")
    assert [link["rel"] for link in links] == ["self", "bookmark"]
    assert links[0]["href"].endswith(f"/v2/messages/{made}")
    expires = shown.pop("expires_at")
    assert expires > shown["created_at"]
    assert shown == {
        "id": made,
        "project_id": PROJECT,
        "action_id": "002",
        "detail_id": "009",
        "message_level": "ERROR",
        "created_at": "2026-01-02T00:00:01.000000",
        "request_id": "req-1",
        "resource_type": "SHARE",
        "resource_id": SHARE,
        "user_message": words("002", "009"),
    }
    assert api.get(f"/messages/{made}", v="2.36").status == 404
    assert api.get("/messages", v="2.36").status == 404


def test_of_others(api: Api) -> None:
    mine, theirs = add(api, "01"), add(api, "02", project=OTHER)
    assert ids(api) == [mine]
    assert ids(api, as_=STRANGER) == [theirs]
    admin = f"root:{PROJECT}:admin"
    assert ids(api, as_=admin) == [theirs, mine]
    for method in ("GET", "DELETE"):
        assert api.call(method, f"/messages/{theirs}", as_=MEMBER).status == 404
        assert api.call(method, "/messages/unknown", as_=MEMBER).status == 404
    assert api.get(f"/messages/{theirs}", as_=admin).status == 200


def test_delete(api: Api) -> None:
    made = add(api, "01")
    assert api.delete(f"/messages/{made}", as_=READER).status == 403
    assert api.delete(f"/messages/{made}", as_=MEMBER, expect=204).json is None
    assert api.delete(f"/messages/{made}", as_=MEMBER).status == 404
    assert ids(api) == []


def test_filters(api: Api) -> None:
    one = add(api, "01", action_id="002", detail_id="009", request_id="req-a")
    two = add(api, "02", action_id="008", detail_id="001", resource_type="SNAPSHOT")
    three = add(api, "03", resource_id="22222222-2222-4222-8222-222222222222")
    assert ids(api) == [three, two, one]
    assert ids(api, action_id="002") == [three, one]
    assert ids(api, detail_id="001") == [two]
    assert ids(api, request_id="req-a") == [one]
    assert ids(api, resource_type="SNAPSHOT") == [two]
    assert ids(api, resource_id=SHARE) == [two, one]
    assert ids(api, message_level="ERROR", action_id="002", request_id="req-1") == [three]
    assert ids(api, message_level="INFO") == []


def test_by_time(api: Api) -> None:
    one, two, three = (add(api, f"0{n}") for n in (1, 2, 3))
    assert ids(api, created_since="2026-01-02T00:00:02") == [three, two]
    assert ids(api, created_before="2026-01-02T00:00:02Z") == [two, one]
    assert ids(api, created_since="2026-01-02T01:00:02.5+01:00") == [three]
    assert ids(api, created_since="2026-01-02", created_before="2026-01-02 00:00:01") == [one]
    assert ids(api, created_since="2030-01-01", v="2.51") == [three, two, one]  # came later
    for wrong in (
        "",
        "yesterday",
        "2026-13-01",
        "9" * 400,
        "0001-01-01T00:00:00+23:00",
        "２０２６",
    ):
        assert api.get("/messages", created_since=wrong).status == 400, wrong


def test_sort(api: Api) -> None:
    one = add(api, "01", action_id="008")
    two = add(api, "02", action_id="002")
    assert ids(api, sort_key="action_id") == [one, two]
    assert ids(api, sort_key="action_id", sort_dir="asc") == [two, one]
    assert ids(api, sort_dir="ASC") == [one, two]
    for key in ("id", "project_id", "request_id", "resource_type", "resource_id", "detail_id"):
        assert set(ids(api, sort_key=key)) == {one, two}
    assert api.get("/messages", sort_key="user").status == 400
    assert api.get("/messages", sort_dir="up").status == 400


@pytest.mark.parametrize("sort_key", ["created_at", "request_id"])
@pytest.mark.parametrize("sort_dir", ["asc", "desc"])
def test_paging(api: Api, sort_key: str, sort_dir: str) -> None:
    for n in range(5):
        add(api, f"0{n}", request_id="req-x")
    how = {"sort_key": sort_key, "sort_dir": sort_dir}
    everything = ids(api, **how)
    assert len(everything) == 5
    assert ids(api, limit="2", offset="1", **how) == everything[1:3]
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2", **how}
    for _ in range(3):
        page = api.get("/messages", as_=MEMBER, expect=200, **query).json
        seen += [row["id"] for row in page["messages"]]
        if "messages_links" in page:
            (link,) = page["messages_links"]
            query = dict(parse_qsl(urlsplit(link["href"]).query))
    assert seen == everything


def test_paging_refuses(api: Api) -> None:
    for wrong in ({"limit": "-1"}, {"limit": "x"}, {"offset": "-1"}, {"limit": str(2**70)}):
        assert api.get("/messages", **wrong).status == 400, wrong
    assert api.get("/messages", offset=str(2**62)).status == 200
    assert api.get("/messages", marker="unknown").status == 400
    assert api.get("/messages", action_id="x" * 300).status == 400
