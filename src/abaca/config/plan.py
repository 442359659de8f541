"""Which backends are enabled, with which driver, and in which sections their options are."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec
from oslo_config import cfg

from . import catalog, classes
from .drivers.table import LOCAL, driver_options
from .errors import ConfigError
from .network import PROFILE
from .oslo import opts
from .scan import normal

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}\Z")
_EMBEDDED = "local"
_RESERVED = {  # a section of that name would hide the option from oslo.config
    *catalog.SECTIONS,
    *(row.name for row in catalog.SECTIONS[catalog.DEFAULT]),
    *("config_file", "config_dir", "config_source"),
}
_UNREADABLE = (cfg.Error, ValueError, AttributeError, RecursionError)


class Backend(msgspec.Struct):
    """One enabled backend, before it is known whether it can run."""

    name: str
    group: str | None  # None: its options are in [DEFAULT]
    path: str = ""  # share_driver as given
    driver_class: str = ""
    problem: str = ""  # why it cannot run
    about: str = "enabled_share_backends"  # the option that is the reason
    rows: list[Any] = []  # options of its driver
    networks: list[str] = []  # sections of its network


class Plan(msgspec.Struct):
    backends: list[Backend]
    embedded: bool  # nothing said which backends to run

    def of_section(self, section: str) -> list[Backend]:
        """The backends that read a section (its name as `scan.normal` gives it)."""
        return [
            b
            for b in self.backends
            if section in {normal(s) for s in (b.group or catalog.DEFAULT, *b.networks)}
        ]


def make_plan(conf: Any, sections: Collection[str], apply: Callable[[], None]) -> Plan:
    """Find the backends and register their options; `apply` sets overrides as they become known.

    `sections` are those that exist, in lower case, DEFAULT excepted.
    """
    names = _names(conf)
    embedded = names is None and not _single(conf)
    if embedded:
        names = [_EMBEDDED]
    backends = [Backend(catalog.DEFAULT, None)] if names is None else _named(names)
    for backend in backends:
        if not backend.problem:
            _fill(conf, backend, embedded, sections, apply)
    return Plan(backends, embedded)


def _names(conf: Any) -> list[str] | None:
    try:
        given = conf.enabled_share_backends
    except _UNREADABLE:
        return []
    return None if given is None else list(dict.fromkeys(name for name in given if name))


def _single(conf: Any) -> bool:
    """Whether [DEFAULT] itself describes a backend."""
    for name in ("share_driver", "driver_handles_share_servers"):
        found = conf.get_location(name)
        if found and found.location not in (cfg.Locations.opt_default, cfg.Locations.set_default):
            return True
    return False


def _named(names: list[str]) -> list[Backend]:
    seen: set[str] = set()
    backends = []
    for name in names:
        backend = Backend(name, name, problem=_bad_name(name, seen))
        seen.add(normal(name))
        backends.append(backend)
    return backends


def _bad_name(name: str, seen: set[str]) -> str:
    if not _NAME.match(name):
        return "a backend's name has only letters, digits and . _ + -"
    if name in _RESERVED or normal(name) in catalog.SECTIONS:
        return f"{name} is the name of an option or of another section; rename the backend"
    if normal(name) in seen:
        return "another backend's name differs only in upper and lower case"
    return ""


def _fill(
    conf: Any,
    backend: Backend,
    embedded: bool,
    sections: Collection[str],
    apply: Callable[[], None],
) -> None:
    group = backend.group
    if group is not None:
        conf.register_opts(opts(catalog.PER_BACKEND), group=group)
        if embedded:
            conf.set_default("share_driver", LOCAL, group=group)
        elif normal(group) not in sections:
            backend.problem = f"there is no section [{group}]"
            return
    apply()
    view = conf if group is None else conf[group]
    _class(view, backend)
    _driver(conf, backend)
    apply()
    if not backend.problem:
        _modes(view, backend)
    _networks(conf, view, backend)
    apply()


def _class(view: Any, backend: Backend) -> None:
    backend.about = "share_driver"
    try:
        backend.path = view.share_driver
        backend.driver_class = classes.driver_class(backend.path)
    except ConfigError as error:
        backend.problem = error.message
    except _UNREADABLE:
        backend.problem = "the name of the driver cannot be read"
    translated = backend.driver_class != backend.path
    if not backend.problem and translated and not classes.is_written(backend.driver_class):
        backend.problem = f"{backend.path} is not part of this abaca yet."


def _driver(conf: Any, backend: Backend) -> None:
    """Register the options of the driver; also of one that is refused, to recognise them."""
    backend.rows = driver_options(backend.driver_class or backend.path)
    try:
        conf.register_opts(opts(backend.rows), group=backend.group)
    except cfg.DuplicateOptError as error:
        backend.problem = f"the driver redefines an option: {error}"
    if backend.driver_class.startswith("abaca.") and backend.driver_class != classes.GENERIC:
        conf.set_default("driver_handles_share_servers", False, group=backend.group)


def _modes(view: Any, backend: Backend) -> None:
    try:
        missing = view.driver_handles_share_servers is None
    except _UNREADABLE:
        missing = True
    if missing:
        backend.problem = "driver_handles_share_servers must be set to True or False"
        backend.about = "driver_handles_share_servers"


def _networks(conf: Any, view: Any, backend: Backend) -> None:
    found = []
    for name in ("network_config_group", "admin_network_config_group"):
        found.extend(_register(conf, [getattr(view, name)], catalog.NETWORK_SECTION))
    for group in (*found, backend.group):
        profiles = (conf if group is None else conf[group]).neutron_binding_profiles
        found.extend(_register(conf, profiles or [], PROFILE))
    backend.networks = found


def _register(conf: Any, groups: list[str | None], rows: tuple[Any, ...]) -> list[str]:
    named = [g for g in groups if g and g != catalog.DEFAULT and normal(g) not in catalog.SECTIONS]
    for group in named:
        conf.register_opts(opts(rows), group=group)
    return named
