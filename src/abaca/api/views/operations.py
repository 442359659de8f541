"""Operations as clients see them; abaca's own, Manila has none."""

from __future__ import annotations

from abaca.api.views.fields import TIME, UUID, Field, Representation, views
from abaca.model.operations import LIVE

STEP = Representation(
    "operation_step",
    [
        Field("name"),
        Field("started_at", TIME, get="at"),
        Field("seconds", "number", nullable=True),
        Field("outcome"),
        Field("detail", admin=True),
    ],
)

OPERATION = Representation(
    "operation",
    [
        Field("id", "integer"),
        Field("kind"),
        Field("state"),
        Field("finished", "boolean", get=lambda op, ctx: op.state not in LIVE),
        Field("resource_type"),
        Field("resource_id", UUID),
        Field("project_id"),
        Field("user_id"),
        Field("request_id"),
        Field("created_at", TIME),
        Field("started_at", TIME, nullable=True),
        Field("finished_at", TIME, nullable=True),
        Field("progress", "integer", nullable=True),
        Field("retries", "integer"),
        Field("host", admin=True),
        Field("message", nullable=True, admin=True),
        Field("steps", "array(operation_step)", get=lambda op, ctx: views(STEP, ctx, op.steps)),
    ],
)
