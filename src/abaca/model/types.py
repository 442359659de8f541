"""Share types: what kind of share a user may ask for."""

from __future__ import annotations

import msgspec


class ShareType(msgspec.Struct, frozen=True):
    id: str
    name: str
    description: str | None
    is_public: bool
    created_at: str
    updated_at: str | None
    extra_specs: dict[str, str] = msgspec.field(default_factory=dict)
    projects: tuple[str, ...] = ()  # those that may use it when it is not public
    is_default: bool = False  # it is the configured default_share_type
