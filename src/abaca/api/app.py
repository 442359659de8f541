"""The HTTP edge: one WSGI application out of a registry, an identity, a policy and a service.

What happens to a request, in this order: plain documents (versions, health, metrics, OpenAPI);
who is asking (401); is there such a place (404, plain text); which version (400, 406); is the
route available at it (404, JSON); is the project of the URL the caller's (400); may the caller
(403); is the body right (400, 413); whether it was answered before (Idempotency-Key); the handler.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any, cast

import falcon
import msgspec

from abaca.api import discovery, idempotency, openapi
from abaca.api.dispatch import ByVersion, Dispatcher, Hit
from abaca.api.links import bases, root_of
from abaca.api.metrics import CONTENT_TYPE as METRICS_TYPE
from abaca.api.metrics import Metrics
from abaca.api.payload import declared_length, read_json, read_query
from abaca.api.registry import Registry, Route, load
from abaca.api.request import Authenticator, Enforcer, Request, Response
from abaca.api.versions import EXPERIMENTAL_HEADER, VERSION_HEADER, negotiate, text
from abaca.model.context import Context, new_request_id
from abaca.model.errors import BadRequest, Collision, NotFound, RequestError, Unauthorized
from abaca.model.idempotency import Answer
from abaca.web import faults
from abaca.web.gateway import REQUEST_ID, Wsgi

ACCESS = logging.getLogger("abaca.api.access")  # one line for each request, at INFO
COLLISIONS = 3  # of one request with other transactions, before it is refused
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_encode = msgspec.json.Encoder().encode
_NO_HEADERS: Mapping[str, str] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the API; the names in comments are those of manila.conf."""

    max_limit: int = 1000  # osapi_max_limit
    base_url: str | None = None  # osapi_share_base_URL
    project_id_regex: str = r"[0-9a-f\-]+"  # project_id_regex
    proxy_headers: bool = False  # enable_proxy_headers_parsing
    max_body: int = 114688  # max_request_body_size, bytes
    challenge: str = 'Keystone uri=""'  # WWW-Authenticate of a 401
    metrics: bool = True


class NotHere(NotFound):
    """Nothing is served at this path."""


class NotAtThisVersion(NotFound):
    """This is not available at API version {version}."""


def create_app(
    env: Any,
    *,
    auth: Authenticator,
    policy: Enforcer,
    settings: Settings | None = None,
    registry: Registry | None = None,
    health: Callable[[], str | None] | None = None,
    mounts: Mapping[str, Wsgi] | None = None,
) -> Wsgi:
    """The application.

    `env` is the service Env that handlers get; `health` returns None or what is wrong; `mounts`
    are WSGI applications for other path prefixes, such as {"/identity": ...}.
    """
    edge = Edge(env, auth, policy, settings or Settings(), registry if registry else load(), health)
    app: Wsgi = falcon.App(router=cast(Any, edge))
    return _mounted(app, mounts) if mounts else app


def _mounted(app: Wsgi, mounts: Mapping[str, Wsgi]) -> Wsgi:
    """Other applications at their prefixes, this one everywhere else."""
    prefixes = tuple(mounts)

    def dispatch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(prefixes):
            for prefix, other in mounts.items():
                if path == prefix or path.startswith(prefix + "/"):
                    environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
                    environ["PATH_INFO"] = path[len(prefix) :]
                    return other(environ, start_response)
        return app(environ, start_response)

    return dispatch


class _EveryMethod(dict[str, Any]):
    """Falcon asks for the responder of a method; there is one for all of them."""

    def __init__(self, responder: Callable[..., None]) -> None:
        super().__init__()
        self.responder = responder

    def __missing__(self, method: str) -> Callable[..., None]:
        return self.responder


