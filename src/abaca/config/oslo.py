"""Rows of the option tables as oslo.config options."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from oslo_config import cfg, types

from .options import Kind, Mark, Option

# Old names are reported by `examine`, with file and line; oslo.config would say it again.
cfg.LOG.addFilter(lambda record: not str(record.msg).startswith(("Deprecated", 'Option "%(dep')))


class _Finite(types.Float):  # type: ignore[misc]
    """A number; not nan and not infinite, which would pass every bound or comparison."""

    def __call__(self, value: Any) -> Any:
        number = super().__call__(value)
        if number is not None and not math.isfinite(number):
            raise ValueError(f"{value} is not a number")
        return number


_TYPES: dict[Kind, Callable[[Option], Any]] = {
    Kind.TEXT: lambda o: types.String(choices=list(o.choices) or None, ignore_case=False),
    Kind.FLAG: lambda _: types.Boolean(),
    Kind.INTEGER: lambda o: types.Integer(min=o.min, max=o.max),
    Kind.REAL: lambda o: _Finite(min=o.min, max=o.max),
    Kind.PORT: lambda _: types.Port(),
    Kind.HOST: lambda _: types.HostAddress(),
    Kind.WORDS: lambda _: types.List(types.String()),
    Kind.MANY: lambda _: types.String(),
    Kind.PAIRS: lambda _: types.Dict(),
    Kind.LISTS: lambda _: types.Dict(types.List(types.String(), bounds=True)),
    Kind.HELPERS: lambda _: types.Dict(key_value_separator="="),
}


def value_type(option: Option) -> Callable[[str], Any]:
    """The function that reads a value of this option from text; ValueError if it cannot."""
    made: Callable[[str], Any] = _TYPES[option.kind](option)
    return made


def _make(option: Option) -> Any:
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    many = option.kind is Kind.MANY
    return (cfg.MultiOpt if many else cfg.Opt)(
        option.name,
        **{"item_type" if many else "type": value_type(option)},
        default=default,
        help=option.help,
        secret=option.secret,
        deprecated_opts=[
            cfg.DeprecatedOpt(name, group=group or None) for group, name in option.old
        ],
    )


_KINDS = (
    (types.Port, Kind.PORT),
    (types.Integer, Kind.INTEGER),
    (types.Float, Kind.REAL),
    (types.Boolean, Kind.FLAG),
)
_made: dict[int, tuple[Option, Any]] = {}


def opt(option: Any) -> Any:
    """The oslo.config option of a row; an oslo.config option is returned as it is."""
    if not isinstance(option, Option):
        return option
    kept = _made.get(id(option))
    if kept is None:
        kept = _made[id(option)] = (option, _make(option))
    return kept[1]


def opts(rows: Iterable[Any]) -> list[Any]:
    """The oslo.config options of rows, without those a library registers itself."""
    return [opt(row) for row in rows if not (isinstance(row, Option) and row.library)]


def described(option: Any) -> Option:
    """A row for an oslo.config option, as far as a listing needs it."""
    if isinstance(option, Option):
        return option
    read = option.type
    return Option(
        name=option.dest,
        kind=next((kind for of, kind in _KINDS if isinstance(read, of)), Kind.TEXT),
        default=option.default,
        help=option.help or option.deprecated_reason or "",
        mark=Mark.IGNORED if option.deprecated_for_removal else Mark.USED,
        min=getattr(read, "min", None),
        max=getattr(read, "max", None),
        secret=bool(option.secret),
        old=tuple((o.group or "", o.name or option.dest) for o in option.deprecated_opts),
    )
