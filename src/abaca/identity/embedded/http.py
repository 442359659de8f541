"""How identity routes are declared and served.

    @route("GET", "/v3/users/{user_id}", who=SELF)
    def show(call: Call, user_id: str) -> dict[str, Any]: ...

`who` says which token the route asks for.  A handler returns the body, None for no body, or an
`Answer`; it raises errors of abaca.model.errors.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

import falcon
import msgspec
import structlog
from sqlalchemy.exc import IntegrityError

from abaca.identity.authenticators import challenge
from abaca.identity.core import Identity
from abaca.identity.login import WrongSecret
from abaca.identity.sessions import Session
from abaca.model.context import new_request_id
from abaca.model.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    RequestError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from abaca.service import audit
from abaca.web.clients import client_address
from abaca.web.hosts import is_host

log = structlog.get_logger(__name__)
MOST_BYTES = 114688  # of a request body
PREFIX = "/identity"
Body = dict[str, Any]
T = TypeVar("T")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Who(Enum):
    """Whose token a route asks for."""

    ANYONE = "no token"
    USER = "any valid token"
    SELF = "the token of the user of the path, or of an admin"
    ADMIN = "the token of an admin"


class Answer(msgspec.Struct, frozen=True):
    """An answer that differs from the usual one."""

    body: Body | None = None
    status: int | None = None
    headers: Mapping[str, str] = {}


class Call:
    """One request."""

    def __init__(self, identity: Identity, req: falcon.Request) -> None:
        self.identity = identity
        self.directory = identity.directory
        self.req = req
        self.address = client_address(req.env)
        self.request_id = new_request_id()
        self.known: Session | None = None  # the caller, once that was asked for

    @property
    def session(self) -> Session:
        """The caller.  Raises Unauthorized."""
        if self.known is None:
            token = self.req.get_header("X-Auth-Token")
            if not token:
                raise Unauthorized("The request needs a token in the header X-Auth-Token.")
            self.known = self.identity.sessions.open(token)
        return self.known

    @property
    def root(self) -> str:
        """http(s)://host:port by which the client reaches abaca."""
        return self.identity.settings.public_url.rstrip("/") or _own_url(self.req)

    @property
    def base(self) -> str:
        return self.root + PREFIX

    def body(self, kind: type[T]) -> T:
        """Raises BadRequest naming what is wrong, never quoting what was sent."""
        raw = self.req.bounded_stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise TooLarge()
        try:
            return msgspec.json.decode(raw, type=kind)
        except UnicodeDecodeError:
            raise BadRequest("The body is not UTF-8.") from None
        except RecursionError:
            raise BadRequest("The body is nested too deep.") from None
        except msgspec.MsgspecError as error:
            raise BadRequest(f"The body is not as expected: {error}.") from None

    def query(self, name: str) -> str | None:
        """The last value of a query parameter."""
        found = self.req.params.get(name)
        value = found[-1] if isinstance(found, list) else found
        if value is not None and _CONTROL.search(value):
            raise BadRequest(f"Query parameter {name} has control characters.")
        return value

    def flag(self, name: str) -> bool | None:
        """A parameter that is true when it stands alone; None if it is not there."""
        value = self.query(name)
        return None if value is None else value.lower() not in ("0", "false", "no", "off")


Handler = Callable[..., Body | Answer | None]


class Route(msgspec.Struct, frozen=True):
    method: str
    path: str
    handler: Handler
    who: Who
    success: int


ROUTES: list[Route] = []
_SUCCESS = {"POST": 201, "PUT": 204, "DELETE": 204}


def route(
    method: str, path: str, *, who: Who = Who.ADMIN, success: int | None = None
) -> Callable[[Handler], Handler]:
    """Declare a handler."""

    def add(handler: Handler) -> Handler:
        status = success or _SUCCESS.get(method, 200)
        ROUTES.append(Route(method, path, handler, who, status))
        return handler

    return add


def build(identity: Identity, routes: list[Route]) -> falcon.App[Any, Any]:
    """A Falcon application that serves the routes."""
    app = falcon.App()
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.keep_blank_qs_values = True
    by_path: dict[str, dict[str, Route]] = {}
    for one in routes:
        by_path.setdefault(one.path, {})[one.method] = one
    for path, methods in by_path.items():
        if "GET" in methods:
            methods.setdefault("HEAD", methods["GET"])
        app.add_route(path, _resource(identity, methods))
    app.add_error_handler(Exception, _failed)
    app.add_error_handler(falcon.HTTPError, _falcon_error)
    app.add_error_handler(RequestError, _refused)
    app.add_error_handler(Unavailable, _unavailable)
    app.add_error_handler(IntegrityError, _raced)
    return app


def _resource(identity: Identity, methods: Mapping[str, Route]) -> object:
    """What Falcon wants: an object with on_get, on_post ..."""
    responders = {f"on_{name.lower()}": _responder(identity, one) for name, one in methods.items()}
    return type("Resource", (), responders)()