class Edge:
    """Router and only responder of the Falcon application."""

    def __init__(
        self,
        env: Any,
        auth: Authenticator,
        policy: Enforcer,
        settings: Settings,
        registry: Registry,
        health: Callable[[], str | None] | None,
    ) -> None:
        self.env = env
        self.auth = auth
        self.policy = policy
        self.settings = settings
        self.registry = registry
        self.health = health
        self.metrics = Metrics()
        self.dispatcher = Dispatcher(registry.routes, settings.project_id_regex)
        self.documents: dict[str, Callable[[falcon.Request, falcon.Response], None]] = {
            "/": self._root,
            "/v2": self._versions,
            "/v2/": self._versions,
            "/v2/openapi": self._openapi,
            "/healthcheck": self._healthcheck,
        }
        if settings.metrics:
            self.documents["/metrics"] = self._metrics
        self._found: tuple[Any, ...] = (self, _EveryMethod(self.serve), {}, None)

    # what Falcon asks of a router

    def find(self, uri: str, req: falcon.Request | None = None) -> Any:
        return self._found

    def add_route(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("routes are declared with abaca.api.registry.route")

    # one request

    def serve(self, req: falcon.Request, resp: falcon.Response) -> None:
        started = perf_counter()
        request_id = req.env.get(REQUEST_ID) or new_request_id()
        req.env[REQUEST_ID] = request_id
        resp.status = 200
        resp.set_header("x-compute-request-id", request_id)
        resp.set_header("x-openstack-request-id", request_id)
        name = "none"
        try:
            document = self.documents.get(req.path)
            if document is not None and req.method in ("GET", "HEAD"):  # balancers ask with HEAD
                name = req.path
                document(req, resp)
            else:
                name = self._answer(req, resp, request_id)
        except NotHere as error:
            _plain(resp, 404, error.message)
        except Exception as error:  # noqa: BLE001 - the one place where errors become answers
            where = f"{req.method} {req.path[:200]!a}"
            self._fault(resp, faults.of(error, request_id, where))
        route = req.env.get("abaca.route", name)
        seconds = perf_counter() - started
        self.metrics.observe(route, resp.status_code, seconds)
        if ACCESS.isEnabledFor(logging.INFO):
            ACCESS.info(
                "%s %s %s %s %.1f ms",
                request_id,
                req.method,
                ascii(req.path[:200]),
                resp.status_code,
                seconds * 1000,
            )

    def _answer(self, req: falcon.Request, resp: falcon.Response, request_id: str) -> str:
        environ = req.env
        path = req.path
        if not path.startswith("/v2/") or _CONTROL.search(path):
            raise NotHere
        context = self._context(environ, request_id)
        hit = self.dispatcher.find(req.method, path)
        if hit is None:
            raise NotHere
        version, experimental = negotiate(environ)
        resp.set_header(VERSION_HEADER, text(version))
        resp.set_header("Vary", VERSION_HEADER)
        if experimental:
            resp.set_header(EXPERIMENTAL_HEADER, "True")
        route, document = self._route(hit, environ, version, experimental)
        environ["abaca.route"] = route.id
        if hit.project is not None and hit.project != context.project_id:
            raise BadRequest(
                "The project in the URL is not the project of the token; use /v2/ without it."
            )
        request = self._request(hit, route, context, environ, version, experimental)
        answer = self._call(hit, request, document)
        resp.status = answer.status
        for name, value in answer.headers.items():
            resp.set_header(name, value)
        if answer.body is not None:
            resp.data = answer.body
        return route.id

    def _context(self, environ: Mapping[str, Any], request_id: str) -> Context:
        context = self.auth.authenticate(environ)
        if context.request_id != request_id:
            context = msgspec.structs.replace(context, request_id=request_id)
        return context

    def _route(
        self, hit: Hit, environ: dict[str, Any], version: int, experimental: bool
    ) -> tuple[Route, Any]:
        """The route, and the body of an action."""
        slot = hit.slot
        document: Any = None
        found: ByVersion | None = slot.plain
        if slot.actions is not None:
            document = read_json(environ, self.settings.max_body)
            if not isinstance(document, dict) or len(document) != 1:
                raise BadRequest('An action is JSON with exactly one key: {"<action>": ...}.')
            word = next(iter(document))
            found = slot.actions.get(word)
            if found is None:
                raise BadRequest(f"There is no action {ascii(word)[:60]} here.")
        elif slot.answer == 400 and found is None:
            raise BadRequest("There is nothing to do at this path with this method.")
        route = found[version] if found else None
        if route is None or not route.available(version, experimental):
            raise NotAtThisVersion(version=text(version))
        return route, document

    def _root_url(self, environ: Mapping[str, Any]) -> str:
        return root_of(environ, self.settings.base_url, self.settings.proxy_headers)

    def _request(
        self,
        hit: Hit,
        route: Route,
        context: Context,
        environ: dict[str, Any],
        version: int,
        experimental: bool,
    ) -> Request:
        return Request(
            env=self.env,
            context=context,
            enforcer=self.policy,
            route=route,
            version=version,
            experimental=experimental,
            bases=bases(self._root_url(environ), hit.project),
            raw_query=read_query(environ),
            environ=environ,
            max_limit=self.settings.max_limit,
        )

    def _call(self, hit: Hit, request: Request, document: Any) -> Answer:
        route, limit = request.route, self.settings.max_body
        key = idempotency.key_of(request.environ)
        if route.policy_target is None:
            for rule in route.policy:
                request.authorize(rule)
        if route.body is None:
            declared_length(request.environ, limit)
        else:
            if document is None:
                document = read_json(request.environ, limit)
            request.document = document
            if route.policy_target is None:
                _ = request.body  # wrong bodies are refused here, before any handler
        arguments = self.dispatcher.arguments(route, hit.segments)
        if key is None:
            return _unless_collided(request, lambda: _handled(request, arguments))
        return _unless_collided(
            request,
            lambda: idempotency.once(request, key, limit, lambda: _decided(request, arguments)),
        )

    def _fault(self, resp: falcon.Response, fault: faults.Fault) -> None:
        resp.status = fault.code
        resp.data = fault.body
        for name, value in fault.headers.items():
            resp.set_header(name, value)
        if fault.code == Unauthorized.code:
            resp.set_header("WWW-Authenticate", self.settings.challenge)

    # documents that need no token

    def _root(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = 300
        resp.data = _encode(discovery.versions(self._root_url(req.env)))

    def _versions(self, req: falcon.Request, resp: falcon.Response) -> None:
        version, _ = negotiate(req.env)
        resp.set_header(VERSION_HEADER, text(version))
        resp.set_header("Vary", VERSION_HEADER)
        resp.data = _encode(discovery.versions(self._root_url(req.env)))

    def _openapi(self, req: falcon.Request, resp: falcon.Response) -> None:
        version = openapi.asked(read_query(req.env).get("version"))
        resp.data = openapi.document_bytes(self.registry, version)

    def _healthcheck(self, req: falcon.Request, resp: falcon.Response) -> None:
        wrong = self.health() if self.health is not None else None
        if wrong is None:
            _plain(resp, 200, "OK")
        else:
            _plain(resp, 503, wrong)

    def _metrics(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = self.metrics.text()
        resp.content_type = METRICS_TYPE


def _unless_collided(request: Request, attempt: Callable[[], Answer]) -> Answer:
    """The answer.  When the transaction collided with another one nothing was done, and it is done
    again."""
    for _ in range(COLLISIONS):
        try:
            return attempt()
        except Collision as error:
            ACCESS.warning("%s again: %s", request.context.request_id, error.message)
            request.forget()
    return attempt()


def _handled(request: Request, arguments: dict[str, str]) -> Answer:
    """What the handler answers."""
    route = request.route
    answer = route.handler(request, **arguments)
    missing = [rule for rule in route.policy if rule not in request.authorized]
    if missing:
        raise RuntimeError(f"the handler of {route.id} never checked {', '.join(missing)}")
    status, headers = route.success, _NO_HEADERS
    if isinstance(answer, Response):
        status, headers = answer.status or status, answer.headers
        answer = answer.body
    return Answer(status, headers, None if answer is None else _encode(answer))


def _decided(request: Request, arguments: dict[str, str]) -> Answer:
    """What the handler answers, a refusal included: that is an answer to keep, too."""
    try:
        return _handled(request, arguments)
    except Unauthorized:
        raise
    except RequestError as error:
        fault = faults.of(error, request.context.request_id)
        return Answer(fault.code, fault.headers, fault.body)


def _plain(resp: falcon.Response, code: int, message: str) -> None:
    resp.status = code
    resp.text = message + "\n"
    resp.content_type = "text/plain; charset=UTF-8"
