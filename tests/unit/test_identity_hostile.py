"""Bad input to the embedded identity is never an error of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.identity import (
    Client,
    logged_in,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with logged_in(f"sqlite:///{tmp_path}/abaca.sqlite") as found:
        yield found


def shaped(keys: tuple[str, ...], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with some of these keys: gets further in than any JSON does."""
    return st.dictionaries(st.sampled_from(keys), inner, max_size=len(keys))


REF = shaped(("id", "name", "domain", "password", "all"), JSON | shaped(("id", "name"), st.text()))
AUTH = st.fixed_dictionaries(
    {
        "identity": st.fixed_dictionaries(
            {"methods": st.lists(st.sampled_from(["password", "token", "application_credential"]))},
            optional={
                "password": st.fixed_dictionaries({"user": REF}) | JSON,
                "token": shaped(("id",), st.text()),
                "application_credential": shaped(("id", "name", "secret", "user"), st.text() | REF),
            },
        )
        | JSON
    },
    optional={"scope": shaped(("project", "domain", "system", "unscoped"), REF | JSON) | JSON},
)
PATHS = ("/users", "/projects", "/roles", "/domains", "/users/{me}/application_credentials")
NOUNS = ("user", "project", "role", "domain", "application_credential")
FIELDS = ("name", "description", "enabled", "domain_id", "password", "email", "roles", "options")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fuzzed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    url = f"sqlite:///{tmp_path_factory.mktemp('fuzz')}/abaca.sqlite"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").database()
    with logged_in(url, login_failures=10**9, address_failures=10**9) as found:
        yield found


def fuzz(examples: int) -> Any:
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=checks)


@fuzz(250)
@given(auth=AUTH)
def test_no_login_is_an_error_of_ours(fuzzed: Client, auth: Any) -> None:
    status, body, _ = fuzzed("POST", "/auth/tokens", {"auth": auth}, token="")
    assert status in (400, 401), body


@fuzz(100)
@given(raw=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_an_error_of_ours(fuzzed: Client, raw: bytes) -> None:
    assert fuzzed("POST", "/auth/tokens", raw or b" ", token="")[0] == 400


@fuzz(150)
@given(path=st.sampled_from(PATHS), noun=st.sampled_from(NOUNS), body=shaped(FIELDS, JSON))
def test_no_record_is_an_error_of_ours(fuzzed: Client, path: str, noun: str, body: Any) -> None:
    me = fuzzed.identity.sessions.open(fuzzed.token).user.id
    status, answer, _ = fuzzed("POST", path.format(me=me), {noun: body})
    assert status in (201, 400, 404, 409), answer


@fuzz(100)
@given(tail=st.text(max_size=40), query=st.text(max_size=40))
def test_no_path_is_an_error_of_ours(fuzzed: Client, tail: str, query: str) -> None:
    for start in ("/users/", "/projects/", "/", "/users?name=", "/role_assignments?user.id="):
        tail_bytes = tail.encode("utf-8", "surrogatepass").decode("latin-1")
        status, answer, _ = fuzzed("GET", start + tail_bytes.replace("?", ""))
        assert status < 500, answer
    assert fuzzed("GET", "/projects?" + query.encode().decode("latin-1"))[0] < 500


DEEP = b'{"auth": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (DEEP, 400),
        (b'{"x": ' + DEEP + b"}", 400),
        (b" " * 200_000, 413),
        (b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "a\\u0000"'
         b', "password": "x", "domain": {"id": "default"}}}}}}', 400),
        (b"\xff\xfe", 400),
        (b"", 400),
    ],
)  # fmt: skip
def test_hostile_bodies(client: Client, raw: bytes, status: int) -> None:
    found, body, _ = client("POST", "/auth/tokens", raw, token="")
    assert (found, list(body)) == (status, ["error"])


@pytest.mark.parametrize("host", ["evil.example/x", "a b", 'a"b', "", "a\r\nb", "[::1", "x:y"])
def test_a_strange_host_header_is_not_repeated(client: Client, host: str) -> None:
    body = client("GET", "/identity/v3", HOST=host)[1]
    assert body["version"]["links"][0]["href"] == "http://localhost:8786/identity/v3/"


@pytest.mark.parametrize(
    ("path", "status"), [("/identity", 300), ("/identity/", 300), ("/nope", 404)]
)
def test_discovery(client: Client, path: str, status: int) -> None:
    assert client("GET", path, token="")[0] == status
    assert client("PUT", "/identity/v3", token="")[0] == 405
