"""Judging one value, and saying what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from .masking import masked
from .options import Kind, Option
from .oslo import described, value_type
from .scan import Setting

_PHRASE = {
    Kind.FLAG: "true or false",
    Kind.INTEGER: "a whole number",
    Kind.REAL: "a number",
    Kind.PORT: "a port number",
    Kind.HOST: "a host name or address",
    Kind.PAIRS: "a list of key:value",
    Kind.LISTS: "a list of key:[value, value]",
    Kind.HELPERS: "a list of name=class",
}
EXPRESSIONS = ("filter_function", "goodness_function")


def problem_of(row: Any, setting: Setting) -> str:
    """What is wrong with a value, or nothing.  References ($name) are judged by their result."""
    if "$" in setting.value:
        return ""
    read: Callable[[str], Any] = value_type(row) if isinstance(row, Option) else row.type
    try:
        read(setting.value)
    except (ValueError, TypeError) as error:
        option = described(row)
        if isinstance(row, Option) or option.kind in _PHRASE:
            return _described(option, setting)
        return "the value cannot be used" if row.secret else f"{error}"
    return _expression(setting.value) if setting.name in EXPRESSIONS else ""


def _expression(text: str) -> str:
    """A backend whose filter cannot be read would take no share, and say so only then."""
    from abaca.scheduler.errors import EvaluatorError
    from abaca.scheduler.evaluator import compiled

    try:
        compiled(text)
    except EvaluatorError as error:
        return f"{text[:60]!r} is not an expression: {error}"
    return ""


def _described(option: Option, setting: Setting) -> str:
    value = str(masked(option.name, setting.value, option.secret))
    shown = repr(value if len(value) <= 60 else value[:57] + "...")
    if option.choices:
        hint = suggestion(setting.value, option.choices)
        return f"{shown} is none of {', '.join(option.choices)}{hint}"
    if option.kind in (Kind.INTEGER, Kind.REAL, Kind.PORT) and _is_number(setting.value):
        low = "" if option.min is None else f" from {option.min:g}"
        high = "" if option.max is None else f" to {option.max:g}"
        return f"{shown} is not {_PHRASE[option.kind]}{low}{high}"
    return f"{shown} is not {_PHRASE.get(option.kind, 'usable')}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def suggestion(name: str, known: Iterable[str]) -> str:
    """The words "; did you mean ...?", when something known is spelt nearly like that."""
    close = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.8)
    return f"; did you mean {close[0]}?" if close else ""
