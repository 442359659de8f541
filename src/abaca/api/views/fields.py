"""Representations: tables of fields, compiled to one function per version and role.

    ZONE = Representation("availability_zone", [
        Field("id", "string(uuid)"),
        Field("name"),
        Field("updated_at", TIME, nullable=True),
        Field("secret", min="2.10", max="2.20", admin=True, get="internal_name"),
        Field("links", LINKS, get=Links("zones")),
        Field("state", get=lambda zone, ctx: zone.state.upper()),
        Field("kind", get={"2.0": "type_name", "2.6": "type_id"}),
    ])

`get` says where the value comes from: the name of an attribute of the record (the default is the
field's own name; dots reach into attributes), a function (record, ViewContext), `Links`, or a
mapping from a first version to one of these.  A compiled view is one dict display, so a list of a
thousand records costs little more than reading their attributes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from abaca.api.versions import MAX, Range, minor

TIME = "string(ISO8601 utc, microseconds, no offset)"
UUID = "string(uuid)"
LINKS = "array(link)"
TEXT_PAIRS = "object(string->string)"

_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class ViewContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a view may know of the request."""

    version: int = MAX
    is_admin: bool = False
    self_base: str = "/v2/"  # ends with a slash; with the project when the request used it
    bookmark_base: str = "/"
    caller: Any = None  # abaca.model.context.Context


class Links(msgspec.Struct, frozen=True):
    """The self and bookmark links of a record with an id."""

    collection: str  # "shares"


Getter = str | Callable[[Any, ViewContext], Any] | Links
Get = Getter | Mapping[str, Getter]


class Field:
    """One key of a body: its type, the versions that have it, who sees it."""

    __slots__ = ("admin", "get", "name", "nullable", "type", "versions")

    def __init__(
        self,
        name: str,
        type: str = "string",
        *,
        nullable: bool = False,
        min: str | None = None,
        max: str | None = None,
        admin: bool = False,
        get: Get | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.nullable = nullable
        self.versions = Range.of(min, max)
        self.admin = admin
        self.get: Get = name if get is None else get
        for getter in self.getters():
            if isinstance(getter, str) and not _ATTRIBUTE.fullmatch(getter):
                raise ValueError(f"field {name}: {getter!r} is not an attribute; use get=")

    def getters(self) -> list[Getter]:
        return list(self.get.values()) if isinstance(self.get, Mapping) else [self.get]

    def getter(self, version: int) -> Getter:
        if not isinstance(self.get, Mapping):
            return self.get
        steps = sorted((minor(since), getter) for since, getter in self.get.items())
        return [getter for since, getter in steps if since <= version][-1]

    def visible(self, version: int, admin: bool) -> bool:
        return version in self.versions and (admin or not self.admin)


class View:
    """A representation at one version, for one role and one request."""

    __slots__ = ("many", "one")

    def __init__(
        self, one: Callable[[Any], dict[str, Any]], many: Callable[[Any], list[dict[str, Any]]]
    ) -> None:
        self.one = one
        self.many = many

    def __call__(self, record: Any) -> dict[str, Any]:
        return self.one(record)


class Representation:
    """A named table of fields."""

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        names = [field.name for field in fields]
        for field in fields:
            if names.count(field.name) > 1:
                raise ValueError(f"{name}.{field.name} is listed twice; use get={{version: ...}}")
        if name in REPRESENTATIONS:
            raise ValueError(f"representation {name!r} is declared twice")
        self.name = name
        self.fields = tuple(fields)
        self._compiled: dict[tuple[int, bool], Callable[[ViewContext], View]] = {}
        REPRESENTATIONS[name] = self

    def view(self, ctx: ViewContext) -> View:
        """The view for one request."""
        key = (ctx.version, ctx.is_admin)
        make = self._compiled.get(key)
        if make is None:
            make = self._compiled[key] = _compile(self.name, self.at(*key), ctx.version)
        return make(ctx)

    def compile(self, version: int, admin: bool) -> Callable[[Any], dict[str, Any]]:
        """The view outside of a request, for tests and benchmarks."""
        return self.view(ViewContext(version=version, is_admin=admin)).one

    def at(self, version: int, admin: bool) -> list[Field]:
        return [field for field in self.fields if field.visible(version, admin)]

    def schema(self, version: int) -> dict[str, Any]:
        """JSON Schema of one record; fields for admins are not required."""
        present = self.at(version, admin=True)
        return {
            "type": "object",
            "properties": {f.name: type_schema(f.type, f.nullable) for f in present},
            "required": [f.name for f in present if not f.admin],
        }


REPRESENTATIONS: dict[str, Representation] = {}


def _compile(name: str, fields: list[Field], version: int) -> Callable[[ViewContext], View]:
    """Python source for the dict display of these fields, made into a function of the context."""
    space: dict[str, Any] = {"View": View}
    setup: list[str] = []
    items: list[str] = []
    for n, field in enumerate(fields):
        getter = field.getter(version)
        if isinstance(getter, str):
            value = f"r.{getter}"
        elif isinstance(getter, Links):
            setup.append(f"    s{n} = ctx.self_base + {getter.collection + '/'!r}")
            setup.append(f"    b{n} = ctx.bookmark_base + {getter.collection + '/'!r}")
            value = (
                f'[{{"rel": "self", "href": f"{{s{n}}}{{r.id}}"}}, '
                f'{{"rel": "bookmark", "href": f"{{b{n}}}{{r.id}}"}}]'
            )
        else:
            space[f"g{n}"] = getter
            value = f"g{n}(r, ctx)"
        items.append(f"{field.name!r}: {value}")
    display = "{" + ", ".join(items) + "}"
    source = "\n".join(
        [
            "def make(ctx):",
            *setup,
            f"    return View(lambda r: {display}, lambda rs: [{display} for r in rs])",
        ]
    )
    exec(compile(source, f"<view {name} at 2.{version}>", "exec"), space)
    make: Callable[[ViewContext], View] = space["make"]
    return make


_PLAIN: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "null": {"type": "null"},
    "any": {},
    "link": {
        "type": "object",
        "properties": {"rel": {"type": "string"}, "href": {"type": "string"}},
        "required": ["rel", "href"],
    },
    TIME: {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$",
    },
    UUID: {"type": "string", "format": "uuid"},
    "string(uri)": {"type": "string"},
    TEXT_PAIRS: {"type": "object", "additionalProperties": {"type": "string"}},
}


@cache
def _type(text: str) -> dict[str, Any]:
    """JSON Schema of a type as the fact tables write it."""
    if text in _PLAIN:
        return _PLAIN[text]
    if text.startswith("array(") and text.endswith(")"):
        inner = text[len("array(") : -1]
        if inner == "uuid":
            inner = UUID
        return {"type": "array", "items": _type(inner)}
    if text.startswith("object") or text.startswith("{"):
        return {"type": "object"}
    return {}  # the name of another representation


def type_schema(text: str, nullable: bool) -> dict[str, Any]:
    found = _type(text)
    if nullable and found:
        return {"anyOf": [found, {"type": "null"}]}
    return dict(found)


def views(representation: Representation, ctx: ViewContext, records: Iterable[Any]) -> list[Any]:
    """Every record of an embedded list."""
    return representation.view(ctx).many(records)
