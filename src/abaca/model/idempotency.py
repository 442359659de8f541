"""What a request was answered, kept to be given again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """One answer, ready to send."""

    status: int
    headers: Mapping[str, str]  # those that this answer does not share with all others
    body: bytes | None  # JSON
