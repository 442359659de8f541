"""filter_function and goodness_function: "share.size < 10 && capabilities.total_capacity_gb > 5".

    evaluate("share.size < 10 ? 100 : 50", {"share": {"size": 5}})  ->  100.0

In falling precedence:  ( )  abs() min() max()   ^   - + !   * /   + -   < <= > >= == != <>   not
and && &   or || |   ? :

Values are numbers, texts and truth values; names are looked up in the mappings given, nowhere else.
Numbers are floats, so that no power grows without bounds; length and nesting are limited, there are
no loops: the time is linear in the length.  The only error is EvaluatorError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .errors import EvaluatorError
from .lexer import END, Token, tokens
from .operators import FALSE_WORDS, number
from .request import TRUE_WORDS
from .text import shown

Value = float | bool | str
Names = Mapping[str, Any]
Node = Callable[[Names], Value]

DEEPEST = 30  # nested parentheses, powers, ternaries

_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}
_WORDS: dict[str, bool] = {"true": True, "false": False}


def evaluate(expression: str, names: Names) -> Value:
    """The value of an expression; raises EvaluatorError."""
    return compiled(expression)(names)


@lru_cache(maxsize=1024)
def compiled(expression: str) -> Node:
    """A function of names; raises EvaluatorError, as does that function."""
    parser = _Parser(tokens(expression))
    node = parser.ternary()
    if parser.ahead is not END:
        raise EvaluatorError(f"{shown(parser.ahead.text)} is not expected.")
    return node


class _Parser:
    """Recursive descent: one method for each precedence, lowest first."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    @property
    def ahead(self) -> Token:
        return self._words[self._at]

    def _take(self, *signs: str) -> str | None:
        """Step over one of these signs, if it comes now."""
        token = self.ahead
        if token.kind != "sign" or token.text not in signs:
            return None
        self._at += 1
        return token.text

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            found = shown(self.ahead.text) if self.ahead is not END else "the end"
            raise EvaluatorError(f"{shown(sign)} is expected, not {found}.")

    def _chain(self, part: Callable[[], Node], *signs: str) -> tuple[Node, list[tuple[str, Node]]]:
        """part sign part sign part ..."""
        first, rest = part(), []
        while sign := self._take(*signs):
            rest.append((sign, part()))
        return first, rest

    def ternary(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise EvaluatorError(f"It is nested more than {DEEPEST} deep.")
        condition = self._or()
        if self._take("?"):
            yes = self.ternary()
            self._expect(":")
            condition = _ternary(condition, yes, self.ternary())
        self._depth -= 1
        return condition

    def _or(self) -> Node:
        first, rest = self._chain(self._and, "or")
        return _any([first, *(node for _, node in rest)]) if rest else first

    def _and(self) -> Node:
        first, rest = self._chain(self._not, "and")
        return _all([first, *(node for _, node in rest)]) if rest else first

    def _not(self) -> Node:
        signs = []
        while sign := self._take("not"):
            signs.append(sign)
        return _prefixed(signs, self._comparison())

    def _comparison(self) -> Node:
        first, rest = self._chain(self._sum, "<", "<=", ">", ">=", "==", "!=")
        return _comparison(first, rest) if rest else first

    def _sum(self) -> Node:
        first, rest = self._chain(self._product, "+", "-")
        return _arithmetic(first, rest) if rest else first

    def _product(self) -> Node:
        first, rest = self._chain(self._unary, "*", "/")
        return _arithmetic(first, rest) if rest else first

    def _unary(self) -> Node:
        signs = []
        while sign := self._take("-", "+", "!"):
            signs.append(sign)
        return _prefixed(signs, self._power())

    def _power(self) -> Node:
        base = self._atom()
        if not self._take("^"):
            return base
        self._depth += 1
        if self._depth > DEEPEST:
            raise EvaluatorError(f"It is nested more than {DEEPEST} deep.")
        node = _arithmetic(base, [("^", self._unary())])
        self._depth -= 1
        return node

    def _atom(self) -> Node:
        token = self.ahead
        if self._take("("):
            inner = self.ternary()
            self._expect(")")
            return inner
        if token.kind not in ("number", "text", "name"):
            found = shown(token.text) if token is not END else "the end"
            raise EvaluatorError(f"A value is expected, not {found}.")
        self._at += 1
        if token.kind == "name":
            return self._call(token.text) if self._take("(") else _name(token.text)
        constant: Value = float(token.text) if token.kind == "number" else token.text
        return lambda _: constant

    def _call(self, name: str) -> Node:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise EvaluatorError(f"There is no function {shown(name)}; there are abs, min, max.")
        first, rest = self._chain(self.ternary, ",")
        self._expect(")")
        arguments = [first, *(node for _, node in rest)]
        if name == "abs" and rest:
            raise EvaluatorError(f"abs takes one value, not {len(arguments)}.")
        if name == "abs":
            return lambda names: abs(_numeric(first(names)))
        return lambda names: function([_numeric(node(names)) for node in arguments])


# --- what the nodes do ----------------------------------------------------------------------------
def _name(path: str) -> Node:
    if path.lower() in _WORDS:
        word = _WORDS[path.lower()]
        return lambda _: word
    keys = path.split(".")

    def node(names: Names) -> Value:
        value: Any = names
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                raise EvaluatorError(f"{path} is not known.")
            value = value[key]
        if isinstance(value, bool | str):
            return value
        if not isinstance(value, int | float):
            raise EvaluatorError(f"{path} is {shown(value)}, neither number nor text.")
        return _numeric(value)

    return node


def _numeric(value: Value) -> float:
    """Texts that are numbers count as such: extra specs are texts."""
    result = number(value)
    if result is None:
        raise EvaluatorError(f"{shown(value)} is not a number.")
    return result


def _truth(value: Value) -> bool:
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word not in TRUE_WORDS and word not in FALSE_WORDS:
        raise EvaluatorError(f"{shown(value)} is neither true nor false.")
    return word in TRUE_WORDS


def _ternary(condition: Node, yes: Node, no: Node) -> Node:
    return lambda names: yes(names) if _truth(condition(names)) else no(names)


def _any(nodes: Sequence[Node]) -> Node:
    return lambda names: any(_truth(node(names)) for node in nodes)


def _all(nodes: Sequence[Node]) -> Node:
    return lambda names: all(_truth(node(names)) for node in nodes)


def _prefixed(signs: Sequence[str], operand: Node) -> Node:
    if not signs:
        return operand

    def node(names: Names) -> Value:
        value = operand(names)
        for sign in reversed(signs):
            if sign in ("!", "not"):
                value = not _truth(value)
            else:
                value = -_numeric(value) if sign == "-" else _numeric(value)
        return value

    return node


def _arithmetic(first: Node, rest: Sequence[tuple[str, Node]]) -> Node:
    steps = [(_ARITHMETIC[sign], node) for sign, node in rest]

    def node(names: Names) -> Value:
        value = _numeric(first(names))
        for compute, operand in steps:
            other = _numeric(operand(names))
            try:
                value = compute(value, other)
            except (ArithmeticError, ValueError):
                raise EvaluatorError(f"{value:g} and {other:g} cannot be computed.") from None
            if math.isnan(value):
                raise EvaluatorError("The result is not a number.")
        return value

    return node


def _comparison(first: Node, rest: Sequence[tuple[str, Node]]) -> Node:
    """a < b < c: each neighbour."""

    def node(names: Names) -> Value:
        left = first(names)
        for sign, operand in rest:
            right = operand(names)
            if not _compare(sign, left, right):
                return False
            left = right
        return True

    return node


def _compare(sign: str, left: Value, right: Value) -> bool:
    if sign in _ORDER:
        return _ORDER[sign](_numeric(left), _numeric(right))
    return _equal(left, right) is (sign == "==")


def _equal(left: Value, right: Value) -> bool:
    one, other = number(left), number(right)
    if one is None or other is None:
        return str(left) == str(right)
    return one == other
