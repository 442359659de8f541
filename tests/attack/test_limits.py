"""What a tenant or a stranger can make abaca keep, or keep a thread for, has a limit."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from abaca.cli import http
from abaca.identity.directory import MOST_CREDENTIALS
from abaca.identity.passwords import Line
from abaca.identity.settings import IdentitySettings
from abaca.service import idempotency, metadata
from abaca.store.schema import idempotency_keys
from api.full_world import Call, FullWorld, full_world
from attack.conftest import Wall
from support import identity as people
from support.identity import PASSWORD, USER_PASSWORD, Client, new_user

WALL = "what one caller can make abaca keep"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("limits")) as found:
        yield found


@pytest.fixture
def world(whole: FullWorld) -> Iterator[FullWorld]:
    yield whole
    whole.restore()


@pytest.fixture
def client(database_url: str) -> Iterator[Client]:
    with people.logged_in(database_url) as found:
        yield found


# --- threads --------------------------------------------------------------------------------------
class Stuck:
    """A hasher that does not end before it may."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def verify(self, kept: str, given: str) -> bool:
        assert self.go.wait(timeout=30)
        return True


class Watched(Line):
    """Tells who is in line."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings.logins_at_once, settings.logins_of_one_client)
        self.came = threading.Semaphore(0)

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        with super().place(client):
            self.came.release()
            yield


def login_from(client: Client, address: str) -> tuple[int, Any, dict[str, str]]:
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    return client("POST", "/auth/tokens", body, token="", environ={"REMOTE_ADDR": address})


def test_logins_occupy_few_threads_and_the_rest_is_refused_at_once(
    client: Client, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 log-ins of one address: two wait, 30 are told 503; another address still has a place."""
    stuck, settings = Stuck(), client.identity.settings
    line = Watched(settings)
    monkeypatch.setattr(client.identity.passwords, "_hasher", stuck)
    monkeypatch.setattr(client.identity.passwords, "_line", line)
    refused = threading.Semaphore(0)

    def one(_: int) -> tuple[int, Any, dict[str, str]]:
        found = login_from(client, "192.0.2.1")
        if found[0] == 503:
            refused.release()
        return found

    with ThreadPoolExecutor(40) as pool:
        flood = [pool.submit(one, number) for number in range(32)]
        for _ in range(32 - settings.logins_of_one_client):
            wall.attempt("a log-in that waits", not refused.acquire(timeout=30))
        others = [pool.submit(login_from, client, f"192.0.2.{n}") for n in (2, 3)]
        for _ in range(settings.logins_at_once):
            assert line.came.acquire(timeout=30)
        wall.attempt("one more than may wait", login_from(client, "192.0.2.9")[0] != 503)
        stuck.go.set()
        for each in others:
            wall.attempt("another address is kept out", each.result()[0] != 201)
        answers = [each.result() for each in flood]
    codes = [status for status, _, _ in answers]
    assert codes.count(201) == settings.logins_of_one_client
    assert {headers["retry-after"] for status, _, headers in answers if status == 503} == {"1"}
    assert not line._waiting
    assert login_from(client, "192.0.2.1")[0] == 201
    wall.assert_held()


def test_half_of_the_threads_are_never_in_a_login() -> None:
    threads = inspect.signature(http.serve).parameters["threads"].default
    assert 2 * IdentitySettings().logins_at_once <= threads


# --- passwords ------------------------------------------------------------------------------------
def test_no_password_is_too_short_or_too_long_wherever_it_is_set(
    client: Client, wall: Wall
) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    for secret in ("", "seven77", "x" * 4097, "x" * 100_000):
        tries = (
            ("POST", "/users", {"user": {"name": "eve", "password": secret}}, None),
            ("PATCH", f"/users/{user}", {"user": {"password": secret}}, None),
            (
                "POST",
                f"/users/{user}/password",
                {"user": {"original_password": USER_PASSWORD, "password": secret}},
                token,
            ),
            (
                "POST",
                f"/users/{user}/application_credentials",
                {"application_credential": {"name": "ci", "secret": secret}},
                token,
            ),
        )
        for method, path, body, by in tries:
            code = client(method, path, body, token=by)[0]
            wall.attempt(f"{len(secret)} characters, {path}", code != 400)
    long = {"name": "ann", "domain": {"id": "default"}, "password": "x" * 4097}
    method = {"methods": ["password"], "password": {"user": long}}
    wall.attempt("a log-in with a huge password", client.auth(method)[0] != 400)
    wall.assert_held()


# --- rows -----------------------------------------------------------------------------------------
def test_a_user_has_so_many_application_credentials(client: Client, wall: Wall) -> None:
    user, _ = new_user(client)
    token = client.must_login("ann", USER_PASSWORD)[0]
    path = f"/users/{user}/application_credentials"

    def make(number: int) -> int:
        body = {"application_credential": {"name": f"c{number}"}}
        return int(client("POST", path, body, token=token)[0])

    codes = [make(number) for number in range(MOST_CREDENTIALS - 2)]
    assert set(codes) == {201}
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(make, range(1000, 1006)))
    wall.attempt("several at once", codes.count(201) > 2)
    assert sorted(codes) == [201] * 2 + [403] * 4
    wall.attempt("one more", make(2000) != 403)
    made = client("GET", path, token=token)[1]["application_credentials"][0]["id"]
    assert client("DELETE", f"{path}/{made}", token=token)[0] == 204
    assert make(2001) == 201
    wall.assert_held()


