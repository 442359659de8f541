"""What an option is: a row of data.

The tables of this package (`core`, `backend`, `quota` ...) are tuples of `Option`; `oslo.py`
turns a row into an oslo.config option.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec


class Mark(StrEnum):
    """What abaca does with an option of an existing manila.conf."""

    USED = "U"
    IGNORED = "I"  # accepted, changes nothing
    MAPPED = "M"  # translated to something of abaca's own
    LATER = "L"  # known and checked; nothing reads it yet, see later.py


class Kind(StrEnum):
    """How the text of a value is read."""

    TEXT = "text"
    FLAG = "flag"
    INTEGER = "integer"
    REAL = "real"
    PORT = "port"
    HOST = "host"
    WORDS = "words"  # a, b, c
    MANY = "many"  # the option may be given several times
    PAIRS = "pairs"  # key:value, key:value
    LISTS = "lists"  # key:[a, b], key:[c]
    HELPERS = "helpers"  # key=value, key=value


class Option(msgspec.Struct, frozen=True):
    """One option of one section, or of every backend section."""

    name: str
    kind: Kind
    default: Any
    help: str
    mark: Mark = Mark.USED
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    secret: bool = False  # never shown or logged
    old: tuple[tuple[str, str], ...] = ()  # (section, name) under which files may still hold it
    inherit: bool = False  # a backend that does not set it takes the value in [DEFAULT]
    library: bool = False  # a library registers it itself; listed here so that it is recognised


Row = Callable[..., Option]


def _row(kind: Kind, **fixed: Any) -> Row:
    def make(name: str, default: Any, help: str, **more: Any) -> Option:
        return Option(name, kind, default, help, **fixed, **more)

    return make


text = _row(Kind.TEXT)
secret = _row(Kind.TEXT, secret=True)
flag = _row(Kind.FLAG)
integer = _row(Kind.INTEGER)
real = _row(Kind.REAL)
port = _row(Kind.PORT, min=0, max=65535)
host = _row(Kind.HOST)
words = _row(Kind.WORDS)
many = _row(Kind.MANY)
pairs = _row(Kind.PAIRS)
lists = _row(Kind.LISTS)
helpers = _row(Kind.HELPERS)


def seconds(name: str, default: int, help: str, **more: Any) -> Option:
    """A time span in whole seconds."""
    return integer(name, default, help, **{"min": 0, **more})


def percent(name: str, default: int, help: str, **more: Any) -> Option:
    return integer(name, default, help, min=0, max=100, **more)


def ignored(names: str, help: str) -> tuple[Option, ...]:
    """Options accepted for the sake of existing files, whatever their value."""
    return tuple(Option(name, Kind.TEXT, None, help, Mark.IGNORED) for name in names.split())
