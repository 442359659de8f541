"""A client of the embedded identity that needs no socket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from abaca.identity.core import Identity, bootstrap
from abaca.identity.embedded import create_identity_app
from abaca.identity.settings import cheap_settings
from abaca.store import migrate
from abaca.store.engine import Store

PASSWORD = "correct horse"
USER_PASSWORD = "battery staple"  # of every user that new_user makes


class Client:
    """Calls the application without a socket."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.app = create_identity_app(identity)
        self.token = ""

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        environ: Mapping[str, Any] = {},
        **headers: str,
    ) -> tuple[int, Any, dict[str, str]]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        path, _, query = path.partition("?")
        asked = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path if path.startswith("/identity") else "/identity/v3" + path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8786",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(raw),
            "wsgi.errors": BytesIO(),
            "CONTENT_LENGTH": str(len(raw)),
            "HTTP_X_AUTH_TOKEN": self.token if token is None else token,
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
            **environ,
        }
        seen: dict[str, Any] = {}

        def start(status: str, sent: list[tuple[str, str]], _: Any = None) -> None:
            seen.update(status=int(status[:3]), headers={k.lower(): v for k, v in sent})

        answer = b"".join(self.app(asked, start))
        return seen["status"], json.loads(answer) if answer else None, seen["headers"]

    def login(self, name: str = "admin", password: str = PASSWORD, scope: Any = None) -> Any:
        user = {"name": name, "domain": {"id": "default"}, "password": password}
        return self.auth({"methods": ["password"], "password": {"user": user}}, scope)

    def auth(self, identity: Any, scope: Any = None) -> tuple[int, Any, dict[str, str]]:
        auth = {"identity": identity, **({"scope": scope} if scope is not None else {})}
        return self("POST", "/auth/tokens", {"auth": auth}, token="")

    def must_login(self, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        status, body, headers = self.login(*args, **kwargs)
        assert status == 201, body
        return headers["x-subject-token"], body["token"]


def make_identity(url: str, **values: Any) -> Identity:
    store = Store(url)
    migrate.upgrade(store)
    bootstrap(store, PASSWORD, cheap_settings())
    return Identity(store, cheap_settings(**values))


@contextlib.contextmanager
def logged_in(url: str, **values: Any) -> Iterator[Client]:
    """A client of a fresh identity, with the administrator's token."""
    identity = make_identity(url, **values)
    found = Client(identity)
    found.token = found.must_login()[0]
    yield found
    identity.store.close()


def new_user(client: Client, name: str = "ann", *, role: str = "member") -> tuple[str, str]:
    """A user with a role on a project of the same name; their ids."""
    project = client("POST", "/projects", {"project": {"name": name}})[1]["project"]["id"]
    body = {"name": name, "password": USER_PASSWORD, "default_project_id": project}
    user = client("POST", "/users", {"user": body})[1]["user"]["id"]
    path = f"/projects/{project}/users/{user}/roles/{role_id(client, role)}"
    assert client("PUT", path)[0] == 204
    return user, project


def role_id(client: Client, name: str) -> str:
    return str(client("GET", f"/roles?name={name}")[1]["roles"][0]["id"])


def works(client: Client, token: str) -> bool:
    return client("GET", "/auth/projects", token=token)[0] == 200


def make_credential(client: Client, user: str, token: str, **more: Any) -> Any:
    body = {"application_credential": {"name": "ci", **more}}
    status, found, _ = client("POST", f"/users/{user}/application_credentials", body, token=token)
    assert status == 201, found
    return found["application_credential"]


def use(client: Client, made: Any, scope: Any = None) -> tuple[int, Any, dict[str, str]]:
    given = {"id": made["id"], "secret": made["secret"]}
    return client.auth(
        {"methods": ["application_credential"], "application_credential": given}, scope
    )
