"""Words of filter and goodness functions."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import EvaluatorError
from .text import shown

LONGEST = 4096  # characters of an expression

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number> (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? )
      | (?P<name>   [A-Za-z_]\w*(?:\.\w+)* )
      | (?P<text>   "[^"]*" | '[^']*' )
      | (?P<sign>   <=|>=|==|!=|<>|&&|\|\||[-+*/^()<>!?:,&|] )
    )""",
    re.VERBOSE | re.ASCII,
)
_SAME = {"&&": "and", "&": "and", "||": "or", "|": "or", "<>": "!="}
_WORDS = frozenset(("and", "or", "not"))


class Token(NamedTuple):
    kind: str  # number, name, text, sign, end
    text: str


END = Token("end", "")


def tokens(expression: str) -> list[Token]:
    """The expression in words, END last; raises EvaluatorError."""
    if len(expression) > LONGEST:
        raise EvaluatorError(
            f"The expression has {len(expression)} characters; {LONGEST} are allowed."
        )
    found, at = [], 0
    end = len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise EvaluatorError(f"Not understood: {shown(expression[at:].lstrip()[:20])}.")
        found.append(_token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*found, END]


def _token(kind: str, text: str) -> Token:
    if kind == "text":
        return Token(kind, text[1:-1])
    if kind == "name" and text.lower() in _WORDS:
        return Token("sign", text.lower())
    return Token(kind, _SAME.get(text, text) if kind == "sign" else text)
