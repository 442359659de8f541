"""From a complete request to a WSGI application and back."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from abaca.model.context import new_request_id

from . import faults
from .clients import CLIENT, TrustedProxies
from .parser import Request
from .replies import Reply, fault_reply, reply

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

REQUEST_ID = "abaca.request_id"  # in the WSGI environ
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))  # the body is complete


class Gateway:
    """Calls the application; whatever it raises becomes an answer."""

    def __init__(
        self, app: Wsgi, *, address: tuple[str, int], scheme: str, proxies: TrustedProxies
    ) -> None:
        self.app = app
        self.proxies = proxies
        self.base: dict[str, Any] = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": address[0],
            "SERVER_PORT": str(address[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def answer(self, request: Request, peer: str) -> Reply:
        """What the application answers to a request that came from this address."""
        environ = self._environ(request, peer)
        request_id = environ[REQUEST_ID]
        try:
            return reply(*_called(self.app, environ), **_how(request))
        except Exception as error:  # noqa: BLE001 - the HTTP edge: middleware may raise anything
            where = f"{request.method} {request.path!a}"
            fault = faults.of(error, request_id, where)
            return fault_reply(fault, request_id, **_how(request))

    def _environ(self, request: Request, peer: str) -> dict[str, Any]:
        environ = {
            **self.base,
            "REQUEST_METHOD": request.method,
            "PATH_INFO": _path(request.path),
            "QUERY_STRING": request.query,
            "SERVER_PROTOCOL": f"HTTP/{request.version}",
            "REMOTE_ADDR": peer,
            "wsgi.input": BytesIO(request.body),
            REQUEST_ID: new_request_id(),
        }
        if request.body:
            environ["CONTENT_LENGTH"] = str(len(request.body))
        for name, value in request.headers:
            key = _key(name)
            if key:
                text = value.decode("latin-1")
                environ[key] = f"{environ[key]},{text}" if key in environ else text
        environ[CLIENT] = self.proxies.client_of(peer, environ.get("HTTP_X_FORWARDED_FOR"))
        return environ


def _how(request: Request) -> dict[str, Any]:
    """Whether the connection goes on is asked last: the server may have been told to stop."""
    return {
        "method": request.method,
        "keep_alive": request.keep_alive,
        "version": request.version,
    }


@functools.lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """The key of a header in the environ; "" if it is not to be there.

    A name with an underscore would be taken for the one with a hyphen, past a proxy's rules.
    """
    if b"_" in name or name in _FRAMING:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else f"HTTP_{key}"


def _path(path: str) -> str:
    return unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def _called(app: Wsgi, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body; what the application raises is raised."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    chunks: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], error: Any = None
    ) -> Callable[[bytes], None]:
        started[:] = [(status, headers)]
        return chunks.append

    answer = app(environ, start_response)
    try:
        chunks.extend(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    if not started:
        raise RuntimeError("the application did not call start_response")
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return (*started[0], body)
