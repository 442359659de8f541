"""Query strings, pages and links."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.sample import ID, PROJECT, make_client

client = make_client()


def query(text: str, v: str = "2.0") -> Any:
    return client.ask("GET", "/v2/shares", v=v, query_string=text)


@pytest.mark.parametrize(
    ("sent", "v", "seen"),
    [
        ("", "2.0", {}),
        ("name=a&unknown=1", "2.0", {"name": "a"}),
        ("name=a&name=b", "2.0", {"name": "b"}),
        ("name=", "2.0", {"name": ""}),
        ("name~=x", "2.35", {}),
        ("name~=x", "2.36", {"name~": "x"}),
        ("with_count=True", "2.42", {"with_count": True}),
        ("with_count=banana", "2.41", {}),
        ("all_tenants", "2.0", {"all_tenants": True}),
        ("all_tenants=1", "2.0", {"all_tenants": True}),
        ("all_projects=1", "2.0", {"all_tenants": True}),
        ("metadata={'a': 'b', \"c\": 1}", "2.0", {"metadata": {"a": "b", "c": "1"}}),
        ('metadata={"a":"b"}', "2.0", {"metadata": {"a": "b"}}),
        ("sort_key=name&sort_dir=ASC", "2.0", {"sort_key": "name", "sort_dir": "asc"}),
        ("name=%E6%97%A5", "2.0", {"name": "日"}),
        ("name=%ff", "2.0", {"name": "\ufffd"}),
    ],
)
def test_parameters(sent: str, v: str, seen: dict[str, Any]) -> None:
    defaults = {"all_tenants": False, "sort_key": "created_at", "sort_dir": "desc"}
    assert query(sent, v).json["query"] == defaults | seen


@pytest.mark.parametrize(
    "sent",
    [
        "limit=-1",
        "limit=a",
        "limit=",
        "limit=1.5",
        "limit=" + "9" * 400,
        "offset=-1",
        "offset=x",
        "sort_key=password",
        "sort_dir=up",
        "all_tenants=perhaps",
        "metadata=a",
        "metadata=[1]",
        "metadata={'a':",
        "metadata={'a': ['b']}",
        "metadata={1.5: 2}",
        "metadata=" + "(" * 3000,
        "metadata={" + "'a':{" * 900,
        "metadata={'a': __import__('os')}",
        "name=%00",
        "name=" + "a" * 300,
        "x=" + "a" * 20000,
        "&".join(f"a{n}=1" for n in range(300)),
    ],
)
def test_bad_parameters_are_400(sent: str) -> None:
    answer = query(sent)
    assert answer.status_code == 400
    assert len(answer.json["badRequest"]["message"]) < 300


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("", {"limit": 1000, "offset": 0, "marker": None}),
        ("limit=0", {"limit": 1000}),
        ("limit=7&offset=3", {"limit": 7, "offset": 3}),
        ("limit=5000", {"limit": 1000}),
        ("limit=99999999999", {"limit": 1000}),
        ("offset=99999999999", {"offset": 2**31 - 1}),
        ("marker=m&offset=3", {"marker": "m", "offset": 0}),
        (f"offset={ID}", {"marker": ID, "offset": 0}),  # as python-manilaclient sends a marker
        ("sort_key=name&sort_dir=asc", {"sort_key": "name", "descending": False}),
    ],
)
def test_pages(sent: str, page: dict[str, Any]) -> None:
    found = query(sent).json["page"]
    assert found | page == found


@pytest.mark.parametrize("prefix", ["/v2/", f"/v2/{PROJECT}/"])
def test_links_repeat_the_form_of_the_request(prefix: str) -> None:
    answer = client.ask("GET", f"{prefix}shares/7", headers={"Host": "share.example:8786"})
    root = "http://share.example:8786"
    assert answer.json["share"]["links"] == [
        {"rel": "self", "href": f"{root}{prefix}shares/7"},
        {"rel": "bookmark", "href": f"{root}{prefix.removeprefix('/v2')}shares/7"},
    ]


def test_links_may_start_with_a_configured_url() -> None:
    found = make_client(base_url="https://api.example/share/").ask("GET", "/v2/shares/7").json
    assert found["share"]["links"][0]["href"] == "https://api.example/share/v2/shares/7"


def test_links_behind_a_proxy_only_if_it_is_trusted() -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example"}
    for trusted, root in ((True, "https://front.example/"), (False, "http://falconframework.org/")):
        client = make_client(proxy_headers=trusted)
        found = client.ask("GET", "/v2/shares/7", headers=headers).json["share"]["links"]
        assert found[1]["href"] == f"{root}shares/7"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example/x"},
        {"X-Forwarded-Host": "front.example, evil.example"},
        {"X-Forwarded-Proto": "javascript"},
    ],
)
def test_a_forwarded_host_that_is_none_is_refused(headers: dict[str, str]) -> None:
    answer = make_client(proxy_headers=True).ask("GET", "/v2/", headers=headers)
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_the_next_page_is_linked_when_this_one_is_full() -> None:
    found = client.ask("GET", "/v2/shares/detail", query_string="limit=2&offset=1&name=a%20b").json
    assert found["count"] == 2
    (link,) = found["shares_links"]
    assert link["rel"] == "next"
    url = urlsplit(link["href"])
    assert url.path == "/v2/shares/detail"
    assert parse_qs(url.query) == {"limit": ["2"], "name": ["a b"], "marker": ["1"]}


@pytest.mark.parametrize("sent", ["", "limit=0", "limit=50"])
def test_no_link_when_the_page_is_not_full(sent: str) -> None:
    assert "shares_links" not in client.ask("GET", "/v2/shares/detail", query_string=sent).json
