"""Times that clients send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from abaca.api.kinds import JsonSchema, refuse

_DAY = r"20[0-9]{2}-0[1-9]-(0[1-9]|1[0-9]|2[0-8])"
_TIME = r"T[01][0-9]:[0-5][0-9]:[0-5][0-9]"


class Moment(msgspec.Struct, frozen=True):
    """A time in ISO 8601, returned as tables keep it: UTC, microseconds, no offset.  Without an
    offset it is UTC already; a date alone is its midnight."""

    def decode(self, value: Any, name: str, version: int) -> str:
        try:
            if isinstance(value, str) and len(value) <= 40 and value.isascii():
                found = datetime.fromisoformat(value.strip().replace(" ", "T"))
                if found.tzinfo is not None:
                    found = found.astimezone(UTC).replace(tzinfo=None)
                return found.isoformat(timespec="microseconds")
        except (ValueError, OverflowError):
            pass
        refuse(name, value, "a time such as 2026-01-31T12:00:00")

    def schema(self, version: int) -> JsonSchema:
        return {"type": "string", "pattern": f"^{_DAY}({_TIME})?$"}
