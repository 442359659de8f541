"""Availability zones as clients see them."""

from abaca.api.views.fields import TIME, UUID, Field, Representation

AVAILABILITY_ZONE = Representation(
    "availability_zone",
    [
        Field("id", UUID),
        Field("name"),
        Field("created_at", TIME),
        Field("updated_at", TIME, nullable=True),
    ],
)
