"""Every option with the value it has in the end, fit to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from oslo_config import cfg

from . import catalog
from .drivers.table import driver_options
from .findings import Finding
from .later import is_later
from .masking import masked
from .options import Mark, Option
from .oslo import described
from .scan import normal
from .view import Config

UNREADABLE = "(cannot be read)"


class Value(msgspec.Struct, frozen=True):
    """One option as it is in force; secrets are masked."""

    section: str
    name: str
    value: Any
    mark: Mark
    help: str
    is_set: bool  # by a file, the environment or the program
    place: str = ""  # file:line


def effective(config: Config) -> list[Value]:
    """Options in use, by section; ignored ones are left out."""
    places = {(f.section, f.name): f for f in config.findings if f.setting}
    found: list[Value] = []
    for group, rows in _sections(config):
        found.extend(_values(config, group, rows, places))
    return found


def _sections(config: Config) -> Iterator[tuple[str | None, Iterable[Any]]]:
    for name, rows in catalog.SECTIONS.items():
        yield (None if name == catalog.DEFAULT else name), rows
    for backend in config.backends:
        if backend.config_group is not None:
            rows = (*catalog.PER_BACKEND, *driver_options(backend.driver_class))
            yield backend.config_group, rows


def _values(
    config: Config,
    group: str | None,
    rows: Iterable[Any],
    places: dict[tuple[str, str], Finding],
) -> Iterator[Value]:
    section = group or catalog.DEFAULT
    for row in rows:
        option = described(row)
        if option.mark is Mark.IGNORED:
            continue
        finding = _finding(places, section, option)
        if option.library:
            if finding is None or finding.setting is None:
                continue
            value, is_set = finding.setting.value, True
        else:
            value, is_set = _read(config, group, option)
        shown = masked(option.name, value, option.secret)
        place = finding.place if finding else ""
        mark, help = option.mark, option.help
        if is_later(section, option.name):
            mark, help = Mark.LATER, f"(no effect yet) {help}"
        yield Value(section, option.name, shown, mark, help, is_set, place)


def _finding(
    places: dict[tuple[str, str], Finding], section: str, option: Option
) -> Finding | None:
    names = ((section, option.name), *((old or section, name) for old, name in option.old))
    return next((places[n] for s, o in names if (n := (normal(s), o)) in places), None)


def _read(config: Config, group: str | None, option: Option) -> tuple[Any, bool]:
    backend = next((b for b in config.backends if b.config_group == group), None)
    try:
        if group is not None and backend is not None:
            value = getattr(backend, option.name)
        else:
            value = getattr(config.oslo if group is None else config.oslo[group], option.name)
        found = config.oslo.get_location(option.name, group)
    except (cfg.Error, ValueError, AttributeError, RecursionError):
        return UNREADABLE, True
    is_set = found is not None and (
        found.location.is_user_controlled or found.location is cfg.Locations.set_override
    )
    return value, bool(is_set)
