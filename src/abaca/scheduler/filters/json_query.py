"""JsonFilter: the hint query, a prefix expression such as ["and", [">=", "$free_capacity_gb", 10]].

Operators = < > in <= >= not or and.  "$name" reads what the pool reports, "$a.b" a nested value.
Bounded in size and depth: the hint comes from a user.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from abaca.model.errors import AbacaError

from ..pools import Pool
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter

MAX_TEXT = 4096
MAX_TERMS = 200
MAX_DEPTH = 10


class QueryError(AbacaError):
    """The hint query cannot be used: {why}."""


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    query = request.query
    if query is None or query == "":
        return None
    try:
        tree = _read(query)
    except QueryError as error:
        reason = error.message
        return lambda pool: reason

    def check(pool: Pool) -> str | None:
        try:
            return None if _truth(_value(tree, pool.stats())) else "the hint query is false for it"
        except QueryError as error:
            return error.message

    return check


def _read(query: Any) -> Any:
    if isinstance(query, str | bytes):
        if len(query) > MAX_TEXT:
            raise QueryError(why=f"it is longer than {MAX_TEXT} characters")
        try:
            query = msgspec.json.decode(query)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise QueryError(why="it is not JSON") from None
    left = [MAX_TERMS]
    _bounded(query, left, 0)
    return query


def _bounded(tree: Any, left: list[int], depth: int) -> None:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise QueryError(why=f"more than {MAX_TERMS} terms or {MAX_DEPTH} levels")
    if isinstance(tree, list):
        if tree and not (isinstance(tree[0], str) and tree[0] in OPERATIONS):
            known = " ".join(OPERATIONS)
            raise QueryError(why=f"{shown(tree[0])} is not one of the operators {known}")
        for item in tree[1:]:
            _bounded(item, left, depth + 1)
    elif isinstance(tree, dict):
        raise QueryError(why="an object is not an expression")
    elif isinstance(tree, str) and len(tree) > MAX_TEXT:
        raise QueryError(why=f"a text is longer than {MAX_TEXT} characters")


def _value(tree: Any, stats: Mapping[str, Any]) -> Any:
    if isinstance(tree, list):
        if not tree:
            return True
        return OPERATIONS[tree[0]]([_value(item, stats) for item in tree[1:]])
    if not isinstance(tree, str) or not tree.startswith("$"):
        return tree
    value: Any = stats
    for key in tree[1:].split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _truth(value: Any) -> bool:
    return any(value) if isinstance(value, list) else bool(value)


def _first_with_rest(compare: Callable[[Any, Any], bool]) -> Callable[[list[Any]], bool]:
    def apply(values: list[Any]) -> bool:
        if len(values) < 2:
            return False
        try:
            return all(compare(values[0], other) for other in values[1:])
        except TypeError:
            raise QueryError(why=f"{shown(values)} cannot be compared") from None

    return apply


OPERATIONS: dict[str, Callable[[list[Any]], Any]] = {
    "=": _first_with_rest(operator.eq),
    "<": _first_with_rest(operator.lt),
    ">": _first_with_rest(operator.gt),
    "in": lambda values: bool(values) and values[0] in values[1:],
    "<=": _first_with_rest(operator.le),
    ">=": _first_with_rest(operator.ge),
    "not": lambda values: [not _truth(value) for value in values],
    "or": lambda values: any(_truth(value) for value in values),
    "and": lambda values: all(_truth(value) for value in values),
}

JSON = Filter(
    "JsonFilter",
    "012",
    ("does not match the scheduler hint", "do not match the scheduler hint"),
    prepare,
)
