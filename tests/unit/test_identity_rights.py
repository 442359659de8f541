"""Who may do what in the embedded identity, and where secrets are."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.identity import signing
from abaca.identity.core import Identity, bootstrap
from abaca.identity.settings import cheap_settings
from abaca.store import identity as rows
from support.identity import (
    USER_PASSWORD,
    Client,
    logged_in,
    make_credential,
    new_user,
    role_id,
    works,
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with logged_in(f"sqlite:///{tmp_path}/abaca.sqlite") as found:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("POST", "/users", {"user": {"name": "eve"}}),
        ("PATCH", "/users/{user}", {"user": {"enabled": True}}),
        ("GET", "/users/{admin}", None),
        ("GET", "/users/{admin}/application_credentials", None),
        ("POST", "/users/{admin}/password", {"user": {"original_password": "a", "password": "b"}}),
        ("POST", "/projects", {"project": {"name": "p"}}),
        ("GET", "/projects/{other}", None),
        ("PUT", "/projects/{project}/users/{user}/roles/{role}", None),
        ("PUT", "/system/users/{user}/roles/{role}", None),
        ("GET", "/role_assignments", None),
        ("DELETE", "/users/{user}", None),
    ],
)
def test_a_member_administers_nothing(client: Client, method: str, path: str, body: Any) -> None:
    user, project = new_user(client)
    _, other = new_user(client, "bob")
    token, _ = client.must_login("ann", USER_PASSWORD)
    admin = client("GET", "/users?name=admin")[1]["users"][0]["id"]
    ids = {"user": user, "project": project, "other": other, "admin": admin}
    path = path.format(role=role_id(client, "admin"), **ids)
    assert client(method, path, body, token=token)[0] == 403
    assert client(method, path, body, token="")[0] == 401


def test_a_member_sees_themselves(client: Client) -> None:
    user, project = new_user(client)
    token, _ = client.must_login("ann", USER_PASSWORD)
    assert client("GET", f"/users/{user}", token=token)[1]["user"]["name"] == "ann"
    assert client("GET", f"/projects/{project}", token=token)[0] == 200
    found = client("GET", "/auth/projects", token=token)[1]["projects"]
    assert [one["id"] for one in found] == [project]
    shown = client("GET", "/auth/tokens", token=token, X_SUBJECT_TOKEN=client.token)
    assert shown[0] == 403


def test_names_are_taken_once(client: Client) -> None:
    new_user(client)
    assert client("POST", "/users", {"user": {"name": "ann"}})[0] == 409
    assert client("POST", "/projects", {"project": {"name": "ann"}})[0] == 409
    user, _ = new_user(client, "bob")
    assert client("PATCH", f"/users/{user}", {"user": {"name": "ann"}})[0] == 409


def test_what_holds_the_whole_together_stays(client: Client) -> None:
    admin = role_id(client, "admin")
    assert client("DELETE", f"/roles/{admin}")[0] == 409
    assert client("PATCH", f"/roles/{admin}", {"role": {"name": "boss"}})[0] == 409
    assert client("DELETE", "/domains/default")[0] == 409
    assert client("PATCH", "/domains/default", {"domain": {"enabled": False}})[0] == 403


def test_the_key_file_is_made_once_for_its_owner_only(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "state" / "token.key"
    first = signing.load_keys(client.identity.store, path)
    assert signing.load_keys(client.identity.store, path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    path.chmod(0o644)
    with pytest.raises(signing.BadKeyFile, match="chmod 600"):
        signing.load_keys(client.identity.store, path)


@pytest.mark.parametrize("text", ["", "zz", "abcd"])
def test_a_bad_key_file_is_refused_without_quoting_it(
    client: Client, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(signing.BadKeyFile) as caught:
        signing.load_keys(client.identity.store, path)
    assert not text or text not in caught.value.message.replace(str(path), "")


def test_a_key_file_that_cannot_be_read_says_why(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.mkdir(mode=0o700)
    with pytest.raises(signing.BadKeyFile, match="Is a directory"):
        signing.load_keys(client.identity.store, path)


def test_a_key_in_the_database_is_shared_by_all_processes(client: Client) -> None:
    other = Client(Identity(client.identity.store, cheap_settings()))
    assert works(other, client.token)


def test_secrets_are_kept_hashed(client: Client) -> None:
    user, _ = new_user(client)
    made = make_credential(client, user, client.must_login("ann", USER_PASSWORD)[0])
    with client.identity.store.read() as tx:
        kept = rows.password_hash(tx, user)
        assert kept
        assert kept.startswith("$argon2id$")
        secret = rows.secret_hash(tx, made["id"])
        assert secret
        assert made["secret"] not in secret


def test_bootstrap_again_changes_nothing(client: Client) -> None:
    bootstrap(client.identity.store, "another one", cheap_settings())
    assert client.login()[0] == 201