def places(world: FullWorld) -> dict[str, str]:
    mine = world.theirs
    return {
        "share": f"/shares/{mine.share}/metadata",
        "snapshot": f"/snapshots/{mine.snapshot}/metadata",
        "rule": f"/share-access-rules/{mine.rule}/metadata",
        "location": f"/shares/{mine.share}/export_locations/{mine.location}/metadata",
    }


def test_a_resource_has_so_many_metadata_pairs(world: FullWorld, wall: Wall) -> None:
    most = metadata.MOST_PAIRS
    for noun, path in places(world).items():
        add = "PUT" if noun == "rule" else "POST"
        replace = "PUT"
        stays = 1 if noun == "location" else 0  # a pair that only an administrator may delete
        full = {f"k{n}": "v" for n in range(most - stays)}

        def send(method: str, pairs: dict[str, str], path: str = path) -> int:
            call = Call(method=method, path=path, body={"metadata": pairs})
            return world.send(call, "stranger", "2.99").status

        wall.attempt(f"{noun}: too many at once", send(replace, {**full, "x": "1"}) != 400)
        world.send(Call(method="DELETE", path=f"{path}/k"), "stranger", "2.99")  # what it had
        assert send(replace, full) == 200, noun
        wall.attempt(f"{noun}: one more", send(add, {"x": "1"}) != 400)
        assert send(add, {"k1": "changed"}) == 200, noun
    wall.assert_held()


def test_nothing_is_made_with_more_metadata(world: FullWorld, wall: Wall) -> None:
    many = {f"k{n}": "v" for n in range(metadata.MOST_PAIRS + 1)}
    share = {"size": 1, "share_proto": "NFS", "metadata": many}
    rule = {"access_type": "ip", "access_to": "10.1.2.3", "metadata": many}
    at = f"/shares/{world.theirs.share}/action"
    bodies = {
        "/shares": {"share": share},
        "/snapshots": {"snapshot": {"share_id": world.theirs.share, "metadata": many}},
        at: {"allow_access": rule},
    }
    for path, body in bodies.items():
        code = world.send(Call(method="POST", path=path, body=body), "stranger", "2.99").status
        wall.attempt(path, code != 400)
    wall.assert_held()


def send_with_key(world: FullWorld, key: str, size: int = 1) -> int:
    body = {"share": {"size": size, "share_proto": "NFS"}}
    call = Call(method="POST", path="/shares", body=body)
    return world.send(call, "stranger", "2.99", headers={"Idempotency-Key": key}).status


def rows(world: FullWorld) -> list[Any]:
    with world.store.read() as tx:
        return list(tx.all(sa.select(idempotency_keys.c.key, idempotency_keys.c.expires_at)))


def test_a_project_has_so_many_idempotency_keys(
    world: FullWorld, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEYS", 5)
    for number in range(12):
        code = send_with_key(world, f"key {number}", size=10**6)  # refused: over quota
        wall.attempt(f"key {number}", number >= 5 and code != 413)
    wall.attempt("rows", len(rows(world)) > 5)
    assert send_with_key(world, "key 0", size=10**6) == 413  # known, so it is answered again
    with world.store.transaction() as tx:
        tx.run(sa.update(idempotency_keys).values(expires_at="2000-01-01T00:00:00.000000"))
    assert send_with_key(world, "new") == 200  # what has expired does not count
    wall.assert_held()


def test_a_refusal_is_kept_for_minutes(world: FullWorld, wall: Wall) -> None:
    assert send_with_key(world, "good") == 200
    assert send_with_key(world, "bad", size=10**6) >= 400
    until = dict(tuple(row) for row in rows(world))
    wall.attempt("the refusal is kept like an effect", until["bad"] >= until["good"])
    wall.assert_held()


def test_strangers_choose_no_labels_and_no_long_log_lines(
    world: FullWorld, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    """Metrics, caches and log lines do not grow by what somebody without a token sends."""
    scrape = testing.TestClient(world.app).simulate_get
    sizes = []
    for number in range(50):
        path = f"/stranger-{number}/" + "x" * 2000
        world.send(Call(method="GET", path=path), "nobody", f"2.{number}")
        world.send(Call(method="POST", path="/shares", query={"a": path}), "nobody", "2.99")
        sizes.append(len(scrape("/metrics").text))
    wall.attempt("labels of metrics", sizes[-1] > sizes[2] + 500)
    for record in caplog.records:
        wall.attempt(f"a line of {len(record.getMessage())}", len(record.getMessage()) > 1000)
    wall.assert_held()
