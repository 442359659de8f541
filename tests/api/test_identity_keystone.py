"""KeystoneAuth against a real Keystone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import session as ks
from keystoneauth1.identity import v3
from oslo_config import cfg

from abaca.identity.authenticators import KeystoneAuth
from abaca.identity.policy import Enforcer
from abaca.model.errors import Forbidden, Unauthorized
from support import keystone
from support.postgres import free_port

pytestmark = pytest.mark.xdist_group("keystone")  # it is slow to start: once

AUTHTOKEN = """
[keystone_authtoken]
auth_type = password
auth_url = {url}
www_authenticate_uri = {root}
username = admin
password = {password}
project_name = admin
user_domain_id = default
project_domain_id = default
service_token_roles = service
service_token_roles_required = true
"""


class Cloud:
    """Keystone, some users in it, and a WSGI application behind KeystoneAuth."""

    def __init__(self, url: str, hasty_url: str, folder: Path) -> None:
        self.url, self.hasty_url = url, hasty_url
        admin = v3.Password(url, **self.who("admin", keystone.PASSWORD), **self.project("admin"))
        self.http = ks.Session(auth=admin)
        self.member_project = self.make_user("ann", "member")
        self.make_user("nova", "service")
        config = folder / "abaca.conf"
        config.write_text(
            AUTHTOKEN.format(url=url, root=url.removesuffix("/v3"), password=keystone.PASSWORD)
        )
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(config)], project="abaca")
        self.auth = KeystoneAuth(conf, Enforcer(conf))
        self.app = self.auth.wrap(self.answer)

    def who(self, name: str, password: str = "pw") -> dict[str, str]:
        return {"username": name, "password": password, "user_domain_id": "default"}

    def project(self, name: str) -> dict[str, str]:
        return {"project_name": name, "project_domain_id": "default"}

    def make_user(self, name: str, role: str) -> str:
        """The id of a project of the same name on which they have the role."""
        post, url = self.http.post, self.url
        project = post(f"{url}/projects", json={"project": {"name": name}}).json()["project"]["id"]
        body = {"user": {"name": name, "password": "pw"}}
        user = post(f"{url}/users", json=body).json()["user"]["id"]
        found = self.http.get(f"{url}/roles?name={role}").json()["roles"][0]["id"]
        self.http.put(f"{url}/projects/{project}/users/{user}/roles/{found}")
        return str(project)

    def token(self, name: str, *, url: str = "", unscoped: bool = False) -> str:
        """A fresh token, which no cache has seen."""
        scope = {"unscoped": True} if unscoped else self.project(name)
        password = keystone.PASSWORD if name == "admin" else "pw"
        plugin = v3.Password(url or self.url, **self.who(name, password), **scope)
        return str(ks.Session().get_token(plugin))

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        try:
            ctx = self.auth.authenticate(environ)
        except Unauthorized:
            start_response("401 Unauthorized", [("www-authenticate", "ours")])
            return [b"{}"]
        start_response("200 OK", [])
        seen = {name: getattr(ctx, name) for name in ctx.__struct_fields__}
        return [json.dumps(seen).encode()]

    def ask(self, token: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/v2/shares",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8786",
            "wsgi.url_scheme": "http",
            **({"HTTP_X_AUTH_TOKEN": token} if token else {}),
            **{f"HTTP_{name}": value for name, value in headers.items()},
        }
        seen: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            seen.append(status)
            self.challenges = [v for k, v in headers if k.lower() == "www-authenticate"]

        body = b"".join(self.app(environ, start))
        status = int(seen[0][:3])
        return status, json.loads(body) if status == 200 else {}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("keystone")
    server = keystone.Keystone(folder)
    with server.serve(server.port) as url, server.serve(free_port(), seconds=1) as hasty_url:
        yield Cloud(url, hasty_url, folder)


def test_an_administrator(cloud: Cloud) -> None:
    status, ctx = cloud.ask(cloud.token("admin"))
    assert status == 200
    assert ctx["is_admin"]
    assert {"admin", "member", "reader"} <= set(ctx["roles"])
    assert (ctx["user_name"], ctx["project_name"]) == ("admin", "admin")
    assert ctx["request_id"].startswith("req-")


def test_a_member_is_bound_to_their_project(cloud: Cloud) -> None:
    status, seen = cloud.ask(cloud.token("ann"))
    assert status == 200
    assert not seen["is_admin"]
    assert seen["project_id"] == cloud.member_project
    environ = _environ_of(cloud, cloud.token("ann"))
    ctx, enforcer = cloud.auth.authenticate(environ), Enforcer()
    enforcer.enforce(ctx, "share:create", {"project_id": cloud.member_project})
    with pytest.raises(Forbidden):
        enforcer.enforce(ctx, "share:create", {"project_id": "another"})


def _environ_of(cloud: Cloud, token: str) -> dict[str, Any]:
    """What the application sees behind the middleware."""
    seen: list[dict[str, Any]] = []

    def peek(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(dict(environ))
        start_response("200 OK", [])
        return []

    wrapped = cloud.auth.wrap(peek)
    list(wrapped({"REQUEST_METHOD": "GET", "HTTP_X_AUTH_TOKEN": token}, lambda *_: None))
    return seen[0]


def test_a_token_without_project_has_no_rights(cloud: Cloud) -> None:
    status, seen = cloud.ask(cloud.token("admin", unscoped=True))
    assert status == 200
    assert (seen["roles"], seen["project_id"], seen["is_admin"]) == ([], "", False)


@pytest.mark.parametrize("token", ["", "garbage", "gAAAAAB" + "x" * 150])
def test_no_token_or_garbage(cloud: Cloud, token: str) -> None:
    assert cloud.ask(token)[0] == 401
    assert cloud.challenges == [f'Keystone uri="{cloud.url.removesuffix("/v3")}"']


def test_a_revoked_token(cloud: Cloud) -> None:
    token = cloud.token("ann")
    cloud.http.delete(f"{cloud.url}/auth/tokens", headers={"X-Subject-Token": token})
    assert cloud.ask(token)[0] == 401


def test_an_expired_token_and_a_service_that_vouches_for_it(cloud: Cloud) -> None:
    token = cloud.token("ann", url=cloud.hasty_url)
    time.sleep(1.2)
    assert cloud.ask(token)[0] == 401
    status, seen = cloud.ask(token, X_SERVICE_TOKEN=cloud.token("nova"))
    assert status == 200
    assert seen["service_roles"] == ["service"]
    assert seen["user_name"] == "ann"
    assert cloud.ask(token, X_SERVICE_TOKEN=cloud.token("ann"))[0] == 401


FAKED = {
    "X_IDENTITY_STATUS": "Confirmed",
    "X_ROLES": "admin",
    "X_PROJECT_ID": "p",
    "X_USER_ID": "u",
    "OPENSTACK_SYSTEM_SCOPE": "all",
}


def test_headers_of_the_client_are_not_believed(cloud: Cloud) -> None:
    assert cloud.ask(**FAKED)[0] == 401
    assert cloud.ask("garbage", **FAKED)[0] == 401
    assert not cloud.ask(cloud.token("ann"), **FAKED)[1]["is_admin"]
    faked = {"X_SERVICE_IDENTITY_STATUS": "Confirmed", "X_SERVICE_ROLES": "service"}
    assert cloud.ask(cloud.token("ann"), **faked)[1]["service_roles"] == []


def test_without_the_middleware_nobody_gets_in(cloud: Cloud) -> None:
    environ = {f"HTTP_{name}": value for name, value in FAKED.items()}
    with pytest.raises(Unauthorized):
        cloud.auth.authenticate(environ)
