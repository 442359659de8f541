"""The part of the Keystone v3 API that clients of abaca use, served by abaca itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from abaca.identity.core import Identity

from . import credentials, discovery, projects, roles, tokens, users
from .http import PREFIX, ROUTES, build

__all__ = [
    "create_identity_app",
    "credentials",
    "discovery",
    "projects",
    "roles",
    "tokens",
    "users",
]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def create_identity_app(identity: Identity) -> Wsgi:
    """The WSGI application, to be mounted at /identity or served alone (then at /identity too)."""
    app = build(identity, ROUTES)

    def mounted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not environ.get("SCRIPT_NAME") and (path + "/").startswith(PREFIX + "/"):
            environ["SCRIPT_NAME"] = PREFIX
            environ["PATH_INFO"] = path[len(PREFIX) :]
        return app(environ, start_response)

    return mounted
