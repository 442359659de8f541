"""Errors as clients see them."""

from __future__ import annotations

import logging

import pytest

from api.sample import make_client

client = make_client()


@pytest.mark.parametrize(
    ("which", "code", "name", "message"),
    [
        ("conflict", 409, "conflictingRequest", "The car is being washed."),
        ("forbidden", 403, "forbidden", "This is not allowed for your role."),
        ("missing", 404, "itemNotFound", "Message missing could not be found."),
        ("strange", 409, "conflictingRequest", "name ?"),
    ],
)
def test_fault_bodies(which: str, code: int, name: str, message: str) -> None:
    answer = client.ask("GET", f"/v2/messages/{which}")
    assert answer.status_code == code
    assert answer.json == {name: {"code": code, "message": message}}
    assert answer.headers["content-type"] == "application/json"


def test_quota_says_when_to_try_again() -> None:
    answer = client.ask("GET", "/v2/messages/quota")
    assert answer.status_code == 413
    assert answer.json["overLimit"]["retryAfter"] == "0"
    assert answer.headers["retry-after"] == "0"


def test_what_is_away_is_said_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    answer = client.ask("GET", "/v2/messages/away")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "db.internal" not in answer.text
    assert "db.internal" in caplog.text


def test_a_bug_is_500_without_internals_and_logged_in_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.ask("GET", "/v2/messages/bug")
    assert answer.status_code == 500
    request_id = answer.headers["x-compute-request-id"]
    assert request_id in answer.json["computeFault"]["message"]
    assert "secret-path" not in answer.text
    assert "secret-path" in caplog.text
    assert request_id in caplog.text
    assert "GET '/v2/messages/bug'" in caplog.text


def test_request_ids_are_unique_and_on_every_answer() -> None:
    seen = set()
    for path in ("/", "/v2/", "/healthcheck", "/nowhere", "/v2/limits", "/v2/messages/bug"):
        answer = client.ask("GET", path)
        found = answer.headers["x-openstack-request-id"]
        assert found == answer.headers["x-compute-request-id"]
        assert found.startswith("req-")
        seen.add(found)
    assert len(seen) == 6


def test_access_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="abaca.api.access"):
        client.ask("GET", "/v2/limits")
    assert "GET '/v2/limits' 200" in caplog.text


def test_no_token_is_401_with_a_challenge() -> None:
    for path in ("/v2/limits", "/v2/nowhere"):
        answer = client.ask("GET", path, headers={"X-Auth-Token": None})
        assert answer.status_code == 401
        assert answer.json["unauthorized"]["code"] == 401
        assert answer.headers["www-authenticate"].startswith("Keystone")
