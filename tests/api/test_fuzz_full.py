"""Hostile values anywhere in any request, on PostgreSQL: an answer below 500, always.

Hypothesis takes a good request of some route and spoils one spot of its body, its query or its
path.  The database forgets what is written, so that every request finds the same world.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from falcon import testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abaca.api.registry import Route, load
from abaca.api.versions import text
from api.full_world import TOKENS, FullWorld
from api.test_schemathesis_full import world_on
from support.postgres import Postgres

ROUTES = load().routes
# texts of JSON; some are not JSON at all
RAW = (
    "NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "-0.0", "1.5", "1e308", "-1", "0",
    "2147483648", "9223372036854775808", "-9223372036854775809", "null", "true", "[]", "{}",
    "[[]]", '""', '" "', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\u0085"', '"\\u202e"',
    '"' + "x" * 10240 + '"', '"' + "\U0001f4a9" * 255 + '"', '"../../etc/passwd"', '"$(id)"',
    '"\'; DROP TABLE shares; --"', '"%s%n{0}"', '"1"', '"-1"', '"\u0663"', '"2026-01-01"',
    '"99999999-9999-4999-8999-999999999999"', '{"":""}', '{"\\u0000":"x"}', '{"k":"\\u0000"}',
    '{"\\ud800":"x"}', '{"k":{"z":"\\ud800"}}', '{"k":1e400}', '{"k":["\\u0000"]}',
    "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000,
    json.dumps({str(n): "v" for n in range(2000)}),
)  # fmt: skip
WORDS = (
    "\x00", "a\nb", "../..", "x" * 3000, "\U0001f4a9" * 100, "'; --", "%", "\xff", "9" * 400, "-1",
    "1.5", "\x85", ".json", "*", "..", "(((", "{", "{'a':1}", "{'a':'\\x00'}", "{'a':'\\ud800'}",
    '{"a":"\\u0000"}', "{" * 200, "{(1,):2}", "{'x':'<in> y'}", "{'x':'>= 1e400'}", "", "true",
    "9223372036854775807", "9223372036854775808", "2147483648", "id", "2026-01-01",
)  # fmt: skip
VALUES = st.sampled_from(RAW) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
).map(json.dumps)
MARK = "@@here@@"


@pytest.fixture(scope="module")
def world(postgres: Postgres) -> Iterator[FullWorld]:
    found = world_on(postgres.database())
    yield found
    found.store.close()


def spots(route: Route, body: Any) -> list[tuple[str, ...]]:
    """Where something can be wrong: every key of the good body, and every declared field."""
    found: set[tuple[str, ...]] = {(), ("surprise",)}
    inner: tuple[str, ...] = ()
    if route.action is not None:
        inner = (route.action,)
    elif route.body is not None and route.body.keys:
        inner = (route.body.keys[0],)
    for field in route.body.fields if route.body is not None else ():
        found |= {(*inner, name) for name in (field.name, *field.alias)}
    found |= set(_paths(body))
    return sorted(found)


def _paths(body: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield before
    if isinstance(body, dict):
        for key, value in body.items():
            yield from _paths(value, (*before, key))


def spoiled(body: Any, spot: tuple[str, ...], raw: str) -> str:
    return json.dumps(_marked(body, spot)).replace(f'"{MARK}"', raw)


def _marked(body: Any, spot: tuple[str, ...]) -> Any:
    if not spot:
        return MARK
    inner = body if isinstance(body, dict) else {}
    return {**inner, spot[0]: _marked(inner.get(spot[0]), spot[1:])}


def ask(world: FullWorld, route: Route, path: str, body: str | None, query: str) -> int:
    client = testing.TestClient(world.app)
    result = client.simulate_request(
        route.method,
        "/v2" + path,
        body=None if body is None else body.encode("utf-8", "surrogatepass"),
        query_string=query,
        headers={
            "X-Auth-Token": str(TOKENS["admin"]),
            "X-OpenStack-Manila-API-Version": text(route.versions.last),
            "X-OpenStack-Manila-API-Experimental": "true",
            "Content-Type": "application/json",
        },
    )
    return result.status_code


LIMITS = settings(
    max_examples=600,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@LIMITS
@given(data=st.data())
def test_any_body(world: FullWorld, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from([r for r in ROUTES if r.body and not r.body.empty]))
    call = world.call(route)
    spot = data.draw(st.sampled_from(spots(route, call.body)))
    body = spoiled(call.body, spot, data.draw(VALUES))
    assert ask(world, route, call.path, body, "") < 500


@LIMITS
@given(data=st.data())
def test_any_query(world: FullWorld, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from([r for r in ROUTES if r.query]))
    call = world.call(route)
    pairs = {name: str(value) for name, value in call.query.items()} | {"with_count": "1"}
    param = data.draw(st.sampled_from(route.query))
    name = data.draw(st.sampled_from([param.name, *param.alias]))
    pairs[name] = data.draw(st.sampled_from(WORDS) | st.text(max_size=20))
    query = "&".join(f"{key}={_quoted(value)}" for key, value in pairs.items())
    body = None if call.body is None else json.dumps(call.body)
    assert ask(world, route, call.path, body, query) < 500


@LIMITS
@given(data=st.data())
def test_any_path(world: FullWorld, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from([r for r in ROUTES if "{" in r.path]))
    call = world.call(route)
    parts = call.path.split("/")
    variable = [n for n, part in enumerate(route.path.split("/")) if part.startswith("{")]
    word = data.draw(st.sampled_from(WORDS) | st.text(max_size=20))
    parts[data.draw(st.sampled_from(variable))] = _quoted(word)
    body = None if call.body is None else json.dumps(call.body)
    assert ask(world, route, "/".join(parts), body, "") < 500


def _quoted(word: str) -> str:
    return quote(word.encode("utf-8", "surrogatepass"), safe="")
