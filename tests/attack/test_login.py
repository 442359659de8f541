"""Nobody guesses a password, and nobody who guesses keeps others out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from abaca.identity import login as logins
from abaca.identity.core import Identity
from abaca.identity.directory import Directory
from abaca.identity.passwords import Passwords
from abaca.identity.settings import cheap_settings
from abaca.service import audit
from abaca.store import failures
from attack.conftest import Wall
from support import identity as people
from support.identity import USER_PASSWORD, Client, make_credential, new_user, works

WALL = "log-in"
DEFAULT = {"id": "default"}
NEW = "a new password"


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with people.logged_in(database_url) as found:
        yield found


def guess(client: Client, user: Any, password: str = "wrong guess") -> int:
    method = {"methods": ["password"], "password": {"user": {**user, "password": password}}}
    return int(client.auth(method)[0])


def ways(user: str) -> list[dict[str, Any]]:
    """The same user, written in every way a request can."""
    by_id = {"id": user}
    found: list[dict[str, Any]] = [by_id, {**by_id, "name": "bob"}, {**by_id, "domain": DEFAULT}]
    for domain in (DEFAULT, {"name": "Default"}, {**DEFAULT, "name": "x"}, {**DEFAULT, "y": 1}):
        found.append({"name": "ann", "domain": domain})
        found.append({"name": "ann", "domain": domain, "spare": len(found)})
    return found


# --- guesses --------------------------------------------------------------------------------------
def test_the_form_of_the_request_buys_no_guesses(client: Client, wall: Wall) -> None:
    user, _ = new_user(client)
    most = client.identity.settings.login_failures
    for number, way in enumerate(ways(user)):
        wall.attempt(f"{way}", guess(client, way) != (401 if number < most else 429))
        wall.attempt(f"right, {way}", number >= most and guess(client, way, USER_PASSWORD) == 201)
    wall.assert_held()


def test_an_unknown_user_is_throttled_like_a_known_one(client: Client, wall: Wall) -> None:
    """Otherwise the throttle would tell who exists."""
    new_user(client)
    for number in range(8):
        known, unknown = (
            guess(client, {"name": name, "domain": DEFAULT}) for name in ("ann", "nobody")
        )
        wall.attempt(f"guess {number}", known != unknown)
    for number in range(8):
        found = guess(client, {"id": "f" * 32})
        wall.attempt(f"id, guess {number}", found != (401 if number < 5 else 429))
    wall.assert_held()


def test_processes_share_their_counters(client: Client, wall: Wall) -> None:
    new_user(client)
    others = [Client(Identity(client.identity.store, cheap_settings())) for _ in range(3)]
    codes = [guess(each, {"name": "ann", "domain": DEFAULT}) for _ in range(5) for each in others]
    for number, code in enumerate(codes):
        wall.attempt(f"guess {number}", code != (401 if number < 5 else 429))
    wall.assert_held()


def test_guesses_at_the_same_moment_get_no_more_verdicts(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have passed the first look at the counter before one of them is counted."""
    user, _ = new_user(client)
    together = threading.Barrier(12)

    def verify(kept: str | None, given: str, by: str = "") -> bool:
        together.wait(timeout=30)
        return given == USER_PASSWORD

    monkeypatch.setattr(client.identity.passwords, "verify", verify)
    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(lambda n: guess(client, {"id": user}, f"guess {n}"), range(12)))
    wall.attempt("12 at once", codes.count(401) > client.identity.settings.login_failures)
    assert sorted(codes) == [401] * 5 + [429] * 7
    wall.assert_held()


def test_the_old_password_is_no_way_round_the_throttle(client: Client, wall: Wall) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    body = {"user": {"original_password": "wrong guess", "password": NEW}}
    for number in range(3):
        wall.attempt("login", guess(client, {"id": user}) != 401)
        code = client("POST", f"/users/{user}/password", body, token=token)[0]
        wall.attempt(f"change {number}", code != (401 if number < 2 else 429))
    wall.assert_held()


# --- others ---------------------------------------------------------------------------------------
def test_another_user_of_the_same_address_gets_in_while_one_is_attacked(
    client: Client, wall: Wall
) -> None:
    new_user(client, "ann")
    new_user(client, "bob")
    for _ in range(100):
        guess(client, {"name": "ann", "domain": DEFAULT})
    wall.attempt("bob is kept out", client.login("bob", USER_PASSWORD)[0] != 201)
    wall.assert_held()


def test_an_attacked_user_gets_in_from_another_address(client: Client, wall: Wall) -> None:
    new_user(client)
    for _ in range(8):
        guess(client, {"name": "ann", "domain": DEFAULT})
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "ann", "domain": DEFAULT, "password": USER_PASSWORD}}}}}  # fmt: skip
    for address in ("198.51.100.7", "2001:db8::1"):
        code = client("POST", "/auth/tokens", body, token="", environ={"REMOTE_ADDR": address})[0]
        wall.attempt(f"kept out at {address}", code != 201)
    wall.assert_held()


