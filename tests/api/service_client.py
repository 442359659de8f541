"""A client of the whole API, in process: real handlers, a real store, the default policy."""

from __future__ import annotations

import json
from typing import Any

import falcon.testing

from abaca.api.app import create_app
from abaca.api.request import NoAuth
from abaca.identity.policy import Enforcer
from abaca.service.env import Env

PROJECT = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
ADMIN = f"root:{PROJECT}:admin,member,reader"
MEMBER = f"ann:{PROJECT}:member,reader"
READER = f"bob:{PROJECT}:reader"
STRANGER = f"eve:{OTHER}:member,reader"

VERSION = "X-OpenStack-Manila-API-Version"


class Answer:
    """Status and JSON of one answer."""

    def __init__(self, result: falcon.testing.Result) -> None:
        self.status = result.status_code
        self.headers = result.headers
        self.json: Any = result.json if result.content else None

    @property
    def message(self) -> str:
        """What an error says."""
        (fault,) = self.json.values()
        assert fault["code"] == self.status
        text: str = fault["message"]
        return text

    def __repr__(self) -> str:
        return f"<{self.status} {self.json!r:.300}>"


class Api:
    """`api.get("/types", as_=MEMBER, v="2.40")`: the path without /v2, admin at 2.99 by default."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.store = env.store
        app = create_app(env, auth=NoAuth(), policy=Enforcer())
        self._client = falcon.testing.TestClient(app)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        as_: str = ADMIN,
        v: str = "2.99",
        expect: int | None = None,
        **query: Any,
    ) -> Answer:
        result = self._client.simulate_request(
            method,
            "/v2" + path,
            body=None if body is None else json.dumps(body),  # escaped: surrogates come through
            params=query or None,
            headers={"X-Auth-Token": as_, VERSION: v, "Content-Type": "application/json"},
        )
        answer = Answer(result)
        assert answer.status != 500, answer
        if expect is not None:
            assert answer.status == expect, answer
        return answer

    def get(self, path: str, **how: Any) -> Answer:
        return self.call("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Answer:
        return self.call("POST", path, body, **how)

    def put(self, path: str, body: Any = None, **how: Any) -> Answer:
        return self.call("PUT", path, body, **how)

    def delete(self, path: str, **how: Any) -> Answer:
        return self.call("DELETE", path, **how)


# what no field of text or number may take, and no answer may be 500 for
NASTY: tuple[Any, ...] = (
    "\x00", "a\x00b", "line\nfeed", "\x1b[31m", "x" * 10240, "", "\ud800", "\x85",
    2**31, 2**63, 2**70, -(2**70), 1e308, 1.5, -1, 0, True, None, [], {}, [[]], {"a": {"b": 1}},
    "'; DROP TABLE shares; --", "../../etc/passwd", "%00", "\u202e", "\U0001f4a9" * 255,
)  # fmt: skip
