"""Every route of the API, declared next to its handler.

    @route("GET", "/shares/{share_id}", id="shares.show", policy="share:get",
           policy_target="share", returns={"share": SHARE})
    def show(req: Request, share_id: str) -> Body: ...

    @action("/shares/{share_id}/action", "extend", id="shares.action.extend", min="2.7", ...)
    def extend(req: Request, share_id: str) -> None: ...

A declaration is data: the dispatcher, the contract tests and the OpenAPI document read it.  Paths
are written without `/v2` and without the project; both forms are served.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from abaca.api.schema import Body, Param
from abaca.api.versions import Range

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})

# One module of this package per noun; one that is not written yet is skipped.
NOUNS = (
    "access",
    "availability_zones",
    "backups",
    "drift",
    "export_location_metadata",
    "export_locations",
    "extensions",
    "group_snapshots",
    "group_types",
    "groups",
    "limits",
    "locks",
    "manage",
    "messages",
    "migration",
    "networks",
    "operations",
    "pools",
    "qos_types",
    "quota_classes",
    "quotas",
    "replicas",
    "security_services",
    "servers",
    "services",
    "share_actions",
    "share_instances",
    "share_metadata",
    "shares",
    "snapshot_access",
    "snapshot_actions",
    "snapshot_export_locations",
    "snapshot_instances",
    "snapshot_metadata",
    "snapshots",
    "subnets",
    "transfers",
    "types",
)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the API: what is asked, when it exists, who may, what comes back."""

    id: str  # as in the fact tables: "shares.show"
    method: str
    path: str  # "/shares/{share_id}"
    handler: Handler
    action: str | None = None  # the single key of the body of a POST .../action
    versions: Range = Range()
    experimental: Range | None = None  # versions that need the experimental header
    policy: tuple[str, ...] = ()
    policy_target: str | None = None  # the handler loads it, then calls req.authorize
    success: int = 200
    also: tuple[int, ...] = ()  # other good codes, answered by a Response
    body: Body | None = None
    query: tuple[Param, ...] = ()
    returns: Mapping[str, Any] | None = None  # {"share": SHARE} or {"shares": [SHARE]}
    summary: str = ""
    extension: bool = False  # abaca's own: Manila has no such route

    def available(self, version: int, experimental: bool) -> bool:
        if version not in self.versions:
            return False
        return experimental or self.experimental is None or version not in self.experimental


class Registry:
    """The routes that one application serves."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def route(
        self,
        method: str,
        path: str,
        *,
        id: str,
        min: str | None = None,
        max: str | None = None,
        policy: str | tuple[str, ...] = (),
        policy_target: str | None = None,
        experimental: tuple[str, str] | None = None,
        success: int = 200,
        also: tuple[int, ...] = (),
        body: Body | None = None,
        query: tuple[Param, ...] = (),
        returns: Mapping[str, Any] | None = None,
        action: str | None = None,
        extension: bool = False,
    ) -> Callable[[H], H]:
        """Declare a handler; the function itself is returned unchanged."""

        def declare(handler: H) -> H:
            self.add(
                Route(
                    id=id,
                    method=method,
                    path=path,
                    handler=handler,
                    action=action,
                    versions=Range.of(min, max),
                    experimental=Range.of(*experimental) if experimental else None,
                    policy=(policy,) if isinstance(policy, str) else policy,
                    policy_target=policy_target,
                    success=success,
                    also=also,
                    body=body,
                    query=query,
                    returns=returns,
                    summary=(handler.__doc__ or "").strip().split("\n", 1)[0],
                    extension=extension,
                )
            )
            return handler

        return declare

    def action(
        self, path: str, word: str, *, success: int = 202, **declared: Any
    ) -> Callable[[H], H]:
        """Declare the handler of one word of a POST `.../action`."""
        return self.route("POST", path, action=word, success=success, **declared)

    def add(self, route: Route) -> None:
        self._check(route)
        self.routes.append(route)

    def _check(self, new: Route) -> None:
        """A wrong declaration fails at import, not at a request."""
        if new.method not in METHODS:
            raise ValueError(f"{new.id}: method {new.method!r} is not served")
        if not new.path.startswith("/") or new.path.endswith("/") or new.path.startswith("/v2"):
            raise ValueError(f"{new.id}: write path {new.path!r} as /noun/..., without /v2")
        for old in self.routes:
            if old.id == new.id:
                raise ValueError(f"route id {new.id!r} is declared twice")
            same = (old.method, shape(old.path), old.action)
            if same == (new.method, shape(new.path), new.action) and old.versions.overlaps(
                new.versions
            ):
                raise ValueError(f"{new.id} and {old.id} both serve {new.versions}")
        _check_arguments(new)


def _check_arguments(route: Route) -> None:
    """The handler must take the request and the variables of the path, by name."""
    given = dict.fromkeys(re.findall(r"\{(\w+)\}", route.path), "")
    try:
        inspect.signature(route.handler).bind(None, **given)
    except TypeError as error:
        raise ValueError(f"{route.id}: the handler does not fit {route.path!r}: {error}") from None


def shape(path: str) -> str:
    """The path with every variable written `{}`: two paths of one shape are the same place."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


REGISTRY = Registry()
route = REGISTRY.route
action = REGISTRY.action


def load() -> Registry:
    """The default registry with the routes of every noun."""
    for noun in NOUNS:
        module = f"abaca.api.{noun}"
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    return REGISTRY