def _responder(identity: Identity, one: Route) -> Callable[..., None]:
    def respond(_: object, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        call = Call(identity, req)
        req.context.root = call.root
        resp.set_header("x-openstack-request-id", call.request_id)
        if any(_CONTROL.search(value) for value in path.values()):
            raise NotFound("There is nothing at this path.")
        found = _audited(call, one, path)
        answer = found if isinstance(found, Answer) else Answer(found)
        resp.status = answer.status or (one.success if answer.body is not None else _empty(one))
        resp.set_header("Vary", "X-Auth-Token")
        resp.set_headers(dict(answer.headers))
        if answer.body is not None:
            resp.content_type = "application/json"
            resp.data = msgspec.json.encode(answer.body)

    return respond


def _audited(call: Call, one: Route, path: Mapping[str, str]) -> Body | Answer | None:
    """What the handler returns.  Changes go to the audit log, and those that were refused to their
    caller; not what costs nothing to send, such as a bad body, so that nobody fills the log."""
    try:
        _admit(call, one.who, path)
        found = one.handler(call, **path)
    except RequestError as error:
        guess = isinstance(error, WrongSecret)
        if guess or (one.method != "GET" and call.known and error.code in (403, 404, 409)):
            asked = " ".join(error.values["who"]) if guess else ""
            reason = type(error).__name__
            _record(call, one, "failure", {**path, "reason": reason, "asked_for": asked})
        raise
    if one.method != "GET":
        _record(call, one, "success", {**path, **_made(found)})
    return found


def _record(call: Call, one: Route, result: audit.Result, target: Mapping[str, str]) -> None:
    actor = audit.Actor(address=call.address)
    if (session := call.known) is not None:
        actor = audit.Actor(
            user_id=session.user.id,
            user_name=session.user.name,
            project_id=session.project.id if session.project else "",
            address=call.address,
        )
    noun = one.handler.__module__.rpartition(".")[2]
    action = f"identity.{noun}.{one.handler.__name__}"
    audit.record(action, result=result, actor=actor, target=target, request_id=call.request_id)


def _made(found: Body | Answer | None) -> dict[str, str]:
    """Id and name of a record in the answer."""
    body = found.body if isinstance(found, Answer) else found
    return {
        f"{noun}_{field}": one[field]
        for noun, one in (body or {}).items()
        for field in ("id", "name")
        if isinstance(one, dict) and field in one
    }


def _empty(one: Route) -> int:
    return 204 if one.success in (200, 201) else one.success


def _admit(call: Call, who: Who, path: Mapping[str, str]) -> None:
    """Raise Unauthorized or Forbidden unless the caller's token is of this sort."""
    if who is Who.ANYONE:
        return
    session = call.session
    own = who is Who.USER or (who is Who.SELF and path.get("user_id") == session.user.id)
    if not (own or session.is_admin):
        raise Forbidden("This needs the admin role.")


# --- errors --------------------------------------------------------------------------------------
def _say(resp: falcon.Response, code: int, message: str) -> None:
    title = falcon.code_to_http_status(code).partition(" ")[2]
    text = message.encode("utf-8", "replace").decode()
    resp.status = code
    resp.content_type = "application/json"
    resp.data = msgspec.json.encode({"error": {"code": code, "title": title, "message": text}})


def _refused(
    req: falcon.Request, resp: falcon.Response, error: RequestError, params: dict[str, Any]
) -> None:
    _say(resp, error.code, error.message)
    if isinstance(error, Unauthorized):
        resp.set_header("WWW-Authenticate", challenge(req.context.root))
    seconds = error.values.get("seconds", error.retry_after)
    if seconds is not None:
        resp.set_header("Retry-After", str(seconds))


def _unavailable(
    req: falcon.Request, resp: falcon.Response, error: Unavailable, params: dict[str, Any]
) -> None:
    log.warning("identity.unavailable", reason=error.message)
    _say(resp, 503, str(Unavailable.__doc__))
    resp.set_header("Retry-After", "2")


def _raced(
    req: falcon.Request, resp: falcon.Response, error: IntegrityError, params: dict[str, Any]
) -> None:
    _say(resp, 409, "Somebody else changed the same at this moment; look and try again.")


def _falcon_error(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: dict[str, Any]
) -> None:
    resp.set_headers(dict(error.headers or {}))
    _say(resp, error.status_code, error.description or "There is nothing at this path.")


def _failed(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    # Only the frames and the kind: messages of database errors quote the values of the row.
    where = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error).__name__
    log.error("identity.bug", method=req.method, path=req.path[:200], error=kind, traceback=where)
    _say(resp, 500, "abaca failed where it should not have; its log says why.")


def _own_url(req: falcon.Request) -> str:
    """What the client called us, as far as that is believable."""
    host = req.env.get("HTTP_HOST", "")
    if not is_host(host):
        host = f"{req.env.get('SERVER_NAME', 'localhost')}:{req.env.get('SERVER_PORT', '80')}"
    return f"{req.env.get('wsgi.url_scheme', 'http')}://{host}"
