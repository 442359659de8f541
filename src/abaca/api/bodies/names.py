"""name and description, and their old names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OLD = "display_"


def named(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be changed: display_name and display_description count as name and description,
    and win over them, as far as they were given."""
    plain = {key: value for key, value in given.items() if not key.startswith(_OLD)}
    old = {key.removeprefix(_OLD): value for key, value in given.items() if key.startswith(_OLD)}
    return plain | old
