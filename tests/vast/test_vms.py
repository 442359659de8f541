"""Lists of the simulated array, and whom it answers."""

from __future__ import annotations

import base64

import pytest

from abaca.testing.vms import Array, Running
from vast.client import Client, names


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["a1", "a2", "b1"]),
        ("?name=a1", ["a1"]),
        ("?name=a", []),
        ("?name__contains=1", ["a1", "b1"]),
        ("?name__startswith=a", ["a1", "a2"]),
        ("?path=/r/b1", ["b1"]),
        ("?path__startswith=/r/a", ["a1", "a2"]),
        ("?hard_limit=2", ["a2"]),
        ("?page=2&page_size=2", ["b1"]),
        ("?page_size=2", ["a1", "a2"]),
    ],
)
def test_filters_and_pages(client: Client, query: str, wanted: list[str]) -> None:
    for number, name in enumerate(("a1", "a2", "b1"), 1):
        client.made("quotas/", name=name, path=f"/r/{name}", create_dir=True, hard_limit=number)
    for base in ("", "v7/", "latest/"):
        assert names(client("GET", f"{base}quotas/{query}")) == wanted


def test_a_page_has_an_envelope(client: Client) -> None:
    for number in range(5):
        client.made("viewpolicies/", name=str(number))
    pages = [client("GET", f"viewpolicies/?page={n}&page_size=2").body for n in (1, 2, 3)]
    assert [page["count"] for page in pages] == [5, 5, 5]
    assert [bool(page["next"]) for page in pages] == [True, True, False]
    assert [bool(page["previous"]) for page in pages] == [False, True, True]


def basic(words: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(words).decode()}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Authorization": "Bearer nonsense"}, 403),
        ({"Authorization": "Api-Token nonsense"}, 403),
        ({"Authorization": "Api-Token api-token"}, 200),
        (basic(b"admin:123456"), 200),
        (basic(b"admin:1"), 403),
        ({"Authorization": "Basic %%%"}, 403),
        ({"Authorization": "Api-Token api-token", "X-Tenant-Name": "default"}, 200),
        ({"Authorization": "Api-Token api-token", "X-Tenant-Name": "nobody"}, 400),
    ],
)
def test_who_may_ask(vms: Running, headers: dict[str, str], status: int) -> None:
    reply = Client(vms.port, vms.ca)("GET", "views/", **headers)
    assert reply.status == status
    if status == 403:
        assert "Token is invalid or expired" in reply.body["detail"]


def test_tokens_expire_and_are_refreshed_once(vms: Running, array: Array) -> None:
    client = Client(vms.port, vms.ca)
    assert client.log_in(password="guess").status == 401
    pair = client.log_in().body
    array.expire_tokens()
    assert client("GET", "views/").status == 403
    fresh = client("POST", "token/refresh/", {"refresh": pair["refresh"]})
    assert fresh.status == 200 and fresh.body.keys() == {"access", "refresh"}
    assert client("POST", "token/refresh/", {"refresh": pair["refresh"]}).status == 401
    reply = client("GET", "views/", Authorization=f"Bearer {fresh.body['access']}")
    assert reply.status == 200


def test_the_log_holds_no_secret(client: Client, array: Array) -> None:
    client("GET", "views/?name=x")
    first, last = array.requests()[0], array.requests()[-1]
    assert (first["path"], first["body"]) == ("token/", "***")
    assert (last["path"], last["query"], last["status"]) == ("views/", "name=x", 200)
