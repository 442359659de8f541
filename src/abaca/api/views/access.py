"""What clients see of an access rule."""

from __future__ import annotations

from abaca.api.views.fields import TEXT_PAIRS, TIME, UUID, Field, Representation


def _said() -> list[Field]:
    return [
        Field("access_level"),
        Field("access_to"),
        Field("access_type"),
        Field("state", nullable=True),
        Field("access_key", nullable=True, min="2.21"),
        Field("created_at", TIME, min="2.33"),
        Field("updated_at", TIME, nullable=True, min="2.33"),
        Field("metadata", TEXT_PAIRS, min="2.45"),
    ]


ACCESS_RULE_LIST_ITEM = Representation("access_rule_list_item", [Field("id", UUID), *_said()])
ACCESS_RULE = Representation(
    "access_rule", [Field("id", UUID), Field("share_id", UUID), *_said()]
)  # also what allow_access answers below 2.45
