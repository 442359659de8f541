"""A small API of its own for the tests of the framework: cars with every kind of declaration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import falcon.testing
import msgspec

from abaca.api.app import Settings, Wsgi, create_app
from abaca.api.kinds import Any_, Bool, DictText, Enum, Int, ListOf, Object, Pairs, Text, Uuid
from abaca.api.registry import Registry
from abaca.api.request import AllowAll, Enforcer, NoAuth, Request, Response
from abaca.api.schema import ALL_TENANTS, Body, Field, empty, paged, sorting
from abaca.api.views import fields as views
from abaca.api.views.fields import LINKS, TIME, Links, Representation
from abaca.model.context import Context
from abaca.model.errors import Conflict, Forbidden, NotFound, OverQuota, Unavailable
from abaca.service.env import Env
from abaca.store import migrate
from abaca.store.engine import Store

PROJECT = "abcdef0123456789"
TOKEN = f"user:{PROJECT}"
ID = "11111111-1111-4111-8111-111111111111"


class Car(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ID
    name: str | None = "beetle"
    project_id: str = PROJECT
    user_id: str = "user"
    host: str = "garage@west#1"
    type_id: str = ID
    type_name: str = "small"
    created_at: str = "2026-01-01T00:00:00.000000"
    metadata: dict[str, str] = {}


CAR = Representation(
    "test_car",
    [
        views.Field("id"),
        views.Field("name", nullable=True),
        views.Field("created_at", TIME),
        views.Field("links", LINKS, get=Links("shares")),
        views.Field("host", admin=True),
        views.Field("kind", get={"2.0": "type_name", "2.6": "type_id"}),
        views.Field("old", max="2.8", get=lambda car, ctx: car.name),
        views.Field("version", "integer", min="2.10", get=lambda car, ctx: ctx.version),
        views.Field("metadata", views.TEXT_PAIRS, min="2.20"),
    ],
)

CREATE = Body(
    "share",
    Field("size", Int(min=1), required=True),
    Field("name", Text(), null=True, alias="display_name"),
    Field("text", Text(lines=True, max=1000)),
    Field("flag", Bool(), default=False),
    Field("kind", Enum(("ip", "cephx"), since={"cephx": "2.13"})),
    Field("ref", Uuid(), null=True),
    Field("metadata", Pairs()),
    Field("group", Text(), since="2.31"),
    Field("late", Text(), since="2.50", before="refuse"),
    Field("tags", ListOf(kind=Text())),
    Field("options", Object()),
    Field("any", Any_()),
)
FILTERS = paged(
    ALL_TENANTS,
    Field("name"),
    Field("name~", since="2.36"),
    Field("metadata", DictText()),
    Field("with_count", Bool(), since="2.42"),
    *sorting("created_at", "name"),
)


def make_registry() -> Registry:
    registry = Registry()
    route, action = registry.route, registry.action

    @route(
        "GET",
        "/shares/{share_id}",
        id="shares.show",
        policy="share:get",
        policy_target="share",
        returns={"share": CAR},
    )
    def show(req: Request, share_id: str) -> Any:
        """Show a car."""
        car = req.env(share_id)
        req.authorize("share:get", car)
        return req.one("share", CAR, car)

    @route(
        "GET",
        "/shares/detail",
        id="shares.detail",
        policy="share:get_all",
        query=FILTERS,
        returns={"shares": [CAR], "shares_links?": "array", "count?": "integer"},
    )
    def detail(req: Request) -> Any:
        cars = [Car(id=str(n)) for n in range(req.page().limit if req.page().limit < 10 else 3)]
        return req.many("shares", CAR, cars, links="shares_links", count=len(cars))

    @route("GET", "/shares", id="shares.index", query=FILTERS, returns={"query": "object"})
    def index(req: Request) -> Any:
        page = req.page()
        return {"query": req.query, "page": msgspec.structs.asdict(page)}

    @route("POST", "/shares", id="shares.create", policy="share:create", body=CREATE)
    def create(req: Request) -> Any:
        return {"share": req.body}

    @route("PUT", "/shares/{id}", id="shares.update", body=Body(None, Field("a"), unknown="refuse"))
    def update(req: Request, id: str) -> Any:
        return {"id": id, "body": req.body}

    @route("DELETE", "/shares/{id}", id="shares.delete", success=202)
    def delete(req: Request, id: str) -> None:
        return None

    @route(
        "POST",
        "/shares/{resource_id}/metadata",
        id="share_metadata.create_metadata",
        body=Body("metadata", value=Pairs()),
    )
    def metadata(req: Request, resource_id: str) -> Any:
        return {"metadata": req.body["value"]}

    @action(
        "/shares/{id}/action",
        "extend",
        id="shares.action.extend",
        min="2.7",
        body=Body("extend", Field("new_size", Int(min=1), required=True)),
    )
    def extend(req: Request, id: str) -> None:
        return None

    @action(
        "/shares/{id}/action",
        "shrink",
        id="shares.action.shrink",
        min="2.7",
        policy="share:shrink",
        policy_target="share",
        body=Body("shrink", Field("new_size", Int(min=1), required=True)),
    )
    def shrink(req: Request, id: str) -> None:
        req.authorize("share:shrink", req.env(id))
        assert req.body["new_size"] > 0

    @action(
        "/shares/{id}/action",
        "soft_delete",
        id="shares.action.soft_delete",
        min="2.69",
        also=(200,),
        body=empty("soft_delete"),
    )
    def soft_delete(req: Request, id: str) -> Response:
        return Response(status=200, headers={"X-Why": "already"})

    @action(
        "/shares/{id}/action",
        "migration_start",
        id="shares.action.migration_start",
        min="2.29",
        experimental=("2.29", "2.95"),
        body=Body("migration_start", Field("host", required=True)),
    )
    def migrate(req: Request, id: str) -> None:
        return None

    @route("GET", "/limits", id="limits.index", policy=("a:one", "a:two"))
    def limits(req: Request) -> Any:
        return {"version": req.version, "since": req.since("2.30")}

    @route(
        "GET", "/types", id="share_types.index", policy="type:list", policy_target="type"
    )  # a bug
    def careless(req: Request) -> Any:
        return {"types": []}

    @route("GET", "/messages/{id}", id="messages.show")
    def broken(req: Request, id: str) -> Any:
        raise ERRORS[id]

    return registry


ERRORS: Mapping[str, Exception] = {
    "bug": KeyError("secret-path"),
    "conflict": Conflict("The car is being washed."),
    "quota": OverQuota("Quota for cars is used up: 10 of 10."),
    "forbidden": Forbidden(),
    "missing": NotFound(noun="Message", id="missing"),
    "away": Unavailable("connection to db.internal refused"),
    "strange": Conflict("name \ud800"),
}


class Roles:
    """Members may nothing but share:get of their own project; admins everything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def enforce(self, context: Context, rule: str, target: Mapping[str, Any]) -> None:
        self.asked.append((rule, target))
        own = rule == "share:get" and target["project_id"] == context.project_id
        if not (context.is_admin or own):
            raise Forbidden


