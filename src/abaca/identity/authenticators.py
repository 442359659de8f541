"""Who is asking: one authenticator per `[identity]` mode.

Each gives `authenticate(environ) -> Context` and raises Unauthorized, or Unavailable when whoever
knows cannot be asked.  `abaca.request_id` in the environ, if there, becomes the context's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from oslo_config import cfg

from abaca.model.context import Context, new_request_id
from abaca.model.errors import Unauthorized

from .core import Identity
from .policy import Enforcer

Environ = Mapping[str, Any]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Authenticator(Protocol):
    """What the API asks for."""

    def authenticate(self, environ: Environ) -> Context: ...


def challenge(public_url: str) -> str:
    """The WWW-Authenticate header of a 401: where to get a token."""
    return f'Keystone uri="{public_url.rstrip("/")}/identity"'


def _request_id(environ: Environ) -> str:
    return environ.get("abaca.request_id") or new_request_id()


class EmbeddedAuth:
    """Tokens of abaca's own identity.

    What becomes void anywhere is noticed by the next request.
    """

    def __init__(self, identity: Identity, enforcer: Enforcer) -> None:
        self._sessions = identity.sessions
        self._enforcer = enforcer

    def authenticate(self, environ: Environ) -> Context:
        token = environ.get("HTTP_X_AUTH_TOKEN")
        if not token:
            raise Unauthorized("The request needs a token in the header X-Auth-Token.")
        caller = self._sessions.open(token).context()
        is_admin = bool(caller.roles) and self._enforcer.is_admin(
            caller.roles,
            project_id=caller.project_id,
            user_id=caller.user_id,
            system_scope=caller.system_scope,
        )
        return msgspec.structs.replace(caller, is_admin=is_admin, request_id=_request_id(environ))


class KeystoneAuth:
    """Tokens of a real Keystone, checked by its own middleware.

    `wrap` puts the middleware around the application; `authenticate` reads what it found.  The
    section [keystone_authtoken] says how to reach Keystone.  Service tokens count as the
    middleware is configured to let them.
    """

    def __init__(self, conf: cfg.ConfigOpts, enforcer: Enforcer) -> None:
        self._conf = conf
        self._enforcer = enforcer

    def wrap(self, app: Wsgi) -> Wsgi:
        """The application behind the middleware, which refuses nothing by itself: some paths
        need no token, and abaca words its own refusals."""
        from keystonemiddleware import auth_token

        options = {"oslo_config_config": self._conf, "delay_auth_decision": True}
        checked: Wsgi = auth_token.AuthProtocol(_without_challenge(app), options)

        def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            needs_no_token = environ.get("PATH_INFO") == "/healthcheck"  # nor to ask Keystone
            return (app if needs_no_token else checked)(environ, start_response)

        return wrapped

    def authenticate(self, environ: Environ) -> Context:
        # Not a header, so no client can fake it: the middleware has seen this request.
        seen = environ.get("keystone.token_auth")
        if seen is None or environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            raise Unauthorized("The request needs a valid token in the header X-Auth-Token.")
        told = functools.partial(_header, environ)
        project_id = told("X_PROJECT_ID")
        system = told("OPENSTACK_SYSTEM_SCOPE")
        roles = _words(told("X_ROLES")) if project_id or system else ()
        user_id = told("X_USER_ID")
        return Context(
            user_id=user_id,
            user_name=told("X_USER_NAME"),
            user_domain_id=told("X_USER_DOMAIN_ID"),
            project_id=project_id,
            project_name=told("X_PROJECT_NAME"),
            project_domain_id=told("X_PROJECT_DOMAIN_ID"),
            roles=roles,
            service_roles=_service_roles(environ),
            system_scope=system,
            is_admin=self._enforcer.is_admin(
                roles, project_id=project_id, user_id=user_id, system_scope=system
            ),
            request_id=_request_id(environ),
        )


class NoAuth:
    """Everyone is who they say they are: for a trusted network only.

    The token is `user:project[:role,role]`; whoever names no role, or has no token at all, is an
    administrator.
    """

    def __init__(self, enforcer: Enforcer, *, project_id: str = "0" * 32) -> None:
        self._enforcer = enforcer
        self._project_id = project_id

    def authenticate(self, environ: Environ) -> Context:
        token = environ.get("HTTP_X_AUTH_TOKEN", "")
        if not (token.isascii() and token.isprintable() and len(token) <= 512):
            raise Unauthorized("The token is not of the form user:project or user:project:role.")
        user, project, roles = (*token.split(":", 2), "", "")[:3]
        words = _words(roles) or ("admin",)
        user, project = user or "admin", project or self._project_id
        return Context(
            user_id=user[:64],
            user_name=user,
            project_id=project[:64],
            project_name=project,
            roles=words,
            is_admin=self._enforcer.is_admin(words, project_id=project, user_id=user),
            request_id=_request_id(environ),
        )


def _without_challenge(app: Wsgi) -> Wsgi:
    """The application without a WWW-Authenticate of its own: the middleware adds the right one."""

    def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            kept = [pair for pair in headers if pair[0].lower() != "www-authenticate"]
            return start_response(status, kept, *error)

        return app(environ, start)

    return bare


def _header(environ: Environ, name: str) -> str:
    """What the middleware said; it says None for what a token does not have."""
    return environ.get(f"HTTP_{name}") or ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _service_roles(environ: Environ) -> tuple[str, ...]:
    if environ.get("HTTP_X_SERVICE_IDENTITY_STATUS") != "Confirmed":
        return ()
    return _words(_header(environ, "X_SERVICE_ROLES"))
