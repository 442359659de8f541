"""Idempotency-Key: the same request again, the same answer again, and one effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from abaca.api.app import create_app
from abaca.api.idempotency import MAX_KEY
from abaca.api.registry import Registry, Route
from abaca.api.request import AllowAll, NoAuth, Request
from abaca.api.versions import text
from abaca.model.errors import Collision, Unavailable
from abaca.service.env import Env
from abaca.store import idempotency as keys
from abaca.store import types
from abaca.store.engine import Store
from abaca.store.schema import idempotency_keys, operations, shares
from api.full_world import FullWorld, full_world
from support.shares import World

CREATE = {"share": {"size": 1, "share_proto": "NFS", "name": "one"}}
ONE = "member:aaaa1111:member,reader"


class Sender:
    def __init__(self, env: Any, **more: Any) -> None:
        self._client = testing.TestClient(create_app(env, auth=NoAuth(), **more))

    def __call__(
        self,
        key: str | None = "k",
        body: Any = CREATE,
        *,
        path: str = "/v2/shares",
        token: str = ONE,
        version: str = "2.65",
        method: str = "POST",
    ) -> testing.Result:
        headers = {"X-Auth-Token": token, "X-OpenStack-Manila-API-Version": version}
        headers |= {} if key is None else {"Idempotency-Key": key}
        return self._client.simulate_request(method, path, json=body, headers=headers)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def send(world: World) -> Sender:
    return Sender(world.env, policy=AllowAll())


def count(store: Store, table: sa.Table) -> int:
    with store.read() as tx:
        return int(tx.scalar(sa.select(sa.func.count()).select_from(table)))


def same(first: testing.Result, second: testing.Result) -> bool:
    """Status, body and every header; the second says that it is a copy."""
    headers = dict(second.headers)
    assert headers.pop("idempotency-replayed") == "true"
    return (first.status, first.content, dict(first.headers)) == (
        second.status,
        second.content,
        headers,
    )


# --- the same request -----------------------------------------------------------------------------
def test_a_create_that_is_sent_again_makes_one_share_and_gives_the_same_answer(
    world: World, send: Sender
) -> None:
    first = send()
    world.settle(first.json["share"]["id"])
    second = send()
    assert first.status_code == 200 and same(first, second)
    assert count(world.store, shares) == count(world.store, operations) == 1
    assert world.used() == {"shares": 1, "gigabytes": 1}


class Listener:
    """A queue that is told of work, and has no thread for it at once."""

    def __init__(self, told: Callable[[], None]) -> None:
        self.announced = told

    def reserve(self) -> None:
        return None


def test_the_announcement_of_the_work_waits_for_the_commit(world: World, send: Sender) -> None:
    told: list[int] = []
    listener: Any = Listener(lambda: told.append(count(world.store, operations)))
    for queue in ("", "node@local"):
        world.store.signals.serve(queue, listener)
    send()
    send()
    assert told == [1]


def test_without_a_key_or_with_another_one_it_is_another_request(
    world: World, send: Sender
) -> None:
    found = {send(key).json["share"]["id"] for key in (None, None, "a", "b", "a")}
    assert len(found) == count(world.store, shares) == 4


def test_many_at_once_have_one_effect(world: World, send: Sender) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send("at once"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == count(world.store, shares) == 1


@pytest.mark.parametrize(
    ("change", "value"),
    [("body", {"share": {**CREATE["share"], "size": 2}}), ("version", "2.64"),
     ("path", "/v2/aaaa1111/shares"), ("path", "/v2/shares?a=b")],
)  # fmt: skip
def test_another_request_with_the_same_key_is_refused(
    world: World, send: Sender, change: str, value: Any
) -> None:
    send()
    answer = send(**{change: value})
    assert answer.status_code == 409, answer.text
    assert "used for another request" in answer.json["conflictingRequest"]["message"]
    assert "a new key" in answer.json["conflictingRequest"]["message"]
    assert count(world.store, shares) == 1


def test_keys_are_those_of_one_user_in_one_project(world: World, send: Sender) -> None:
    tokens = (ONE, ONE.replace("member:", "other:", 1), ONE.replace("aaaa1111", "bbbb2222"))
    assert {send(token=token).status_code for token in tokens} == {200}
    assert count(world.store, shares) == 3


def test_a_refusal_is_an_answer_and_changes_nothing(world: World, send: Sender) -> None:
    huge = {"share": {**CREATE["share"], "size": 10**6}}
    first = send(body=huge)
    assert first.status_code == 413 and same(first, send(body=huge))
    assert count(world.store, shares) == count(world.store, operations) == 0
    assert world.used() == {"shares": 0, "gigabytes": 0}


def test_a_refusal_after_a_failed_statement_is_kept_as_well(world: World, send: Sender) -> None:
    """PostgreSQL ends a transaction whose statement has failed, unless it was a savepoint."""
    body = {"share_type": {"name": "twice", "extra_specs": {"driver_handles_share_servers": "0"}}}
    assert send("a", body, path="/v2/types").status_code == 200
    first = send("b", body, path="/v2/types")
    assert first.status_code == 409 and same(first, send("b", body, path="/v2/types"))


def test_other_methods_need_no_key(world: World, send: Sender) -> None:
    share = send(None).json["share"]["id"]
    path = f"/v2/shares/{share}"
    for name in ("one", "two"):
        body = {"share": {"display_name": name}}
        assert send("k", body, path=path, method="PUT").json["share"]["name"] == name
    assert send("k", None, path=path, method="GET").status_code == 200
    assert count(world.store, idempotency_keys) == 0


def test_a_key_is_free_again_when_its_time_is_over(world: World, send: Sender) -> None:
    first = send()
    with world.store.transaction() as tx:
        tx.run(sa.update(idempotency_keys).values(expires_at="2026-01-01T00:00:00.000000"))
    assert send().json["share"]["id"] != first.json["share"]["id"]
    assert same(send("n"), send("n"))


# --- keys that nobody should send -----------------------------------------------------------------
@pytest.mark.parametrize(
    "key", ["", "x" * (MAX_KEY + 1), "a\x00b", "a\tb", "a\x7f", "\x1b[31m", "schl\xfcssel"]
)
def test_a_wrong_key_is_refused(world: World, key: str) -> None:
    environ = testing.create_environ(
        "/v2/shares", method="POST", body=json.dumps(CREATE), headers={"X-Auth-Token": ONE}
    )
    environ["HTTP_IDEMPOTENCY_KEY"] = key
    environ["CONTENT_TYPE"] = "application/json"
    status: list[str] = []
    app = create_app(world.env, auth=NoAuth(), policy=AllowAll())
    said = b"".join(app(environ, lambda line, headers, exc=None: status.append(line)))
    assert status == ["400 Bad Request"] and b"printable ASCII" in said
    assert count(world.store, shares) == 0


@pytest.mark.parametrize("key", ["x" * MAX_KEY, '"quoted"', "'; DROP TABLE shares; --", "%00"])
def test_a_strange_key_is_a_key(world: World, send: Sender, key: str) -> None:
    assert same(send(key), send(key))
    assert count(world.store, shares) == 1


# --- what is not an answer ------------------------------------------------------------------------
def handler_that(store: Store, *ends: Exception | None) -> tuple[Sender, list[None]]:
    """A POST that makes a share type, then ends like this, one after the other."""
    registry, runs = Registry(), []

    @registry.route("POST", "/types", id="share_types.create")
    def create(req: Request) -> Any:
        with req.env.store.transaction() as tx:
            types.insert(tx, {"id": f"t{len(runs)}", "name": "n", "is_public": True}, {})
        runs.append(None)
        end = ends[min(len(runs), len(ends)) - 1]
        if end is not None:
            raise end
        return {"run": len(runs)}

    return Sender(Env(store), policy=AllowAll(), registry=registry), runs


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a bug")])
def test_a_failure_leaves_nothing_and_the_next_attempt_counts(
    store: Store, error: Exception
) -> None:
    send, runs = handler_that(store, error, None)
    failed = send(body=None, path="/v2/types")
    assert failed.status_code in (500, 503)
    assert count(store, idempotency_keys) == 0
    assert send(body=None, path="/v2/types").json == {"run": 2}
    assert send(body=None, path="/v2/types").json == {"run": 2}
    assert len(runs) == 2


def test_a_collision_is_not_seen(store: Store) -> None:
    send, _ = handler_that(store, Collision("deadlock"), None)
    assert send(body=None, path="/v2/types").json == {"run": 2}
    assert send(body=None, path="/v2/types").json == {"run": 2}


def test_a_request_that_waits_too_long_for_the_first_is_told_when_to_come_back(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's process is stopped, say, in the middle of its transaction."""
    from abaca.store import migrate

    store = Store(postgres.database())
    migrate.upgrade(store)
    monkeypatch.setattr(keys, "_LOCK_TIMEOUT", sa.text("SET LOCAL lock_timeout = '50ms'"))
    env = Env(store)
    with store.transaction() as tx:
        context = NoAuth().authenticate({"HTTP_X_AUTH_TOKEN": ONE})
        assert keys.claim(tx, context, "k", "f", 60)
        answer = Sender(env, policy=AllowAll())()
        assert answer.status_code == 409 and answer.headers["retry-after"] == "1"
        assert "send it again" in answer.json["conflictingRequest"]["message"]
    store.close()


# --- every POST -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("keys")) as found:
        yield found


def test_every_post_that_is_sent_again_does_nothing_and_answers_the_same(full: FullWorld) -> None:
    send = Sender(full.small.env, policy=AllowAll())
    posts = [route for route in full.registry.routes if route.method == "POST"]
    assert posts
    for route in posts:
        ask = _asking(full, send, route)
        first, changes = ask(), full.version()
        assert first.status_code != 500, (route.id, first.text)
        assert same(first, ask()), route.id
        assert full.version() == changes, f"{route.id} changed something again"
        full.restore()


def _asking(full: FullWorld, send: Sender, route: Route) -> Callable[[], testing.Result]:
    call = full.call(route)
    return lambda: send(
        route.id, call.body, path=f"/v2{call.path}", token="u-adm:cccc3333",
        version=text(route.versions.last),
    )  # fmt: skip


def test_another_host_gives_the_same_answer(world: World, send: Sender) -> None:
    """The real kill -9 is in tests/crash/test_idempotency."""
    first = send()
    other = Store(world.store.url.render_as_string(hide_password=False))
    assert same(first, Sender(Env(other, world.env.settings), policy=AllowAll())())
    other.close()
