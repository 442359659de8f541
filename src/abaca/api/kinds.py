"""What a value of a request may be: each kind checks, converts and describes itself.

A kind has `decode(value, name, version)`, which returns the converted value or raises BadRequest
with what was wrong, and `schema(version)`, the same rule as JSON Schema for the OpenAPI document.
Kinds are data: declare them once, at import.
"""

from __future__ import annotations

import ast
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

import msgspec

from abaca.api.versions import minor
from abaca.model.errors import BadRequest

JsonSchema = dict[str, Any]

INT_MAX = 2**31 - 1  # what an integer column holds
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_GOOD = r"[^\x00-\x1f\x7f-\x9f]"
_LINES = str.maketrans("", "", "\t\r\n")
_DIGITS = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})


class Kind(Protocol):
    def decode(self, value: Any, name: str, version: int) -> Any: ...
    def schema(self, version: int) -> JsonSchema: ...


def show(value: Any) -> str:
    """A value as an error message quotes it: short, and safe to print."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    quoted = ascii(value)
    return quoted if len(quoted) <= 60 else f"{quoted[:56]}...{quoted[-1]}"


def refuse(name: str, value: Any, rule: str) -> NoReturn:
    raise BadRequest(f"{name} is {show(value)}; it must be {rule}.")


class Any_(msgspec.Struct, frozen=True):
    """Whatever JSON allows; the handler looks at it, or nobody does."""

    def decode(self, value: Any, name: str, version: int) -> Any:
        return value

    def schema(self, version: int) -> JsonSchema:
        return {}


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Text of bounded length without control characters.  `lines=True` allows line
    breaks and tabs (descriptions)."""

    min: int = 0
    max: int = 255
    strip: bool = False
    blank: bool = True
    lines: bool = False
    pattern: str | None = None
    rule: str | None = None  # said instead of the pattern

    def decode(self, value: Any, name: str, version: int) -> str:
        if not isinstance(value, str):
            refuse(name, value, self._rule())
        found = value.strip() if self.strip else value
        if not self.min <= len(found) <= self.max or not (self.blank or found.strip()):
            refuse(name, value, self._rule())
        if _CONTROL.search(found.translate(_LINES) if self.lines else found):
            refuse(name, value, "text without control characters")
        if self.pattern is not None and not re.fullmatch(self.pattern, found, re.ASCII):
            refuse(name, value, self._rule())
        return found

    def _rule(self) -> str:
        least = max(self.min, 0 if self.blank else 1)
        length = f"text of {least} to {self.max} characters"
        if self.rule:
            return self.rule
        if self.pattern:
            return f"{length} that matches {self.pattern}"
        return length if self.blank else f"{length}, not blank"

    def schema(self, version: int) -> JsonSchema:
        found: JsonSchema = {"type": "string", "maxLength": self.max}
        if self.min or not self.blank:
            found["minLength"] = max(self.min, 1)
        found["pattern"] = f"^{self.pattern or self._characters()}$"
        return found

    def _characters(self) -> str:
        """A pattern for what is neither refused nor, if that counts, blank."""
        good = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]" if self.lines else _GOOD
        return f"{good}*" if self.blank else f"{good}*[!-~]{good}*"


class Int(msgspec.Struct, frozen=True, kw_only=True):
    """A whole number; digits as text are accepted unless `text=False`."""

    min: int = -INT_MAX - 1
    max: int = INT_MAX
    text: bool = True

    def decode(self, value: Any, name: str, version: int) -> int:
        if isinstance(value, str) and self.text and _DIGITS.fullmatch(value.strip()):
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float) and value.is_integer():
            number = int(value)  # JSON does not tell 1.0 from 1
        else:
            refuse(name, value, self._rule())
        if not self.min <= number <= self.max:
            refuse(name, value, self._rule())
        return number

    def _rule(self) -> str:
        return f"a whole number from {self.min} to {self.max}"

    def schema(self, version: int) -> JsonSchema:
        number: JsonSchema = {"type": "integer", "minimum": self.min, "maximum": self.max}
        if not self.text:
            return number
        return {"anyOf": [number, {"type": "string", "pattern": self._digits()}]}

    def _digits(self) -> str:
        """A pattern for digits that are surely in range."""
        if self.min < 0:
            return f"^({self.min}|[0-9]{{1,9}})$"
        return "^[1-9][0-9]{0,8}$" if self.min else "^[0-9]{1,9}$"


class Bool(msgspec.Struct, frozen=True, kw_only=True):
    """true or false, or one of their text forms unless `text=False`."""

    text: bool = True

    def decode(self, value: Any, name: str, version: int) -> bool:
        if isinstance(value, bool):
            return value
        if self.text and isinstance(value, (str, int)):
            word = str(value)[:8].strip().lower()
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
        refuse(name, value, "true or false")

    def schema(self, version: int) -> JsonSchema:
        if not self.text:
            return {"type": "boolean"}
        words = sorted(_TRUE | _FALSE)
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": words}]}


