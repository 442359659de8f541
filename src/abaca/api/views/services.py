"""Services as clients see them."""

from abaca.api.views.fields import TIME, Field, Representation

SERVICE = Representation(
    "service",
    [
        Field("id", "integer", get="service.id"),
        Field("binary", get="service.binary"),
        Field("host", get="service.host"),
        Field("zone", get="service.zone"),
        Field("status"),
        Field("state"),
        Field("updated_at", TIME, nullable=True, get="service.updated_at"),
        Field("disabled_reason", nullable=True, min="2.83", get="reason"),
        Field("ensuring", "boolean", min="2.86", get="service.ensuring"),
    ],
)
SERVICE_UPDATE = Representation(
    "service_update",
    [
        Field("host", get="service.host"),
        Field("binary", get="service.binary"),
        Field("status"),
        Field("disabled_reason", nullable=True, min="2.83", get="service.disabled_reason"),
        Field("ensuring", "null", nullable=True, min="2.86", get=lambda seen, ctx: None),
    ],
)
