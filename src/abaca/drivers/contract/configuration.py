"""The `configuration` object a driver gets: the options of its own section."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from oslo_config import cfg


class DriverConfiguration(Protocol):
    """Attribute access to the options of one section."""

    config_group: str | None

    def append_config_values(self, opts: Iterable[cfg.Opt]) -> None:
        """Declare options of the section, so that they can be read."""

    def safe_get(self, name: str) -> Any:
        """The option's value; None when there is no such option."""

    def default_get(self, name: str) -> Any:
        """The option's value in [DEFAULT]; None when it is not declared there."""

    def __getattr__(self, name: str) -> Any: ...


class Configuration:
    """The view of one section over oslo.config.  Values are kept once read: reading the parsed
    file costs tens of microseconds, and a driver's options do not change while it runs."""

    _lock = threading.Lock()  # registering is not safe to do from several threads at once

    def __init__(
        self,
        opts: Iterable[cfg.Opt] = (),
        config_group: str | None = None,
        conf: cfg.ConfigOpts | None = None,
    ) -> None:
        self.config_group = config_group
        self._conf = cfg.CONF if conf is None else conf
        self._values: dict[str, Any] = {}
        self.append_config_values(opts)

    @property
    def _section(self) -> Any:
        return self._conf[self.config_group] if self.config_group else self._conf

    def append_config_values(self, opts: Iterable[cfg.Opt]) -> None:
        with self._lock:
            for opt in opts:
                try:
                    self._conf.register_opt(opt, group=self.config_group)
                except cfg.DuplicateOptError:
                    continue  # somebody declared it first, perhaps with another help text

    def safe_get(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            return None

    def default_get(self, name: str) -> Any:
        try:
            return getattr(self._conf, name)
        except cfg.NoSuchOptError:
            return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._values:
            try:
                self._values[name] = getattr(self._section, name)
            except cfg.NoSuchGroupError:
                raise AttributeError(name) from None
        return self._values[name]


class DictConfiguration:
    """The same over plain values, for tests: DictConfiguration({"driver_handles_share_servers":
    False}).  Declared options not given have their defaults; given texts are converted."""

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        config_group: str | None = "backend",
        default: Mapping[str, Any] | None = None,
    ) -> None:
        self.config_group = config_group
        self._given = dict(values or {})
        self._declared: dict[str, Any] = {}
        self._default = dict(default or {})

    def append_config_values(self, opts: Iterable[cfg.Opt]) -> None:
        for opt in opts:
            given = self._given.get(opt.dest)
            if isinstance(given, str):
                self._given[opt.dest] = opt.type(given)
            self._declared.setdefault(opt.dest, opt.default)

    def safe_get(self, name: str) -> Any:
        return self._given.get(name, self._declared.get(name))

    def default_get(self, name: str) -> Any:
        return self._default.get(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        for values in (self._given, self._declared):
            if name in values:
                return values[name]
        raise AttributeError(f"section {self.config_group} has no option {name!r}")
