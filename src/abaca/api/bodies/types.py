"""Bodies of share types, their extra specs and their access lists."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from abaca.api.kinds import Bool, JsonSchema, Pairs, Text, refuse
from abaca.api.schema import Body, Field
from abaca.model.type_specs import STANDARD

KEYS = ("share_type", "volume_type")
SPEC_KEY = r"[\w.:-]+"


class Specs(msgspec.Struct, frozen=True, kw_only=True):
    """Extra specs: {name: text or boolean}, returned as they were sent.

    `key`: a pattern for names.  `single`: exactly one pair.  `empty_values`: those standard specs
    that have a meaning when empty may be so.
    """

    key: str | None = None
    single: bool = False
    empty_values: bool = False

    def decode(self, value: Any, name: str, version: int) -> dict[str, str | bool]:
        if not isinstance(value, dict) or (self.single and len(value) != 1):
            refuse(name, value, "an object with one pair" if self.single else "an object of pairs")
        pairs = self._pairs()
        for key, item in value.items():
            pairs.decode_key(key, name)
            if not self._may_be_empty(key, item):
                pairs.decode_value(item, f"{name}[{key[:60]!a}]")
        return dict(value)

    def _may_be_empty(self, key: str, item: Any) -> bool:
        spec = STANDARD.get(key)
        return self.empty_values and item == "" and spec is not None and spec.may_be_empty

    def _pairs(self) -> Pairs:
        return Pairs(key=self.key, value_max=255, booleans=True)

    def schema(self, version: int) -> JsonSchema:
        found = self._pairs().schema(version)
        return found | {"minProperties": 1, "maxProperties": 1} if self.single else found


def texts(specs: Mapping[str, str | bool]) -> dict[str, str]:
    """Specs as they are stored: booleans are the text True or False."""
    return {name: str(value) for name, value in specs.items()}


class ProjectId(msgspec.Struct, frozen=True):
    """The id of a project: a UUID with or without hyphens, returned as it was sent."""

    def decode(self, value: Any, name: str, version: int) -> str:
        if isinstance(value, str) and len(value) in (32, 36):
            try:
                uuid.UUID(value)
            except ValueError:
                pass
            else:
                return value
        refuse(name, value, "the id of a project, a UUID")

    def schema(self, version: int) -> JsonSchema:
        return {
            "type": "string",
            "pattern": "^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        }


_DESCRIPTION = Text(max=255, lines=True)
LEGACY_PUBLIC, PUBLIC = "os-share-type-access:is_public", "share_type_access:is_public"

CREATE = Body(
    KEYS,
    Field("name", Text(min=1, blank=False), required=True),
    Field("description", _DESCRIPTION, null=True, since="2.41", before="refuse"),
    Field("extra_specs", Specs(empty_values=True), required=True),
    Field(PUBLIC, Bool()),
    Field(LEGACY_PUBLIC, Bool()),
)
UPDATE = Body(
    KEYS,
    Field("name", Text(min=1, blank=False), null=True),
    Field("description", _DESCRIPTION, null=True),
    Field(PUBLIC, Bool(), null=True),
)
SET_SPECS = Body("extra_specs", value=Specs(key=SPEC_KEY))
SET_SPEC = Body(None, value=Specs(single=True))
ADD_ACCESS = Body("addProjectAccess", Field("project", ProjectId(), required=True))
REMOVE_ACCESS = Body("removeProjectAccess", Field("project", ProjectId(), required=True))
