"""The configuration as the rest of abaca sees it: read only, attributes, nothing global."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oslo_config import cfg

from . import classes
from .database import database_url
from .errors import ConfigError
from .findings import Finding
from .oslo import opt

_AUTH = {"noauth": "none", "noauthv2": "none"}
_registering = threading.Lock()  # oslo.config does not expect several threads here


class Section:
    """The options of one section; a value is read once and kept."""

    def __init__(self, conf: Any, group: str | None) -> None:
        self._conf = conf
        self._group = group

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._read(name)
        self.__dict__[name] = value
        return value

    def _read(self, name: str) -> Any:
        view = self._conf if self._group is None else self._conf[self._group]
        return getattr(view, name)

    def safe_get(self, name: str) -> Any:
        """The value, or None when there is no such option."""
        return getattr(self, name, None)


class BackendConfig(Section):
    """One enabled backend: what a driver gets as `configuration`."""

    def __init__(
        self, conf: Any, *, name: str, host: str, driver_class: str, group: str | None
    ) -> None:
        super().__init__(conf, group)
        self.name = name
        self.host = host  # '<host>@<name>'
        self.driver_class = driver_class  # dotted path of the class to load, already translated
        self.config_group = group  # its section; None when its options are in [DEFAULT]
        self._inherited: frozenset[str] = frozenset()

    @property
    def backend_name(self) -> str:
        """What share types match: `share_backend_name`, or the section's name."""
        return str(self.share_backend_name or self.name)

    def inherit(self, names: Iterable[str]) -> None:
        """Take these options from [DEFAULT] unless the section sets them."""
        if self._group is not None:
            self._inherited = frozenset(names)

    def _read(self, name: str) -> Any:
        if name in self._inherited and not self._is_set(name):
            return getattr(self._conf, name)
        return super()._read(name)

    def _is_set(self, name: str) -> bool:
        found = self._conf.get_location(name, self._group)
        if found is None:
            return False
        return bool(
            found.location.is_user_controlled or found.location is cfg.Locations.set_override
        )

    def append_config_values(self, options: Iterable[Any]) -> None:
        """Register a driver's own options (oslo.config options or rows) for this section.

        Of an option abaca registered before, only the driver's default is taken.
        """
        with _registering:
            for option in map(opt, options):
                try:
                    self._conf.register_opt(option, group=self._group)
                except cfg.DuplicateOptError:
                    self._take_default(option)
                self.__dict__.pop(option.dest, None)

    def _take_default(self, option: Any) -> None:
        if option.default is None:
            return
        try:
            self._conf.set_default(option.dest, option.default, group=self._group)
        except ValueError as error:
            raise ConfigError(f"[{self.name}] the driver's {option.dest}: {error}.") from None

    def default_get(self, name: str) -> Any:
        """The value in [DEFAULT]; None when there is no such option there."""
        return getattr(self._conf, name, None)

    def __repr__(self) -> str:
        return f"<BackendConfig {self.host} {self.driver_class}>"


class Config(Section):
    """Everything configured: `config.my_option`, `config.section.my_option`, `config.backends`."""

    def __init__(
        self,
        conf: Any,
        *,
        backends: tuple[BackendConfig, ...],
        refused: Mapping[str, str],
        findings: tuple[Finding, ...],
        files: tuple[Path, ...],
        sections: frozenset[str],
    ) -> None:
        super().__init__(conf, None)
        self.oslo = conf  # the ConfigOpts, for oslo.policy and keystonemiddleware
        self.backends = backends  # those that can run
        self.refused = refused  # enabled backend that cannot run -> why
        self.findings = findings
        self.files = files
        self._sections = sections

    def _read(self, name: str) -> Any:
        return Section(self._conf, name) if name in self._sections else super()._read(name)

    def section(self, name: str) -> Section:
        """A section by name, for names that are no Python identifier."""
        return Section(self._conf, name)

    def backend(self, name: str) -> BackendConfig:
        """The enabled backend of that name; KeyError if there is none that can run."""
        for backend in self.backends:
            if backend.name == name:
                return backend
        raise KeyError(name)

    @property
    def state_path(self) -> Path:
        return Path(self._conf.state_path)

    @property
    def host(self) -> str:
        return str(self._conf.host)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL.  ConfigError for a database abaca does not use."""
        return database_url(self._conf.database.connection, self.state_path)

    @property
    def auth(self) -> str:
        """embedded, keystone or none."""
        strategy = str(self._conf.auth_strategy)
        return _AUTH.get(strategy, strategy)

    @property
    def scheduler(self) -> str:
        """filter or simple, or the class path of a third party's scheduler."""
        return classes.mapped(self._conf.scheduler_driver, classes.SCHEDULERS)

    @property
    def api_address(self) -> tuple[str, int]:
        """Where the API (and the embedded identity, under /identity) listens."""
        return str(self._conf.osapi_share_listen), int(self._conf.osapi_share_listen_port)
