"""Bodies and query strings as data: decoded at a microversion, described for OpenAPI.

    EXTEND = Body("extend", Field("new_size", Int(min=1), required=True),
                            Field("force", Bool(), default=False, since="2.64"))
    EXTEND.decode({"extend": {"new_size": "5"}}, version=64) == {"new_size": 5, "force": False}

The result is a plain dict of the fields that were given plus those with a default.  A field below
its first version is dropped (or refused, `before="refuse"`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from abaca.api import kinds
from abaca.api.kinds import JsonSchema, Kind, show
from abaca.api.versions import Range, text
from abaca.model.errors import BadRequest

ABSENT: Any = msgspec.UNSET
MAX_FIELDS_NAMED = 5


class Field:
    """One key of a body, or one parameter of a query string."""

    __slots__ = ("alias", "before", "default", "kind", "name", "null", "required", "versions")

    def __init__(
        self,
        name: str,
        kind: Kind | None = None,
        *,
        required: bool = False,
        null: bool = False,
        default: Any = ABSENT,
        alias: str | tuple[str, ...] = (),
        since: str | None = None,
        until: str | None = None,
        before: Literal["drop", "refuse"] = "drop",
    ) -> None:
        self.name = name
        self.kind: Kind = kind if kind is not None else kinds.Text()
        self.required = required
        self.null = null
        self.default = default
        self.alias = (alias,) if isinstance(alias, str) else alias
        self.versions = Range.of(since, until)
        self.before = before

    def pick(self, given: Mapping[str, Any]) -> Any:
        """The value under the name or an alias; two of them at once is the client's mistake."""
        value = given.get(self.name, ABSENT)
        for alias in self.alias:
            other = given.get(alias, ABSENT)
            if other is ABSENT:
                continue
            if value is not ABSENT and value != other:
                raise BadRequest(
                    f"{self.name} and {alias} mean the same; give one of them, not two values."
                )
            value = other
        return value

    def decode(self, value: Any, version: int) -> Any:
        if value is None:
            if self.null:
                return None
            raise BadRequest(f"{self.name} is null; give a value or leave it out.")
        return self.kind.decode(value, self.name, version)

    def into(self, found: dict[str, Any], given: Mapping[str, Any], version: int) -> None:
        value = self.pick(given)
        if version not in self.versions:
            if value is not ABSENT and self.before == "refuse":
                raise BadRequest(
                    f"{self.name} can be given at versions {self.versions}; "
                    f"this request uses {text(version)}."
                )
        elif value is not ABSENT:
            found[self.name] = self.decode(value, version)
        elif self.required:
            raise BadRequest(f"{self.name} is missing; it must be given.")
        elif self.default is not ABSENT:
            found[self.name] = self.default

    def schema(self, version: int) -> JsonSchema:
        found = self.kind.schema(version)
        if self.null and found:
            found = {"anyOf": [found, {"type": "null"}]}
        return found


Param = Field  # of a query string


