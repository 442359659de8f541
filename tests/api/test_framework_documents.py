"""Versions, health and metrics: documents that need no token."""

from __future__ import annotations

import falcon.testing
import pytest

from abaca.api.app import create_app
from abaca.api.registry import Registry
from abaca.api.request import AllowAll, NoAuth
from api.sample import make_client

client = make_client()
ANONYMOUS = {"X-Auth-Token": None}


@pytest.mark.parametrize(("path", "code"), [("/", 300), ("/v2/", 200), ("/v2", 200)])
def test_version_documents(path: str, code: int) -> None:
    answer = client.ask("GET", path, v=None, headers=ANONYMOUS)
    assert answer.status_code == code
    (version,) = answer.json["versions"]
    assert (version["id"], version["status"]) == ("v2.0", "CURRENT")
    assert (version["min_version"], version["version"]) == ("2.0", "2.99")
    assert {link["rel"] for link in version["links"]} == {"self", "describedby"}


def test_the_root_knows_no_microversions() -> None:
    assert "x-openstack-manila-api-version" not in client.ask("GET", "/", v="9.9").headers
    assert client.ask("GET", "/v2/", v="2.100").status_code == 406
    assert client.ask("GET", "/v2/", v="2.7").headers["x-openstack-manila-api-version"] == "2.7"


@pytest.mark.parametrize(("wrong", "code"), [(None, 200), ("The database is away.", 503)])
def test_health(wrong: str | None, code: int) -> None:
    app = create_app(
        None, auth=NoAuth(), policy=AllowAll(), registry=Registry(), health=lambda: wrong
    )
    asking = falcon.testing.TestClient(app)
    head = asking.simulate_head("/healthcheck")
    assert (head.status_code, head.text) == (code, "")
    answer = asking.simulate_get("/healthcheck")
    assert answer.status_code == code
    assert answer.text == (wrong or "OK") + "\n"


def test_metrics_count_by_route_and_code() -> None:
    fresh = make_client()
    fresh.ask("GET", "/v2/limits")
    fresh.ask("GET", "/v2/messages/missing")
    fresh.ask("GET", "/v2/nowhere")
    text = fresh.ask("GET", "/metrics", headers=ANONYMOUS).text
    assert 'abaca_api_requests_total{code="200",route="limits.index"} 1.0' in text
    assert 'abaca_api_requests_total{code="404",route="messages.show"} 1.0' in text
    assert 'abaca_api_requests_total{code="404",route="none"} 1.0' in text
    assert 'abaca_api_request_seconds_count{route="limits.index"} 1.0' in text
    assert make_client(metrics=False).ask("GET", "/metrics").status_code == 404
