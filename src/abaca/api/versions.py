"""Microversions 2.0 - 2.99: numbers, ranges, and what a request asks for.

Inside the API a microversion is its minor number (an `int`, 0..99); tables write it as text,
"2.45", and `minor("2.45")` turns one into the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from abaca.model.errors import BadRequest
from abaca.web.faults import NotAcceptable

VERSION_HEADER = "X-OpenStack-Manila-API-Version"
EXPERIMENTAL_HEADER = "X-OpenStack-Manila-API-Experimental"
MIN, MAX = 0, 99
DEFAULT = 0
MIN_TEXT, MAX_TEXT = f"2.{MIN}", f"2.{MAX}"

_FORM = re.compile(r"([1-9]\d{0,3})\.(0|[1-9]\d{0,3})", re.ASCII)
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


@cache
def minor(text: str) -> int:
    """The minor number of "2.<n>" as tables write it; raises ValueError for anything else."""
    match = _FORM.fullmatch(text)
    if match is None or match[1] != "2" or not MIN <= int(match[2]) <= MAX:
        raise ValueError(f"{text!r} is not a microversion of {MIN_TEXT} to {MAX_TEXT}")
    return int(match[2])


def text(version: int) -> str:
    return f"2.{version}"


class Range(msgspec.Struct, frozen=True):
    """First and last microversion, both included."""

    first: int = MIN
    last: int = MAX

    @classmethod
    def of(cls, first: str | None, last: str | None) -> Range:
        found = cls(minor(first) if first else MIN, minor(last) if last else MAX)
        if found.first > found.last:
            raise ValueError(f"range {first} to {last} is empty")
        return found

    def __contains__(self, version: object) -> bool:
        return isinstance(version, int) and self.first <= version <= self.last

    def overlaps(self, other: Range) -> bool:
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{text(self.first)} to {text(self.last)}"


def negotiate(environ: Mapping[str, Any]) -> tuple[int, bool]:
    """The microversion and the experimental flag of a request; raises 400 or 406."""
    asked = environ.get("HTTP_X_OPENSTACK_MANILA_API_VERSION")
    version = DEFAULT if asked is None else _negotiated(asked)
    flag = environ.get("HTTP_X_OPENSTACK_MANILA_API_EXPERIMENTAL")
    return version, flag is not None and flag.strip().lower() in _TRUE


def _negotiated(asked: str) -> int:
    match = _FORM.fullmatch(asked)
    if match is None:
        raise BadRequest(
            f"The header {VERSION_HEADER} says {asked[:40]!r}, which is not a version; "
            f"send MAJOR.MINOR, such as {MAX_TEXT}."
        )
    number = int(match[2])
    if match[1] != "2" or not MIN <= number <= MAX:
        raise NotAcceptable(
            f"Version {asked} is not served here; ask for {MIN_TEXT} to {MAX_TEXT}."
        )
    return number