def test_the_counters_are_a_table_of_fixed_size(client: Client, wall: Wall) -> None:
    """A flood of names neither fills it nor resets the attacker's own counter."""
    throttle = client.identity.throttle
    own = {("192.0.2.1", "user", "ann"): 5}
    for _ in range(5):
        throttle.failed(own)
    with client.identity.store.transaction(durable=False) as tx:
        for number in range(3000):
            failures.add(tx, throttle._slot(("x", str(number))), now=1e12, before=0)
        slots = [throttle._slot(("x", str(number))) for number in range(3000)]
    with pytest.raises(Exception, match="Too many failed"):
        throttle.check(own)
    wall.attempt("a slot beyond the table", max(slots) >= failures.SLOTS or min(slots) < 0)
    wall.assert_held()


# --- tokens that outlive what they were made with -------------------------------------------------
def _change(client: Client, user: str, project: str) -> None:
    client.identity.directory.change_user(user, password=NEW)


def _by_command(client: Client, user: str, project: str) -> None:
    """As `abaca user password` does it: in a process of its own, in the database."""
    Directory(client.identity.store, Passwords(cheap_settings())).change_user(user, password=NEW)


def _disable(client: Client, user: str, project: str) -> None:
    client.identity.directory.change_user(user, enabled=False)
    client.identity.directory.change_user(user, enabled=True)


def _withdraw(client: Client, user: str, project: str) -> None:
    path = f"/projects/{project}/users/{user}/roles/{people.role_id(client, 'member')}"
    assert client("DELETE", path)[0] == 204


def _disable_project(client: Client, user: str, project: str) -> None:
    assert client("PATCH", f"/projects/{project}", {"project": {"enabled": False}})[0] == 200


def _delete(client: Client, user: str, project: str) -> None:
    assert client("DELETE", f"/users/{user}")[0] == 204


ENDINGS: list[Callable[[Client, str, str], None]] = [
    _change, _by_command, _disable, _withdraw, _disable_project, _delete,
]  # fmt: skip


