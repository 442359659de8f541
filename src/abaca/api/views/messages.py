"""User messages as clients see them."""

from abaca.api.views.fields import LINKS, TIME, UUID, Field, Links, Representation

MESSAGE = Representation(
    "message",
    [
        Field("id", UUID, min="2.37"),
        Field("project_id", min="2.37"),
        Field("action_id", min="2.37"),
        Field("detail_id", nullable=True, min="2.37"),
        Field("message_level", min="2.37"),
        Field("created_at", TIME, min="2.37"),
        Field("expires_at", TIME, min="2.37"),
        Field("request_id", nullable=True, min="2.37"),
        Field("links", LINKS, min="2.37", get=Links("messages")),
        Field("resource_type", min="2.37", get=lambda m, ctx: m.resource_type or ""),
        Field("resource_id", UUID, nullable=True, min="2.37"),
        Field("user_message", min="2.37"),
    ],
)
