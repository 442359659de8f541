"""Ids that nobody else has: uuid text."""

from __future__ import annotations

import uuid
from collections.abc import Callable


def _random() -> str:
    return str(uuid.uuid4())


_source: Callable[[], str] = _random


def new_id() -> str:
    return _source()


def install(source: Callable[[], str] | None) -> None:
    """Take ids from here from now on (a simulation wants the same ones again); None: random."""
    global _source
    _source = source or _random
