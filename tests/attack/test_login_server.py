"""Attacks on the log-in of a real `abaca serve`."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from attack.conftest import Wall
from support.processes import Site, environment, site

WALL = "log-in"
PROXIES = "[abaca]\ntrusted_proxies = 127.0.0.1\naddress_failures = 12\n"


class Running:
    """A server with the embedded identity, behind a proxy on this machine that it trusts."""

    def __init__(self, made: Site) -> None:
        self.site = made
        made.serve()
        text = made.clouds.read_text()
        found = re.search(r'^ +password: (".*")$', text, re.MULTILINE)
        assert found is not None
        self.password = str(json.loads(found[1]))

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        given = None if body is None else json.dumps(body)
        connection.request(method, path, given, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}

    def login(self, name: str, password: str, client: str) -> tuple[int, dict[str, str]]:
        user = {"name": name, "domain": {"id": "default"}, "password": password}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
        path = "/identity/v3/auth/tokens"
        return self.call("POST", path, {"auth": auth}, X_Forwarded_For=client)

    def command(self, *words: str, said: str = "") -> None:
        subprocess.run(
            self.site.command(*words),
            env=environment(),
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with site(PROXIES, auth="embedded") as made:
        yield Running(made)


def test_failures_behind_a_balancer_lock_out_their_own_client_only(
    running: Running, wall: Wall
) -> None:
    """A client that writes X-Forwarded-For itself is still one client."""
    codes = [
        running.login(f"nobody{n}", "wrong guess", f"203.0.113.{n}, 198.51.100.1")[0]
        for n in range(20)
    ]
    for number, code in enumerate(codes):
        wall.attempt(f"guess {number}", code != (401 if number < 12 else 429))
    locked = running.login("admin", running.password, "198.51.100.1")[0]
    wall.attempt("the attacker's address", locked != 429)
    for client in ("198.51.100.2", "2001:db8::2"):
        code = running.login("admin", running.password, client)[0]
        wall.attempt(f"{client} is locked out", code != 201)
    wall.assert_held()


def test_a_command_takes_effect_on_the_running_server_at_once(running: Running, wall: Wall) -> None:
    running.command("project", "create", "lab")
    running.command("user", "create", "ann", "--project", "lab", said="the first password\n")
    asked = {"X_OpenStack_Manila_API_Version": "2.65"}
    for number, (words, said, password) in enumerate(
        (
            (("user", "password", "ann"), "the second password\n", "the first password"),
            (("user", "disable", "ann"), "", "the second password"),
        )
    ):
        status, headers = running.login("ann", password, "192.0.2.1")
        assert status == 201
        token = headers["x-subject-token"]
        assert running.call("GET", "/v2/shares", X_Auth_Token=token, **asked)[0] == 200
        running.command(*words, said=said)
        code = running.call("GET", "/v2/shares", X_Auth_Token=token, **asked)[0]
        wall.attempt(f"the token after {' '.join(words)}", code != 401)
        code = running.login("ann", password, f"192.0.2.{number + 2}")[0]
        wall.attempt(f"the password after {' '.join(words)}", code != 401)
    log = (running.site.state / "abaca.log").read_text()
    audited = [line for line in log.splitlines() if "abaca.audit" in line]
    assert any("user.password" in line and "local" in line for line in audited)
    assert any("identity.tokens.create" in line and "192.0.2.1" in line for line in audited)
    for secret in ("the first password", "the second password", running.password):
        wall.attempt("a password in the log", secret in log)
    wall.assert_held()
