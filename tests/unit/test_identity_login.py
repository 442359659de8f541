"""Logging in to the embedded identity, and what a token says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.identity.authenticators import EmbeddedAuth, NoAuth
from abaca.identity.policy import Enforcer
from abaca.identity.throttle import Throttle, TooManyFailures
from abaca.model.errors import Unauthorized
from support.identity import (
    PASSWORD,
    USER_PASSWORD,
    Client,
    logged_in,
    new_user,
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with logged_in(f"sqlite:///{tmp_path}/abaca.sqlite") as found:
        yield found


def test_a_token_says_who_where_and_with_which_rights(client: Client) -> None:
    user, project = new_user(client)
    _, token = client.must_login("ann", USER_PASSWORD)
    assert token["user"]["id"] == user
    assert token["project"] == {
        "id": project,
        "name": "ann",
        "domain": {"id": "default", "name": "Default"},
    }
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    types = {service["type"] for service in token["catalog"]}
    assert types == {"identity", "shared-file-system", "sharev2"}
    urls = {e["url"] for s in token["catalog"] for e in s["endpoints"] if s["type"] != "identity"}
    assert urls == {"http://localhost:8786/v2"}


SCOPES = [
    ({"project": {"name": "admin", "domain": {"name": "Default"}}}, "project"),
    ({"system": {"all": True}}, "system"),
    ("unscoped", None),
    ({"unscoped": {}}, None),
]


@pytest.mark.parametrize(("scope", "key"), SCOPES)
def test_scopes(client: Client, scope: Any, key: str | None) -> None:
    token = client.must_login(scope=scope)[1]
    assert {"project", "system", "domain"} & set(token) == ({key} if key else set())
    assert ("catalog" in token) == bool(key)


def test_rescoping_keeps_the_end_of_the_first_token(client: Client) -> None:
    first, shown = client.must_login(scope="unscoped")
    method = {"methods": ["token"], "token": {"id": first}}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    status, body, _ = client.auth(method, scope)
    assert status == 201
    assert body["token"]["expires_at"] == shown["expires_at"]
    assert body["token"]["audit_ids"][1] == shown["audit_ids"][0]
    assert body["token"]["methods"] == ["password", "token"]


REFUSED = {
    "wrong password": ("admin", "wrong", None),
    "unknown user": ("nobody", PASSWORD, None),
    "unknown project": ("admin", PASSWORD, {"project": {"id": "nowhere"}}),
    "no role there": ("ann", USER_PASSWORD, {"system": {"all": True}}),
    "no role on the domain": ("ann", USER_PASSWORD, {"domain": {"id": "default"}}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_logins(client: Client, case: str) -> None:
    new_user(client)
    status, body, headers = client.login(*REFUSED[case][:2], scope=REFUSED[case][2])
    assert status == 401
    assert headers["www-authenticate"] == 'Keystone uri="http://localhost:8786/identity"'
    assert USER_PASSWORD not in str(body)
    assert PASSWORD not in str(body)


def test_wrong_user_and_wrong_password_look_the_same(client: Client) -> None:
    assert client.login("nobody", "x")[1] == client.login("admin", "x")[1]


def test_guessing_is_slowed_down_for_that_user_only(client: Client) -> None:
    codes = [client.login("admin", f"guess {n}")[0] for n in range(7)]
    assert codes == [401] * 5 + [429] * 2
    status, _, headers = client.login()
    assert status == 429
    assert 0 < int(headers["retry-after"]) <= 60
    new_user(client)
    assert client.login("ann", USER_PASSWORD)[0] == 201


def test_the_throttle_forgets_after_its_window(client: Client) -> None:
    now = [0.0]
    throttle = Throttle(client.identity.store, b"secret", window=10.0, clock=lambda: now[0])
    limits = {("key",): 3}
    for _ in range(3):
        throttle.failed(limits)
    with pytest.raises(TooManyFailures, match=r"in 1[01] s"):
        throttle.check(limits)
    with pytest.raises(TooManyFailures):
        throttle.failed(limits)
    now[0] = 10.1
    throttle.check(limits)
    throttle.failed(limits)
    throttle.check(limits)


def test_the_api_knows_the_caller(client: Client) -> None:
    user, project = new_user(client)
    auth = EmbeddedAuth(client.identity, Enforcer())
    token, _ = client.must_login("ann", USER_PASSWORD)
    ctx = auth.authenticate({"HTTP_X_AUTH_TOKEN": token, "abaca.request_id": "req-1"})
    assert (ctx.user_id, ctx.project_id, ctx.request_id) == (user, project, "req-1")
    assert not ctx.is_admin
    assert auth.authenticate({"HTTP_X_AUTH_TOKEN": client.token}).is_admin
    for environ in ({}, {"HTTP_X_AUTH_TOKEN": "nonsense"}):
        with pytest.raises(Unauthorized):
            auth.authenticate(environ)


def test_a_token_without_project_has_no_rights_on_shares(client: Client) -> None:
    auth = EmbeddedAuth(client.identity, Enforcer())
    for scope in ("unscoped", {"system": {"all": True}}):
        token, _ = client.must_login(scope=scope)
        ctx = auth.authenticate({"HTTP_X_AUTH_TOKEN": token})
        assert not ctx.is_admin
        assert not ctx.project_id


def test_no_auth_believes_everything() -> None:
    auth = NoAuth(Enforcer())
    assert auth.authenticate({}).is_admin
    ctx = auth.authenticate({"HTTP_X_AUTH_TOKEN": "ann:p1:member,reader"})
    assert (ctx.user_id, ctx.project_id, ctx.roles) == ("ann", "p1", ("member", "reader"))
    assert not ctx.is_admin
    assert auth.authenticate({"HTTP_X_AUTH_TOKEN": "ann:p1"}).is_admin
    with pytest.raises(Unauthorized):
        auth.authenticate({"HTTP_X_AUTH_TOKEN": "\x00"})