class Body:
    """The body of a request: `{key: {fields}}`, or the bare fields when the key is None.

    `unknown="refuse"` answers 400 for keys that are not fields, at the version of the request.
    `value=Kind` says that the key holds one value of this kind instead of fields
    (`{"metadata": {...}}`): `decode` then returns `{"value": ...}`.
    `empty=True` lets the value under the key be null or anything: the action has no parameters.
    """

    def __init__(
        self,
        key: str | tuple[str, ...] | None,
        *fields: Field,
        unknown: Literal["ignore", "refuse"] = "ignore",
        value: Kind | None = None,
        null: bool = False,
        empty: bool = False,
    ) -> None:
        self.keys = (key,) if isinstance(key, str) else key or ()
        self.fields = fields
        self.unknown = unknown
        self.value = value
        self.null = null
        self.empty = empty

    def decode(self, document: Any, version: int) -> dict[str, Any]:
        if self.empty:
            return {}
        given = self._inner(document)
        if self.value is not None:
            whole = Field(self.keys[0] if self.keys else "The body", self.value, null=self.null)
            return {"value": whole.decode(given, version)}
        if given is None and self.null:
            given = {}
        if not isinstance(given, dict):
            name = self.keys[0] if self.keys else "The body"
            kinds.refuse(name, given, "an object")
        if self.unknown == "refuse":
            self._refuse_unknown(given, version)
        found: dict[str, Any] = {}
        for field in self.fields:
            field.into(found, given, version)
        return found

    def _inner(self, document: Any) -> Any:
        if document is None:
            raise BadRequest(
                "The request needs a body of JSON, sent with Content-Type: application/json."
            )
        if not isinstance(document, dict):
            kinds.refuse("The body", document, "a JSON object")
        if not self.keys:
            return document
        for key in self.keys:
            if key in document:
                return document[key]
        raise BadRequest(f"The body has no {self.keys[0]}; send {{{show(self.keys[0])}: ...}}.")

    def _refuse_unknown(self, given: Mapping[str, Any], version: int) -> None:
        known = self._names(version)
        strange = [name for name in given if name not in known]
        if strange:
            raise BadRequest(
                f"Not known at version {text(version)}: {_named(strange)}; "
                f"these can be given: {', '.join(sorted(known))}."
            )

    @lru_cache(maxsize=512)  # noqa: B019 - bodies are declared once, at import
    def _names(self, version: int) -> frozenset[str]:
        present = [f for f in self.fields if version in f.versions or f.before == "refuse"]
        return frozenset(name for f in present for name in (f.name, *f.alias))

    def schema(self, version: int) -> JsonSchema:
        inner: JsonSchema
        if self.empty:
            inner = {}
        elif self.value is not None:
            inner = self.value.schema(version)
        else:
            inner = self._fields_schema(version)
        if self.null and inner:
            inner = {"anyOf": [inner, {"type": "null"}]}
        if not self.keys:
            return inner
        return {"type": "object", "properties": {self.keys[0]: inner}, "required": [self.keys[0]]}

    def _fields_schema(self, version: int) -> JsonSchema:
        present = [f for f in self.fields if version in f.versions]
        found: JsonSchema = {
            "type": "object",
            "properties": {f.name: f.schema(version) for f in present},
        }
        for field in present:
            for alias in field.alias:
                found["properties"][alias] = field.schema(version)
        required = [f.name for f in present if f.required and not f.alias]
        if required:
            found["required"] = required
        if self.unknown == "refuse":
            found["additionalProperties"] = False
        return found


def decode_query(params: Iterable[Field], given: Mapping[str, str], version: int) -> dict[str, Any]:
    """The declared parameters of a query string; what is not declared is not seen."""
    found: dict[str, Any] = {}
    for param in params:
        param.into(found, given, version)
    return found


def _named(names: list[str]) -> str:
    shown = ", ".join(show(name) for name in names[:MAX_FIELDS_NAMED])
    return shown if len(names) <= MAX_FIELDS_NAMED else f"{shown} and {len(names) - 5} more"


def empty(word: str) -> Body:
    """The body of an action without parameters: `{word: null}`."""
    return Body(word, empty=True)


ANY_COUNT = kinds.Int(min=0, max=2**63 - 1)
MARKER_AS_OFFSET = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class _Offset(kinds.Int, frozen=True):
    """Also the id of the last record: so `openstack share list --marker` sends it."""

    def decode(self, value: Any, name: str, version: int) -> Any:
        if isinstance(value, str) and MARKER_AS_OFFSET.fullmatch(value):
            return value
        return super().decode(value, name, version)


LIMIT = Field("limit", ANY_COUNT)
OFFSET = Field("offset", _Offset(min=ANY_COUNT.min, max=ANY_COUNT.max))
MARKER = Field("marker", kinds.Text())
PAGING = (LIMIT, OFFSET, MARKER)
SORT_DIR = Field("sort_dir", kinds.Enum(("asc", "desc"), fold=True), default="desc")


def sorting(*keys: str, default: str = "created_at") -> tuple[Field, Field]:
    """`sort_key` out of these keys, and `sort_dir`."""
    return Field("sort_key", kinds.Enum(keys), default=default), SORT_DIR


def paged(*params: Field) -> tuple[Field, ...]:
    """Filters of a list, plus limit, offset and marker."""
    return (*params, *PAGING)


ALL_TENANTS = Field(
    "all_tenants",
    kinds.Own(
        lambda v, n: True if v == "" else kinds.Bool().decode(v, n, 0),
        {"type": "string", "enum": ["", "1", "0", "true", "false", "True", "False"]},
    ),
    alias="all_projects",
    default=False,
)
