"""Ganesha's configuration language: blocks that render and parse without surprises.

    EXPORT {
        Export_Id = 7;
        Pseudo = "/share-1";
        CLIENT { Clients = 10.0.0.0/8; Access_Type = RO; }
    }

Ganesha has no escape inside a quoted string, so a value that could end its string, start a comment
or a line of its own is refused, never repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Value = str | int | bool | tuple[str, ...]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_BARE = re.compile(r"[A-Za-z0-9_./:*+-]+\Z")
_QUOTED = re.compile(r"[\x20-\x21\x23-\x26\x28-\x5b\x5d-\x7e\u00a0-\uffff]*\Z")
_TOKEN = re.compile(
    r"""\s*(?:\#[^\n]*\s*)*(?:
        (?P<quoted>"[^"\n]*") | (?P<mark>[{}=;,]) | (?P<bare>[^\s{}=;,"\#]+) | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class UnsafeValue(ValueError):
    """The value cannot be written into a Ganesha configuration without changing its meaning."""


class BrokenText(ValueError):
    """The text is not a Ganesha configuration block."""


@dataclass(frozen=True)
class Block:
    """One block: its name, its options in order, its sub-blocks in order."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()
    blocks: tuple[Block, ...] = ()

    def get(self, key: str) -> Value | None:
        """The value of an option; names compare without case, as Ganesha does."""
        for name, value in self.options:
            if name.lower() == key.lower():
                return value
        return None

    def text(self, key: str) -> str:
        """An option as text; BrokenText if it is absent."""
        value = self.get(key)
        if value is None or isinstance(value, tuple):
            raise BrokenText(f"{self.name} lacks {key}")
        return str(value)

    def all(self, name: str) -> list[Block]:
        """The sub-blocks of this name, in written order."""
        return [block for block in self.blocks if block.name.lower() == name.lower()]


def render(block: Block, indent: int = 0) -> str:
    """The block as configuration text.  Raises UnsafeValue."""
    margin = "    " * indent
    lines = [f"{margin}{_name(block.name)} {{"]
    for key, value in block.options:
        lines.append(f"{margin}    {_name(key)} = {_value(value)};")
    text = "\n".join(lines) + "\n"
    for sub in block.blocks:
        text += render(sub, indent + 1)
    return f"{text}{margin}}}\n"


def parse(text: str) -> list[Block]:
    """The blocks of a text that `render` made.  Values come back as text, lists as tuples."""
    tokens = _tokens(text)
    blocks: list[Block] = []
    for kind, word in tokens:
        if kind == "end":
            return blocks
        blocks.append(_block(kind, word, tokens))
    return blocks


def _name(word: str) -> str:
    if not _WORD.match(word):
        raise UnsafeValue(f"{word!r} is not an option or block name")
    return word


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        for item in value:
            if not _BARE.match(item):
                raise UnsafeValue(f"{item!r} cannot stand in a list")
        return ", ".join(value)
    if value.startswith("/") or not _BARE.match(value):
        if not _QUOTED.match(value):
            raise UnsafeValue(f"{value!r} holds a character that cannot be quoted")
        return f'"{value}"'
    return value


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise BrokenText(f"unexpected text at character {position}")
        yield match.lastgroup, match.group(match.lastgroup)
        if match.lastgroup == "end":
            return
        position = match.end()


def _block(kind: str, name: str, tokens: Iterator[tuple[str, str]]) -> Block:
    if kind != "bare" or next(tokens) != ("mark", "{"):
        raise BrokenText(f"expected a block at {name!r}")
    options: list[tuple[str, Value]] = []
    blocks: list[Block] = []
    for kind, word in tokens:
        if (kind, word) == ("mark", "}"):
            return Block(name, tuple(options), tuple(blocks))
        if (kind, word) == ("mark", ";"):  # people write one after a block, too
            continue
        if kind != "bare":
            break
        kind_after, mark = next(tokens)
        if mark == "=" and kind_after == "mark":
            options.append((word, _read_value(tokens)))
        elif mark == "{" and kind_after == "mark":
            blocks.append(_body(word, tokens))
        else:
            break
    raise BrokenText(f"block {name} does not end")


def _body(name: str, tokens: Iterator[tuple[str, str]]) -> Block:
    """A sub-block whose opening brace was read already."""
    return _block("bare", name, iter(_Chain(("mark", "{"), tokens)))


class _Chain:
    """One token put back in front of the rest."""

    def __init__(self, first: tuple[str, str], rest: Iterator[tuple[str, str]]) -> None:
        self._first: tuple[str, str] | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._rest)


def _read_value(tokens: Iterator[tuple[str, str]]) -> Value:
    words: list[str] = []
    for kind, word in tokens:
        if kind == "mark" and word == ";":
            return words[0] if len(words) == 1 else tuple(words)
        if kind == "mark" and word == ",":
            continue
        if kind not in ("bare", "quoted"):
            break
        words.append(word[1:-1] if kind == "quoted" else word)
    raise BrokenText("an option does not end")
