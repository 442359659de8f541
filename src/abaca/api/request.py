"""What a handler sees of a request, and what it may answer.

A handler is a plain function `(req: Request, **path_args)`.  It returns the body (a dict or list),
None for no body, or a `Response` when status or headers differ from what its route declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from abaca.api.kinds import show
from abaca.api.links import Bases, next_link
from abaca.api.paging import Page
from abaca.api.registry import Route
from abaca.api.schema import decode_query
from abaca.api.versions import minor
from abaca.api.views.fields import Representation, View, ViewContext
from abaca.model.context import Context
from abaca.model.errors import BadRequest, Forbidden, Unauthorized

Answer = dict[str, Any] | list[Any]
Body = Answer  # the older name


class Authenticator(Protocol):
    """Who is asking: identity provides it.  Raises Unauthorized or Unavailable."""

    def authenticate(self, environ: Mapping[str, Any]) -> Context: ...


class Enforcer(Protocol):
    """May they: identity provides it.  Raises Forbidden; `target` has project_id and user_id."""

    def enforce(self, context: Context, rule: str, target: Mapping[str, Any]) -> None: ...


class Response(msgspec.Struct, frozen=True):
    """An answer that differs from the declared one."""

    body: Answer | None = None
    status: int | None = None  # None: the status that the route declares
    headers: Mapping[str, str] = {}


class Request:
    """One request at one microversion."""

    __slots__ = (
        "_body",
        "_query",
        "_view_context",
        "action",
        "authorized",
        "bases",
        "context",
        "document",
        "enforcer",
        "env",
        "environ",
        "experimental",
        "max_limit",
        "raw_query",
        "route",
        "version",
    )

    def __init__(
        self,
        *,
        env: Any,
        context: Context,
        enforcer: Enforcer,
        route: Route,
        version: int,
        experimental: bool,
        bases: Bases,
        raw_query: Mapping[str, str],
        environ: dict[str, Any],
        max_limit: int,
    ) -> None:
        self.env = env
        self.context = context
        self.enforcer = enforcer
        self.route = route
        self.version = version
        self.experimental = experimental
        self.bases = bases
        self.raw_query = raw_query
        self.environ = environ
        self.max_limit = max_limit
        self.document: Any = None  # the JSON of the body, as it came
        self._body: dict[str, Any] | None = None
        self.authorized: set[str] = set()
        self._query: dict[str, Any] | None = None
        self._view_context: ViewContext | None = None

    def since(self, version: str) -> bool:
        """Whether the request is made at this microversion or a later one."""
        return self.version >= minor(version)

    def forget(self) -> None:
        """Before the handler runs again: it may have changed what it was given."""
        self._body = None

    # who may

    def authorize(self, rule: str, target: Any = None) -> None:
        """Raise Forbidden unless the caller may do this to the target.

        The target is a record with project_id (and user_id), a mapping, or None for what belongs
        to the caller's own project.
        """
        self.enforcer.enforce(self.context, rule, self._target(target))
        self.authorized.add(rule)

    def allowed(self, rule: str, target: Any = None) -> bool:
        """For rules that only change what is seen."""
        try:
            self.authorize(rule, target)
        except Forbidden:
            return False
        return True

    def _target(self, target: Any) -> Mapping[str, Any]:
        if target is None:
            return {"project_id": self.context.project_id, "user_id": self.context.user_id}
        if isinstance(target, Mapping):
            return target
        return {"project_id": target.project_id, "user_id": getattr(target, "user_id", None)}

    # what is asked

    @property
    def body(self) -> dict[str, Any]:
        """The fields of the declared body, converted; {} for a route without one.

        It is decoded when it is first looked at: load and authorize before, so that 404 and 403
        come before what is wrong with the body.
        """
        if self._body is None:
            declared = self.route.body
            self._body = declared.decode(self.document, self.version) if declared else {}
        return self._body

    @property
    def query(self) -> dict[str, Any]:
        """The declared parameters of the query string, converted."""
        if self._query is None:
            self._query = decode_query(self.route.query, self.raw_query, self.version)
        return self._query

    def page(self) -> Page:
        """limit, offset, marker, sort_key, sort_dir of the query string."""
        return Page.of(self.query, self.max_limit)

    # how it looks

    @property
    def view_context(self) -> ViewContext:
        if self._view_context is None:
            self._view_context = ViewContext(
                version=self.version,
                is_admin=self.context.is_admin,
                self_base=self.bases.own,
                bookmark_base=self.bases.bookmark,
                caller=self.context,
            )
        return self._view_context

    def view(self, representation: Representation) -> View:
        """The representation at this version for this caller."""
        return representation.view(self.view_context)

    def one(self, key: str, representation: Representation, record: Any) -> dict[str, Any]:
        """`{key: record}`"""
        return {key: self.view(representation).one(record)}

    def many(
        self,
        key: str,
        representation: Representation,
        records: Iterable[Any],
        *,
        links: str | None = None,
        collection: str | None = None,
        count: int | None = None,
    ) -> dict[str, Any]:
        """`{key: [records]}`, with `count` if it is given.

        `links="shares_links"` adds the link to the next page when the page is full;
        `collection="shares/detail"` is where it points to (default: the path of the route).
        """
        shown = self.view(representation).many(records)
        found: dict[str, Any] = {key: shown}
        if count is not None:
            found["count"] = count
        asked = self.query.get("limit") if links else None
        if links and asked and shown and len(shown) >= min(asked, self.max_limit):
            path = collection or self.route.path.lstrip("/")
            found[links] = [next_link(self.bases.own + path, self.raw_query, shown[-1]["id"])]
        return found


class NoAuth:
    """Identity of a trusted network and of tests: the token is `user:project[:role,role]`.

    Without a token the headers X-Test-User, X-Test-Project and X-Test-Roles say it.  Whoever names
    no role is admin.
    """

    def authenticate(self, environ: Mapping[str, Any]) -> Context:
        token = environ.get("HTTP_X_AUTH_TOKEN")
        if token is not None:
            user, _, rest = token.partition(":")
            project, _, roles = rest.partition(":")
        else:
            user = environ.get("HTTP_X_TEST_USER", "")
            project = environ.get("HTTP_X_TEST_PROJECT", "")
            roles = environ.get("HTTP_X_TEST_ROLES", "")
            if not (user or project or roles):
                raise Unauthorized("The request needs a token: X-Auth-Token: user:project.")
        if not all(part.isascii() and part.isprintable() for part in (user, project, roles)):
            raise Unauthorized(f"The token {show(token)} is not of the form user:project.")
        words = tuple(role.strip() for role in roles.split(",") if role.strip()) or ("admin",)
        return Context(
            user_id=user,
            project_id=project or user,
            roles=words,
            is_admin="admin" in words,
            request_id=environ.get("abaca.request_id", ""),
        )


class AllowAll:
    """Policy of tests: everyone may do everything."""

    def enforce(self, context: Context, rule: str, target: Mapping[str, Any]) -> None:
        return None


def need(condition: object, message: str) -> None:
    """400 with this message unless the condition holds."""
    if not condition:
        raise BadRequest(message)
