"""Microversions: how they are written, negotiated and echoed."""

from __future__ import annotations

import pytest

from abaca.api.versions import Range, minor
from api.sample import make_client

client = make_client()


@pytest.mark.parametrize(("written", "number"), [("2.0", 0), ("2.65", 65), ("2.99", 99)])
def test_minor(written: str, number: int) -> None:
    assert minor(written) == number


@pytest.mark.parametrize("written", ["2.100", "1.0", "3.1", "2", "", "2.01", "latest", "2.1 "])
def test_not_a_microversion(written: str) -> None:
    with pytest.raises(ValueError, match="is not a microversion"):
        minor(written)


def test_range_has_both_ends_in_it() -> None:
    found = Range.of("2.7", "2.9")
    assert [v in found for v in (6, 7, 9, 10)] == [False, True, True, False]
    assert str(found) == "2.7 to 2.9"
    with pytest.raises(ValueError, match="empty"):
        Range.of("2.9", "2.7")


def test_without_header_the_version_is_2_0() -> None:
    answer = client.ask("GET", "/v2/limits", v=None)
    assert answer.json == {"version": 0, "since": False}
    assert answer.headers["x-openstack-manila-api-version"] == "2.0"


def test_the_version_is_echoed() -> None:
    answer = client.ask("GET", "/v2/limits", v="2.30")
    assert answer.json == {"version": 30, "since": True}
    assert answer.headers["x-openstack-manila-api-version"] == "2.30"
    assert answer.headers["vary"] == "X-OpenStack-Manila-API-Version"
    assert "x-openstack-manila-api-experimental" not in answer.headers


@pytest.mark.parametrize(
    "sent", ["latest", "2", "2.", ".1", "two", "2.0.1", "-2.0", "2.-1", "02.1", "2.٣", "2.1e1", ""]
)
def test_malformed_version_is_400(sent: str) -> None:
    headers = {"X-OpenStack-Manila-API-Version": sent.encode().decode("latin-1")}
    answer = client.ask("GET", "/v2/limits", v=None, headers=headers)
    assert answer.status_code == 400
    assert answer.json["badRequest"]["code"] == 400


@pytest.mark.parametrize("sent", ["2.100", "1.0", "3.0", "9999.9999"])
def test_version_out_of_range_is_406(sent: str) -> None:
    answer = client.ask("GET", "/v2/limits", v=sent)
    assert answer.status_code == 406
    assert answer.json == {
        "computeFault": {
            "code": 406,
            "message": f"Version {sent} is not served here; ask for 2.0 to 2.99.",
        }
    }


@pytest.mark.parametrize(
    ("sent", "code"),
    [("true", 202), ("True", 202), ("1", 202), ("yes", 202), ("false", 404), ("x", 404), ("", 404)],
)
def test_experimental_header(sent: str, code: int) -> None:
    answer = client.ask(
        "POST",
        "/v2/shares/1/action",
        v="2.95",
        headers={"X-OpenStack-Manila-API-Experimental": sent},
        json={"migration_start": {"host": "a"}},
    )
    assert answer.status_code == code
    echoed = answer.headers.get("x-openstack-manila-api-experimental")
    assert echoed == ("True" if code == 202 else None)


def test_after_its_range_the_experimental_header_is_not_needed() -> None:
    body = {"migration_start": {"host": "a"}}
    assert client.ask("POST", "/v2/shares/1/action", v="2.96", json=body).status_code == 202
    assert client.ask("POST", "/v2/shares/1/action", v="2.28", json=body).status_code == 404
