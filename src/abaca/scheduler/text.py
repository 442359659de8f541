"""Words and numbers as they appear in the reasons of the scheduler."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 80


def shown(value: object) -> str:
    """A foreign value on one line, quoted if it is text, cut if it is long."""
    text = repr(value[: LONGEST + 1] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def gib(value: float) -> str:
    """12 GiB, 0.25 GiB"""
    return f"{value:.15g} GiB" if value == int(value) else f"{value:.2f} GiB"


def listed(parts: Iterable[str], last: str = "and") -> str:
    """a, b and c"""
    items = list(parts)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"
