"""What ends tokens and credentials of the embedded identity, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.identity.core import Identity
from abaca.identity.settings import cheap_settings
from abaca.model.errors import Unauthorized
from support.identity import (
    USER_PASSWORD,
    Client,
    logged_in,
    make_credential,
    make_identity,
    new_user,
    role_id,
    use,
    works,
)


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with logged_in(database_url) as found:
        yield found


def _revoke(client: Client, user: str, project: str, token: str) -> None:
    assert client("DELETE", "/auth/tokens", X_SUBJECT_TOKEN=token)[0] == 204


def _new_password(client: Client, user: str, project: str, token: str) -> None:
    body = {"user": {"original_password": USER_PASSWORD, "password": "another one"}}
    assert client("POST", f"/users/{user}/password", body, token=token)[0] == 204


def _disable_user(client: Client, user: str, project: str, token: str) -> None:
    assert client("PATCH", f"/users/{user}", {"user": {"enabled": False}})[0] == 200
    assert client("PATCH", f"/users/{user}", {"user": {"enabled": True}})[0] == 200


def _delete_user(client: Client, user: str, project: str, token: str) -> None:
    assert client("DELETE", f"/users/{user}")[0] == 204


def _disable_project(client: Client, user: str, project: str, token: str) -> None:
    assert client("PATCH", f"/projects/{project}", {"project": {"enabled": False}})[0] == 200


def _delete_project(client: Client, user: str, project: str, token: str) -> None:
    assert client("DELETE", f"/projects/{project}")[0] == 204


def _withdraw_role(client: Client, user: str, project: str, token: str) -> None:
    path = f"/projects/{project}/users/{user}/roles/{role_id(client, 'member')}"
    assert client("DELETE", path)[0] == 204


ENDINGS = (
    _revoke,
    _new_password,
    _disable_user,
    _delete_user,
    _disable_project,
    _delete_project,
    _withdraw_role,
)


@pytest.mark.parametrize("end", ENDINGS)
def test_what_ends_a_token_ends_it_at_once(client: Client, end: Any) -> None:
    user, project = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    assert works(client, token)
    end(client, user, project, token)
    assert not works(client, token)


def test_another_process_notices_at_once(client: Client) -> None:
    new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    other = Client(Identity(client.identity.store, cheap_settings()))
    assert works(other, token)
    _revoke(client, "", "", token)
    assert not works(other, token)


def test_a_token_expires(tmp_path: Path) -> None:
    for seconds, good in ((3600, True), (-1, False)):
        client = Client(make_identity(f"sqlite:///{tmp_path}/{seconds}", token_seconds=seconds))
        assert works(client, client.must_login()[0]) is good


def test_no_bit_of_a_token_can_be_changed(client: Client) -> None:
    token = client.token
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        forged = token[:place] + other + token[place + 1 :]
        if forged.rstrip("=") != token:
            try:
                claims = client.identity.signer.open(forged)
            except Unauthorized:
                continue
            assert claims == client.identity.signer.open(token)  # unused bits of the last letter


@pytest.mark.parametrize(
    "token", ["x", "abt1.", "abt1.AAAA", "abt1.ü", "abt1." + "A" * 9000, "\x00"]
)
def test_garbage_is_not_a_token(client: Client, token: str) -> None:
    assert client("GET", "/auth/projects", token=token)[0] == 401


def test_an_application_credential_logs_in_with_some_roles(client: Client) -> None:
    user, project = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    made = make_credential(client, user, token, roles=[{"name": "reader"}])
    status, body, _ = use(client, made)
    assert status == 201
    assert [role["name"] for role in body["token"]["roles"]] == ["reader"]
    assert body["token"]["project"]["id"] == project
    assert body["token"]["application_credential"]["restricted"] is True
    by_name = {"name": "ci", "user": {"id": user}, "secret": made["secret"]}
    method = {"methods": ["application_credential"], "application_credential": by_name}
    assert client.auth(method)[0] == 201
    assert client.auth({**method, "application_credential": {**by_name, "secret": "x"}})[0] == 401
    shown = client("GET", f"/users/{user}/application_credentials/{made['id']}")[1]
    assert "secret" not in shown["application_credential"]


def test_an_application_credential_cannot_outgrow_its_limits(client: Client) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    made = make_credential(client, user, token, roles=[{"name": "reader"}])
    assert use(client, made, {"project": {"name": "admin", "domain": {"id": "default"}}})[0] == 401
    assert use(client, made, "unscoped")[0] == 401
    inner = use(client, made)[2]["x-subject-token"]
    again = client.auth({"methods": ["token"], "token": {"id": inner}})
    assert [role["name"] for role in again[1]["token"]["roles"]] == ["reader"]
    path = f"/users/{user}/application_credentials"
    body = {"application_credential": {"name": "worse", "roles": [{"name": "reader"}]}}
    assert client("POST", path, body, token=inner)[0] == 403
    assert client("POST", path, body, token=again[2]["x-subject-token"])[0] == 403
    assert client("DELETE", f"{path}/{made['id']}", token=inner)[0] == 403
    more = {"application_credential": {"name": "more", "roles": [{"name": "admin"}]}}
    assert client("POST", path, more, token=token)[0] == 400
    assert client("POST", path, body)[0] == 403  # an admin, but not their user
    rules = {"application_credential": {"name": "r", "access_rules": [{"path": "/"}]}}
    assert client("POST", path, rules, token=token)[0] == 400


def test_what_ends_an_application_credential(client: Client) -> None:
    user, project = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    made = make_credential(client, user, token)
    inner = use(client, made)[2]["x-subject-token"]
    _withdraw_role(client, user, project, "")
    assert use(client, made)[0] == 401
    assert not works(client, inner)
    expired = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    body = {"application_credential": {"name": "late", "expires_at": expired}}
    path = f"/users/{user}/application_credentials"
    token = client.must_login("ann", USER_PASSWORD, scope="unscoped")[0]
    assert client("POST", path, body, token=token)[0] == 400
    assert client("DELETE", f"{path}/{made['id']}", token=token)[0] == 204
