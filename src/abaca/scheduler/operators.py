"""What an extra spec demands of a capability: '<in> NFS', '>= 10', '<or> ssd <or> hdd', 'yes'.

The first word is the operator, the rest the operand; letter case never counts.  Rules are those of
the extra specs table.  A capability that is a list matches if any of its elements does.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .request import TRUE_WORDS

FALSE_WORDS = frozenset(("0", "f", "false", "off", "n", "no"))
Match = Callable[[Any], bool]

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.ge,  # "at least", as the field's types have always meant it
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
    "<in>": operator.contains,
}
OPERATORS = frozenset((*_NUMERIC, *_TEXT, "<is>", "<or>"))


@lru_cache(maxsize=4096)
def matcher(requirement: str) -> Match:
    """The test that a capability must pass.  Never raises; null never passes."""
    lowered = requirement.lower().strip()
    word, _, operand = lowered.partition(" ")
    operand = operand.strip()
    if word not in OPERATORS:
        one = _plain(lowered)
    elif not operand:
        one = _never  # an operator without operand
    elif word == "<is>":
        one = _is(operand)
    elif word == "<or>":
        one = _one_of(operand)
    elif word in _NUMERIC:
        one = _numeric(_NUMERIC[word], operand)
    else:
        one = _textual(_TEXT[word], operand)

    def match(value: Any) -> bool:
        if isinstance(value, list | tuple):
            return any(one(element) for element in value if element is not None)
        return value is not None and one(value)

    return match


def _never(_: Any) -> bool:
    return False


def _plain(wanted: str) -> Match:
    truth = True if wanted in TRUE_WORDS else False if wanted in FALSE_WORDS else None
    return lambda value: (
        value is truth if isinstance(value, bool) else str(value).lower().strip() == wanted
    )


def _is(operand: str) -> Match:
    truth = operand in TRUE_WORDS
    return lambda value: (
        (value if isinstance(value, bool) else str(value).lower().strip() in TRUE_WORDS) is truth
    )


def _one_of(operand: str) -> Match:
    choices = frozenset(choice.strip() for choice in operand.split("<or>"))
    return lambda value: str(value).lower().strip() in choices


def _textual(compare: Callable[[str, str], bool], operand: str) -> Match:
    return lambda value: compare(str(value).lower(), operand)


def _numeric(compare: Callable[[float, float], bool], operand: str) -> Match:
    bound = number(operand)
    if bound is None:
        return _never

    def match(value: Any) -> bool:
        known = number(value)
        return known is not None and compare(known, bound)

    return match


def number(value: Any) -> float | None:
    """A capability as number; 'infinite' is one; None: it is none."""
    if isinstance(value, str) and value.strip().lower() == "infinite":
        return math.inf
    if not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(result) else result
