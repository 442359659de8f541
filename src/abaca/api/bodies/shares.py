"""Bodies and query strings of shares."""

from __future__ import annotations

import re
from typing import Any

from abaca.api.kinds import (
    Bool,
    DictText,
    Enum,
    Int,
    JsonSchema,
    Object,
    Pairs,
    Text,
    Uuid,
    refuse,
)
from abaca.api.schema import ALL_TENANTS, Body, Field, paged, sorting
from abaca.model.errors import Unprocessable
from abaca.model.status import SHARE_RESETTABLE, TASK_STATES
from abaca.store.shares_find import SORT

PROTOCOLS = ("NFS", "CIFS", "GLUSTERFS", "HDFS", "CEPHFS", "MAPRFS", "LUSTRE", "WEKAFS")
NAME = Text()
DESCRIPTION = Text(lines=True)
GIGABYTES = Int(min=1)
NEW_SIZE = Int(min=0)


class ShareBody(Body):
    """`{"share": {...}}`; JSON without that object is answered with 422, as clients know it."""

    def _inner(self, document: Any) -> Any:
        if isinstance(document, dict) and not isinstance(document.get("share"), dict):
            raise Unprocessable('The body has no share; send {"share": {...}}.')
        return super()._inner(document)


CREATE = ShareBody(
    "share",
    Field("size", GIGABYTES, null=True, required=True),
    Field("share_proto", Enum(PROTOCOLS, fold=True), required=True),
    Field("name", NAME, null=True, alias="display_name"),
    Field("description", DESCRIPTION, null=True, alias="display_description"),
    Field("share_type", Text(), null=True),
    Field("volume_type", Text(), null=True),
    Field("snapshot_id", Uuid(), null=True),
    Field("share_network_id", Uuid(), null=True),
    Field("availability_zone", Text(), null=True),
    Field("is_public", Bool(), default=False),
    Field("metadata", Pairs(), null=True),
    Field("share_group_id", Uuid(), null=True, since="2.31"),
    Field("scheduler_hints", Object(), null=True, since="2.65"),
    Field("mount_point_name", Text(), null=True, since="2.84"),
    Field("encryption_key_ref", Uuid(), null=True, since="2.90"),
)

UPDATE = ShareBody(
    "share",
    Field("display_name", NAME, null=True),
    Field("display_description", DESCRIPTION, null=True),
    Field("name", NAME, null=True),  # these two count when the former are not given
    Field("description", DESCRIPTION, null=True),
    Field("is_public", Bool()),
)


class _ExportPath:
    """Text, or an object with a path."""

    def decode(self, value: Any, name: str, version: int) -> str:
        path = value.get("path") if isinstance(value, dict) else value
        if not path:
            raise Unprocessable(f"{name} has no path; say where the share is exported.")
        found: str = Text(max=2000).decode(path, name, version)
        if ".." in re.split(r"[/\\:]", found):
            refuse(name, found, "a path without '..'")
        return found

    def schema(self, version: int) -> JsonSchema:
        text = Text(min=1, max=2000).schema(version)
        inside: JsonSchema = {"type": "object", "properties": {"path": text}, "required": ["path"]}
        return {"anyOf": [text, inside]}


class _ManageBody(ShareBody):
    """What is missing or empty is answered with 422 here too."""

    def _inner(self, document: Any) -> Any:
        given = super()._inner(document)
        for field in self.fields:
            if field.required and not given.get(field.name):
                raise Unprocessable(f"{field.name} is missing or empty; it must be given.")
        return given


MANAGE = _ManageBody(
    "share",
    Field("export_path", _ExportPath(), required=True),
    Field("service_host", Text(min=1), required=True),
    Field("protocol", Text(min=1), required=True),
    Field("share_type", Text(), null=True, alias="volume_type"),
    Field("name", NAME, null=True, alias="display_name"),
    Field("description", DESCRIPTION, null=True, alias="display_description"),
    Field("is_public", Bool(), since="2.8", default=False),
    Field("driver_options", Object(), null=True),
    Field("share_server_id", Uuid(), null=True, since="2.49"),
    Field("mount_point_name", Text(), null=True, since="2.92"),
)


# --- actions --------------------------------------------------------------------------------------
def resize(word: str) -> Body:
    return Body(
        word,
        Field("new_size", NEW_SIZE, required=True),
        Field("force", Bool(), default=False, since="2.64"),
    )


def reset_status(word: str) -> Body:
    return Body(word, Field("status", Enum(SHARE_RESETTABLE), required=True))


RESET_TASK_STATE = Body(
    "reset_task_state", Field("task_state", Enum(TASK_STATES), null=True, required=True)
)
REVERT = Body("revert", Field("snapshot_id", Uuid(), required=True))


# --- lists ----------------------------------------------------------------------------------------
PATH = Text(max=2000)
FILTERS = paged(
    ALL_TENANTS,
    Field("name", alias="display_name"),
    Field("status"),
    Field("share_type_id"),
    Field("snapshot_id"),
    Field("share_network_id"),
    Field("share_group_id", since="2.31"),
    Field("project_id"),
    Field("user_id"),
    Field("is_public", Bool(), default=False),
    Field("metadata", DictText()),
    Field("extra_specs", DictText()),
    Field("host"),
    Field("share_server_id"),
    Field("export_location_id", since="2.35"),
    Field("export_location_path", PATH, since="2.35"),
    Field("description", DESCRIPTION, since="2.36", alias="display_description"),
    Field("name~", since="2.36", alias="display_name~"),
    Field("description~", DESCRIPTION, since="2.36", alias="display_description~"),
    Field("with_count", Bool(), default=False, since="2.42"),
    Field("is_soft_deleted", Bool(), default=False, since="2.69"),
    Field("mount_point_name", since="2.84"),
    Field("encryption_key_ref", since="2.90"),
    Field("availability_zone", since="2.97"),
    *sorting(*SORT),
)
