"""Which part of a list is asked for, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page as the service functions take it.  At most one of marker and offset counts."""

    limit: int  # always set: the limit of the server when the client named none
    offset: int = 0
    marker: str | None = None  # id of the last record of the page before
    sort_key: str | None = None
    descending: bool = True

    @classmethod
    def of(cls, query: Mapping[str, Any], max_limit: int) -> Page:
        asked = query.get("limit")
        offset = query.get("offset", 0)
        marker = query.get("marker") or (offset if isinstance(offset, str) else None)
        return cls(
            limit=min(asked, max_limit) if asked else max_limit,
            offset=0 if marker else min(offset, 2**31 - 1),
            marker=marker or None,
            sort_key=query.get("sort_key"),
            descending=query.get("sort_dir", "desc") == "desc",
        )
