"""The whole API as a table of places, served or not.

What abaca does not serve yet answers as "not available at this version" (404 with a JSON fault),
as every client expects of a place that exists at some version.  `absent.json` holds facts only and
is made by scripts/make_api_absent.py.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One route of the full table."""

    method: str
    path: str
    action: str | None
    first: str | None
    last: str | None
    project_pattern: str | None  # "hex" or "any": what the project segment may look like


class Dead(msgspec.Struct, frozen=True, array_like=True):
    """A place that answers the same error at every version."""

    method: str
    path: str
    answer: int


class Table(msgspec.Struct, frozen=True):
    routes: list[Row]
    dead: list[Dead]


@cache
def table() -> Table:
    data = resources.files("abaca.api").joinpath("absent.json").read_bytes()
    return msgspec.json.decode(data, type=Table)
