"""Bodies and query strings of snapshots, their rules and their metadata."""

from __future__ import annotations

from typing import Any

from abaca.api.kinds import Bool, DictText, Enum, Int, Own, Pairs, Text, Uuid, refuse
from abaca.api.schema import ALL_TENANTS, Body, Field, paged, sorting
from abaca.model.errors import Unprocessable
from abaca.model.status import SHARE_RESETTABLE, SNAPSHOT_RESETTABLE
from abaca.store.snapshots_find import SORT

NAME = Text()
DESCRIPTION = Text(lines=True)
OPTION = Text(max=1023)
MAX_OPTIONS = 100


class SnapshotBody(Body):
    """`{"snapshot": {...}}`; JSON without that object, or without text under one of the `needed`
    keys, is answered with 422, as clients know it."""

    needed: tuple[str, ...] = ()

    def decode(self, document: Any, version: int) -> dict[str, Any]:
        if isinstance(document, dict):
            self._check(document.get("snapshot"))
        return super().decode(document, version)

    def _check(self, given: Any) -> None:
        if not isinstance(given, dict):
            raise Unprocessable('The body has no snapshot; send {"snapshot": {...}}.')
        for name in self.needed:
            if not isinstance(given.get(name), str) or not given[name].strip():
                raise Unprocessable(f"{name} is missing or empty; it must be given as text.")


class ManageBody(SnapshotBody):
    needed = ("share_id", "provider_location")


def _options(value: Any, name: str) -> dict[str, Any]:
    """What a driver is told: text keys, plain values that fit into the operation's payload."""
    if not isinstance(value, dict) or len(value) > MAX_OPTIONS:
        refuse(name, value, f"an object of at most {MAX_OPTIONS} options")
    return {_key(key, name): _option(item, f"{name}[{key[:60]!a}]") for key, item in value.items()}


def _key(key: Any, name: str) -> str:
    found: str = Text(min=1, blank=False).decode(key, f"A key of {name}", 0)
    return found


def _option(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    return OPTION.decode(value, name, 0)


def _location(value: Any, name: str) -> str:
    """Where a snapshot is on its backend.  Drivers look closer; no path leads upwards."""
    found: str = Text(max=2000, blank=False).decode(value, name, 0)
    if ".." in found.replace("\\", "/").split("/"):
        refuse(name, found, "a location without '..'")
    return found


LOCATION = Own(_location, {"type": "string", "minLength": 1, "maxLength": 2000})
DRIVER_OPTIONS = Own(_options, {"type": "object"})

CREATE = SnapshotBody(
    "snapshot",
    Field("share_id", Uuid(), required=True),
    Field("name", NAME, null=True, alias="display_name"),
    Field("description", DESCRIPTION, null=True, alias="display_description"),
    Field("metadata", Pairs(), null=True, since="2.73"),
)
UPDATE = SnapshotBody(
    "snapshot",
    Field("display_name", NAME, null=True),
    Field("display_description", DESCRIPTION, null=True),
    Field("name", NAME, null=True),  # these two count when the former are not given
    Field("description", DESCRIPTION, null=True),
)
MANAGE = ManageBody(
    "snapshot",
    Field("share_id", Text(), required=True),
    Field("provider_location", LOCATION, required=True),
    Field("name", NAME, null=True, alias="display_name"),
    Field("description", DESCRIPTION, null=True, alias="display_description"),
    Field("driver_options", DRIVER_OPTIONS, null=True),
    Field("metadata", Pairs(), null=True, since="2.73"),
)


def reset_status(word: str) -> Body:
    return Body(word, Field("status", Enum(SNAPSHOT_RESETTABLE), required=True))


RESET_INSTANCE = Body("reset_status", Field("status", Enum(SHARE_RESETTABLE), required=True))

# --- access rules ---------------------------------------------------------------------------------
ALLOW = Body(
    "allow_access",
    Field("access_type", Enum(("ip", "user", "cert")), required=True),
    Field("access_to", Text(min=1), required=True),
)
DENY = Body("deny_access", Field("access_id", Uuid(), required=True))

# --- metadata -------------------------------------------------------------------------------------
SET_METADATA = Body("metadata", value=Pairs())
SET_ITEM = Body(("metadata", "meta"), value=Pairs(empty=False))

# --- lists ----------------------------------------------------------------------------------------
FILTERS = paged(
    ALL_TENANTS,
    Field("name", alias="display_name"),
    Field("status"),
    Field("share_id"),
    Field("size", Int(min=0)),
    Field("project_id"),
    Field("description", DESCRIPTION, since="2.36", alias="display_description"),
    Field("name~", since="2.36", alias="display_name~"),
    Field("description~", DESCRIPTION, since="2.36", alias="display_description~"),
    Field("metadata", DictText(), since="2.73"),
    Field("with_count", Bool(), default=False, since="2.79"),
    *sorting(*SORT),
)
