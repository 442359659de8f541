"""Which place a URL means."""

from __future__ import annotations

import falcon.testing
import pytest

from abaca.api.app import create_app
from abaca.api.registry import Registry
from abaca.api.request import AllowAll, NoAuth
from api.sample import ID, PROJECT, make_client, make_registry

client = make_client()


@pytest.mark.parametrize(
    "path",
    [
        f"/v2/shares/{ID}",
        f"/v2/{PROJECT}/shares/{ID}",
        f"/v2/shares/{ID}.json",
        f"/v2/{PROJECT}/shares/{ID}.xml",
    ],
)
def test_every_form_of_a_url(path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status_code == 200
    assert answer.json["share"]["id"] == ID
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/shares",
        "/v3/shares",
        "/v2/nowhere",
        "/v2/shares/",
        "/v2//shares",
        f"/v2/shares/{ID}/",
        f"/v2/shares/{ID}/nowhere",
        f"/v2/{PROJECT}",
        f"/v2/{PROJECT}/",
        f"/v2/{PROJECT}/nowhere",
        "/v2/Not-Hex/shares",
        "/v2/shares/a%00b",
        "/v2/shares/a%0Ab",
        "/v2/shares/.json",
    ],
)
def test_unknown_paths_are_404_in_plain_text(path: str) -> None:
    answer = client.ask("GET", path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "OPTIONS", "TRACE"])
def test_methods_that_are_not_served(method: str) -> None:
    assert client.ask(method, "/v2/shares").status_code == 404


def test_the_project_of_the_url_must_be_that_of_the_token() -> None:
    answer = client.ask("GET", "/v2/deadbeef/shares")
    assert answer.status_code == 400
    assert "project" in answer.json["badRequest"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v2/share-replicas", 404),  # in the full table, not served by the sample
        ("GET", "/v2/any-project/scheduler-stats/pools", 404),  # any text may be a project
        ("GET", "/v2/availability-zones/new", 404),
        ("DELETE", "/v2/services/1", 404),
        ("POST", "/v2/messages", 400),
        ("DELETE", "/v2/share_instances/1", 400),
    ],
)
def test_known_places_without_a_handler_answer_a_fault(method: str, path: str, code: int) -> None:
    answer = client.ask(method, path, v="2.60")
    assert answer.status_code == code
    assert answer.json


def test_not_at_this_version_is_a_fault() -> None:
    answer = client.ask("POST", "/v2/shares/1/action", v="2.6", json={"extend": {"new_size": 2}})
    assert answer.status_code == 404
    assert answer.json["itemNotFound"]["message"] == "This is not available at API version 2.6."


def test_a_literal_goes_before_a_variable_but_not_in_its_way() -> None:
    assert "shares" in client.ask("GET", "/v2/shares/detail").json
    assert client.ask("DELETE", "/v2/shares/detail").status_code == 202
    assert client.ask("PUT", "/v2/shares/manage", json={"a": "b"}).json["id"] == "manage"
    assert client.ask("POST", "/v2/shares/manage", v="2.7").status_code == 404
    body = {"metadata": {"k": "v"}}
    assert client.ask("POST", "/v2/shares/detail/metadata", json=body).json == body


def test_handlers_may_name_variables_as_they_like() -> None:
    for word in ("share_id", "id", "x"):
        registry = Registry()
        registry.route("GET", f"/shares/{{{word}}}", id="a")(lambda req, **path: path)
        app = create_app(None, auth=NoAuth(), policy=AllowAll(), registry=registry)
        found = falcon.testing.TestClient(app).simulate_get(
            "/v2/shares/7", headers={"X-Auth-Token": "a:b"}
        )
        assert found.json == {word: "7"}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"method": "PATCH", "path": "/a", "id": "x"}, "method"),
        ({"method": "GET", "path": "/v2/a", "id": "x"}, "without /v2"),
        ({"method": "GET", "path": "/a/", "id": "x"}, "without /v2"),
        ({"method": "GET", "path": "/other", "id": "shares.show"}, "declared twice"),
        ({"method": "GET", "path": "/shares/{other}", "id": "x", "min": "2.99"}, "both serve"),
        ({"method": "GET", "path": "/a", "id": "x", "min": "2.100"}, "not a microversion"),
        ({"method": "GET", "path": "/a/{id}", "id": "x"}, "does not fit"),
    ],
)
def test_a_wrong_declaration_fails_at_import(declared: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_registry().route(**declared)(lambda req: None)  # type: ignore[arg-type]


def test_one_place_may_have_a_handler_for_each_range() -> None:
    registry = Registry()
    registry.route("GET", "/shares", id="old", max="2.6")(lambda req: {"who": "old"})
    registry.route("GET", "/shares", id="new", min="2.7")(lambda req: {"who": "new"})
    app = create_app(None, auth=NoAuth(), policy=AllowAll(), registry=registry)
    for version, who in (("2.6", "old"), ("2.7", "new")):
        headers = {"X-Auth-Token": "a:b", "X-OpenStack-Manila-API-Version": version}
        found = falcon.testing.TestClient(app).simulate_get("/v2/shares", headers=headers)
        assert found.json == {"who": who}


def test_mounted_applications() -> None:
    def other(environ, start_response):  # type: ignore[no-untyped-def]
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    app = create_app(
        None, auth=NoAuth(), policy=AllowAll(), registry=Registry(), mounts={"/identity": other}
    )
    found = falcon.testing.TestClient(app)
    assert found.simulate_get("/identity/v3").text == "/identity|/v3"
    assert found.simulate_get("/identity").text == "/identity|"
    assert found.simulate_get("/identityx").status_code == 404