class Uuid(msgspec.Struct, frozen=True):
    """An id as abaca gives them out, returned in its canonical form."""

    def decode(self, value: Any, name: str, version: int) -> str:
        if isinstance(value, str) and len(value) in (32, 36):
            try:
                return str(uuid.UUID(value))
            except ValueError:
                pass
        refuse(name, value, "a UUID")

    def schema(self, version: int) -> JsonSchema:
        return {"type": "string", "format": "uuid"}


class Enum(msgspec.Struct, frozen=True):
    """One of some words; `since` names the words that came later: {"cephx": "2.13"}."""

    words: tuple[str, ...]
    since: Mapping[str, str] = {}
    fold: bool = False  # letter case does not matter; the listed form is returned

    def decode(self, value: Any, name: str, version: int) -> str:
        words = self.at(version)
        if isinstance(value, str):
            found = next((w for w in words if w == value), None)
            if found is None and self.fold:
                found = next((w for w in words if w.lower() == value.lower()), None)
            if found is not None:
                return found
        refuse(name, value, f"one of {', '.join(words)}")

    def at(self, version: int) -> tuple[str, ...]:
        return tuple(w for w in self.words if minor(self.since.get(w, "2.0")) <= version)

    def schema(self, version: int) -> JsonSchema:
        return {"type": "string", "enum": list(self.at(version))}


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """An object of text pairs: metadata, extra specs.  Keys and values are never blank.

    `booleans=True` also takes true and false as values and keeps them as the text True or False.
    """

    key: str | None = None  # pattern of the keys
    key_max: int = 255
    value_max: int = 1023
    booleans: bool = False
    empty: bool = True

    def decode(self, value: Any, name: str, version: int) -> dict[str, str]:
        if not isinstance(value, dict) or not (value or self.empty):
            refuse(name, value, "an object of text pairs")
        return {
            self.decode_key(key, name): self.decode_value(item, f"{name}[{show(key)}]")
            for key, item in value.items()
        }

    def decode_key(self, key: Any, name: str) -> str:
        found = Text(min=1, max=self.key_max, blank=False).decode(key, f"A key of {name}", 0)
        if self.key is not None and not re.fullmatch(self.key, found, re.ASCII):
            refuse(f"A key of {name}", key, f"text that matches {self.key}")
        return found

    def decode_value(self, value: Any, name: str) -> str:
        if self.booleans and isinstance(value, bool):
            return str(value)
        return Text(min=1, max=self.value_max, blank=False, lines=True).decode(value, name, 0)

    def schema(self, version: int) -> JsonSchema:
        item = Text(min=1, max=self.value_max, blank=False, lines=True).schema(version)
        if self.booleans:
            item = {"anyOf": [item, {"type": "boolean"}]}
        names = Text(min=1, max=self.key_max, blank=False, pattern=self.key).schema(version)
        found: JsonSchema = {
            "type": "object",
            "additionalProperties": item,
            "propertyNames": names,
        }
        return found if self.empty else found | {"minProperties": 1}


class Object(msgspec.Struct, frozen=True):
    """An object whose inside the handler looks at."""

    def decode(self, value: Any, name: str, version: int) -> dict[str, Any]:
        if not isinstance(value, dict):
            refuse(name, value, "an object")
        return value

    def schema(self, version: int) -> JsonSchema:
        return {"type": "object"}


class ListOf(msgspec.Struct, frozen=True, kw_only=True):
    """A list of values of one kind."""

    kind: Any
    min: int = 0
    max: int = 1000

    def decode(self, value: Any, name: str, version: int) -> list[Any]:
        if not isinstance(value, list) or not self.min <= len(value) <= self.max:
            refuse(name, value, f"a list of {self.min} to {self.max} values")
        return [self.kind.decode(v, f"{name}[{n}]", version) for n, v in enumerate(value)]

    def schema(self, version: int) -> JsonSchema:
        return {
            "type": "array",
            "items": self.kind.schema(version),
            "minItems": self.min,
            "maxItems": self.max,
        }


class DictText(msgspec.Struct, frozen=True):
    """For query strings: a dictionary literal as text, `{'k': 'v'}` or JSON, of plain values."""

    def decode(self, value: Any, name: str, version: int) -> dict[str, str]:
        found = value if isinstance(value, dict) else _literal(value)
        if not isinstance(found, dict) or not all(
            isinstance(part, (str, int, bool)) for pair in found.items() for part in pair
        ):
            refuse(name, value, "a dictionary of text pairs, such as {'key': 'value'}")
        pairs = {str(key): str(item) for key, item in found.items()}
        if any(_CONTROL.search(part) for pair in pairs.items() for part in pair):
            refuse(name, value, "text without control characters")
        return pairs

    def schema(self, version: int) -> JsonSchema:
        return {"type": "string"}


def _literal(text: Any) -> Any:
    if not isinstance(text, str) or len(text) > 4096 or not text.lstrip().startswith("{"):
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None


class Own(msgspec.Struct, frozen=True):
    """A kind of one's own: `check(value, name)` returns the value or raises BadRequest."""

    check: Callable[[Any, str], Any]
    described: JsonSchema = {}

    def decode(self, value: Any, name: str, version: int) -> Any:
        return self.check(value, name)

    def schema(self, version: int) -> JsonSchema:
        return self.described