def find_car(share_id: str) -> Car:
    if share_id == "none":
        raise NotFound(noun="Share", id=share_id)
    if share_id == "foreign":
        return Car(project_id="other")
    return Car(id=share_id)


class Garage(Env):
    """The Env of the sample: handlers ask it for cars, the edge for its database."""

    def __call__(self, share_id: str) -> Car:
        return find_car(share_id)


@cache
def garage() -> Garage:
    """With a database for idempotency keys, which lives as long as this process."""
    global _folder
    _folder = TemporaryDirectory(prefix="abaca-sample-")
    store = Store(f"sqlite:///{_folder.name}/sample.sqlite")
    migrate.upgrade(store)
    return Garage(store)


def make_app(policy: Enforcer | None = None, **settings: Any) -> Wsgi:
    return create_app(
        garage(),
        auth=NoAuth(),
        policy=policy or AllowAll(),
        registry=make_registry(),
        settings=Settings(**settings),
    )


class Client(falcon.testing.TestClient):
    """Asks as an admin of PROJECT, at the microversion given as `v`."""

    def ask(self, method: str, path: str, v: str | None = "2.0", **more: Any) -> Any:
        headers = {"X-Auth-Token": TOKEN} | more.pop("headers", {})
        if v is not None:
            headers["X-OpenStack-Manila-API-Version"] = v
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.simulate_request(method, path, headers=headers, **more)


def make_client(policy: Enforcer | None = None, **settings: Any) -> Client:
    return Client(make_app(policy, **settings))
