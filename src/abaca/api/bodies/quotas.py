"""Bodies and query parameters of quotas."""

from __future__ import annotations

from abaca.api.kinds import Any_, Bool, Int, Text
from abaca.api.schema import Body, Field
from abaca.api.views.quotas import SINCE

UPDATE = Body(
    "quota_set",
    *(Field(name, Int(min=-1), since=since, before="refuse") for name, since in SINCE.items()),
    Field("force", Bool(), default=False),
    Field("tenant_id", Any_(), null=True),  # the path says it
    unknown="refuse",
)
UPDATE_CLASS = Body(
    "quota_class_set",
    *(Field(name, Int(min=-1, text=False), since=since) for name, since in SINCE.items()),
)
QUERY = (
    Field("user_id", Text(max=64)),
    Field("share_type", Text(), since="2.39", before="refuse"),
)
# everything may be missing: the id after an update, some quotas with share_type
SHOWN = {"quota_set": {"id?": "string", **{f"{name}?": "integer" for name in SINCE}}}
DETAIL = {"quota_set": {"id?": "string", **{f"{name}?": "object" for name in SINCE}}}
CLASS_UPDATED = {"quota_class_set": {f"{name}?": "integer" for name in SINCE}}
