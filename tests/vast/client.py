"""Anybody who speaks HTTPS to the simulated array."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 60.0  # seconds; a loaded machine


class Reply(NamedTuple):
    status: int
    body: Any


class Client:
    """Answers are what came, refusals too."""

    def __init__(self, port: int, ca: Path) -> None:
        self.base = f"https://127.0.0.1:{port}/api/"
        self.context = ssl.create_default_context(cafile=ca)
        self.headers: dict[str, str] = {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {**self.headers, **headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=PATIENCE) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return Reply(status, json.loads(text) if text else None)

    def log_in(self, user: str = "admin", password: str = "123456") -> Reply:
        reply = self("POST", "token/", {"username": user, "password": password})
        if reply.status == 200:
            self.headers = {"Authorization": f"Bearer {reply.body['access']}"}
        return reply

    def made(self, where: str, **body: Any) -> int:
        reply = self("POST", where, body)
        assert reply.status == 201, reply
        return int(reply.body["id"])


def names(reply: Reply) -> list[str]:
    rows = reply.body if isinstance(reply.body, list) else reply.body["results"]
    return [row["name"] for row in rows]