@pytest.mark.parametrize("end", ENDINGS)
def test_a_token_being_made_does_not_outlive_its_password(
    client: Client, wall: Wall, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends tokens happens between the check of the password and the making of the token."""
    user, project = new_user(client)
    verify = client.identity.passwords.verify

    def then_end(*given: Any) -> bool:
        found = verify(*given)
        monkeypatch.setattr(client.identity.passwords, "verify", verify)
        end(client, user, project)
        return found

    monkeypatch.setattr(client.identity.passwords, "verify", then_end)
    scope = {"project": {"id": project}}
    status, _, headers = client.login("ann", USER_PASSWORD, scope)
    token = headers.get("x-subject-token")
    wall.attempt("the token works", status == 201 and token is not None and works(client, token))
    wall.assert_held()


@pytest.mark.parametrize("end", ENDINGS)
def test_every_process_knows_at_once(client: Client, wall: Wall, end: Any) -> None:
    user, project = new_user(client)
    others = [Client(Identity(client.identity.store, cheap_settings())) for _ in range(2)]
    token = client.must_login("ann", USER_PASSWORD)[0]
    scoped = "/auth/catalog"
    assert all(works(each, token) for each in (client, *others))
    end(client, user, project)
    for number, each in enumerate((client, *others)):
        wall.attempt(f"process {number}", each("GET", scoped, token=token)[0] != 401)
    wall.assert_held()


def test_a_deleted_credential_ends_its_tokens(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    made = make_credential(client, user, token)
    before = people.use(client, made)[2]["x-subject-token"]
    path = f"/users/{user}/application_credentials/{made['id']}"
    verify = client.identity.passwords.verify

    def then_delete(*given: Any) -> bool:
        found = verify(*given)
        assert client("DELETE", path, token=token)[0] == 204
        return found

    monkeypatch.setattr(client.identity.passwords, "verify", then_delete)
    wall.attempt("a token being made", people.use(client, made)[0] == 201)
    wall.attempt("a token made before", works(client, before))
    wall.assert_held()


def test_a_revoked_token_makes_no_other(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is revoked while the other one is being made."""
    first = client.must_login(scope="unscoped")[0]
    by_token = logins.METHODS["token"]

    def then_revoke(*given: Any) -> Any:
        found = by_token(*given)
        assert client("DELETE", "/auth/tokens", X_SUBJECT_TOKEN=first)[0] == 204
        return found

    monkeypatch.setitem(logins.METHODS, "token", then_revoke)
    status = client.auth({"methods": ["token"], "token": {"id": first}})[0]
    wall.attempt("rescoped", status == 201)
    wall.assert_held()


def test_an_old_password_does_not_replace_a_new_one(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    hasher = client.identity.passwords.hash

    def after_reset(*given: Any) -> str:
        monkeypatch.setattr(client.identity.passwords, "hash", hasher)
        client.identity.directory.change_user(user, password=NEW)
        return hasher(*given)

    monkeypatch.setattr(client.identity.passwords, "hash", after_reset)
    body = {"user": {"original_password": USER_PASSWORD, "password": "the thief's own"}}
    client("POST", f"/users/{user}/password", body, token=token)
    wall.attempt("the thief gets in", client.login("ann", "the thief's own")[0] == 201)
    wall.attempt("the user is kept out", client.login("ann", NEW)[0] != 201)
    wall.assert_held()


# --- time -----------------------------------------------------------------------------------------
def test_every_wrong_secret_costs_one_slow_hash(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether user or credential exist, and whoever made the secret."""
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    made = make_credential(client, user, token)["id"]
    chosen = make_credential(client, user, token, name="own", secret="chosen by ann")["id"]
    hashes: list[str] = []
    hasher = client.identity.passwords._hasher
    slow = hasher.verify

    class Counting:
        def verify(self, kept: str, given: str) -> bool:
            hashes.append(given)
            return slow(kept, given)

    monkeypatch.setattr(client.identity.passwords, "_hasher", Counting())
    method = "application_credential"
    guesses: list[dict[str, Any]] = [
        {"methods": [method], method: {"id": id, "secret": "wrong guess"}}
        for id in (made, chosen, "f" * 32)
    ]
    guesses += [
        {"methods": ["password"], "password": {"user": {**each, "password": "wrong guess"}}}
        for each in ({"id": user}, {"id": "f" * 32}, {"name": "nobody", "domain": DEFAULT})
    ]
    for each in guesses:
        hashes.clear()
        assert client.auth(each)[0] == 401
        wall.attempt(f"{each}", len(hashes) != 1)
    wall.assert_held()


# --- the audit log --------------------------------------------------------------------------------
def test_logins_and_changes_are_audited_and_never_their_secrets(client: Client, wall: Wall) -> None:
    user, project = new_user(client)
    secrets = [USER_PASSWORD, NEW, "wrong guess"]
    with structlog.testing.capture_logs() as events:
        token = client.must_login("ann", USER_PASSWORD)[0]
        guess(client, {"name": "ann\u202e" + "x" * 200, "domain": DEFAULT})
        body = {"user": {"original_password": USER_PASSWORD, "password": NEW}}
        assert client("POST", f"/users/{user}/password", body, token=token)[0] == 204
        _withdraw(client, user, project)
        assert client("POST", "/users", {"user": {"name": "eve"}}, token=token)[0] == 401
        token = client.must_login("ann", NEW, scope="unscoped")[0]
        assert client("POST", "/users", {"user": {"name": "eve"}}, token=token)[0] == 403
    found = [one for one in events if one.get("logger") == audit.LOGGER]
    assert [(one["event"], one["result"]) for one in found] == [
        ("identity.tokens.create", "success"),
        ("identity.tokens.create", "failure"),
        ("identity.users.change_password", "success"),
        ("identity.roles.withdraw", "success"),
        ("identity.tokens.create", "success"),
        ("identity.users.create_user", "failure"),
    ]
    assert found[0]["actor_user_id"] == found[2]["user_id"] == user
    assert {one["actor_address"] for one in found} == {"192.0.2.1"}
    assert all(one["request_id"].startswith("req-") for one in found)
    assert found[3]["project_id"] == project
    for one in found:
        for name, value in one.items():
            wall.attempt(f"a secret in {name}", any(secret in value for secret in secrets))
            wall.attempt(f"{name} is not plain", not value.isascii() or len(value) > 140)
    wall.assert_held()


def test_nobody_fills_the_audit_log_for_nothing(client: Client, wall: Wall) -> None:
    """What costs a stranger no password hash is not written down."""
    cheap = [
        {"methods": ["token"], "token": {"id": "x"}},
        {"methods": ["x"]},
        {"methods": ["password"], "password": {"user": {"name": "ann"}}},
    ]
    for _ in range(8):
        guess(client, {"name": "admin", "domain": DEFAULT})
    with structlog.testing.capture_logs() as events:
        for each in cheap:
            client.auth(each)
        guess(client, {"name": "admin", "domain": DEFAULT})  # throttled
        client("POST", "/users", {"user": {"name": "eve"}}, token="x")
    for one in events:
        wall.attempt(f"{one}", True)
    wall.attempt("nothing is written", False)
    wall.assert_held()
