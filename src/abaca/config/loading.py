"""Reading the configuration files."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oslo_config import cfg

from . import catalog
from .errors import ConfigError
from .examine import examine
from .findings import Finding, Verdict
from .oslo import opts
from .plan import Plan, make_plan
from .scan import Setting, normal, scan
from .view import BackendConfig, Config

Pathish = str | os.PathLike[str]

SEARCHED = (Path("/etc/abaca/abaca.conf"),)
SEARCHED_DIRS = (Path("/etc/abaca/abaca.conf.d"),)
_INHERITED = tuple(row.name for row in catalog.PER_BACKEND if row.inherit)

log = logging.getLogger("abaca.config")


def load(
    files: Iterable[Pathish] | None = None,
    dirs: Iterable[Pathish] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration, ready to use.

    `files` are read in order, then the *.conf of each of `dirs`; what comes later wins.  With
    neither, ABACA_CONFIG_FILE (several divided by colons) or else /etc/abaca is searched; with none
    found the embedded defaults hold.  `overrides` win over all: `{"option": 1, "section.option": 2,
    "section": {"option": 3}}`.

    A backend that cannot run is left out of `.backends`, with the reason in `.refused`.  Anything
    else that is wrong raises ConfigError, which names each place.
    """
    config = read(files, dirs, overrides)
    ours = {normal(name) for name in config.refused}
    wrong = [f for f in config.findings if f.verdict is Verdict.WRONG and not _is_in(f, ours)]
    if wrong:
        raise ConfigError("\n".join(str(finding) for finding in wrong))
    return config


def _is_in(finding: Finding, refused: set[str]) -> bool:
    return bool(refused & {normal(name) for name in (finding.section, *finding.backends)})


def read(
    files: Iterable[Pathish] | None = None,
    dirs: Iterable[Pathish] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Like `load`, but what is wrong is only listed in `.findings`.

    ConfigError remains for a file that cannot be read and for a wrong override.
    """
    paths = find_files(files, dirs)
    settings: list[Setting] = []
    sections: list[str] = []
    for path in paths:
        found, names = scan(path)
        settings.extend(found)
        sections.extend(names)
    pending = _Overrides(overrides or {})
    conf = _parsed(paths, {normal(name) for name in sections}, pending)
    present = {normal(name) for name in sections} | pending.sections
    plan = make_plan(conf, present, lambda: pending.apply(conf))
    pending.finish()
    findings = examine(settings, sections, plan, conf)
    return _view(conf, plan, findings, paths)


def find_files(files: Iterable[Pathish] | None, dirs: Iterable[Pathish] | None) -> tuple[Path, ...]:
    """The files to read, in order."""
    if files is None and dirs is None:
        named = [Path(name) for name in os.environ.get("ABACA_CONFIG_FILE", "").split(":") if name]
        chosen = named or [path for path in SEARCHED if path.exists()]
        folders = [] if named else [path for path in SEARCHED_DIRS if path.is_dir()]
    else:
        chosen = [Path(name) for name in files or ()]
        folders = [Path(name) for name in dirs or ()]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"The configuration directory {folder} does not exist.")
        chosen.extend(sorted(folder.glob("*.conf")))
    return tuple(chosen)


def _parsed(paths: tuple[Path, ...], sections: set[str], pending: _Overrides) -> Any:
    conf = cfg.ConfigOpts()
    for name, rows in catalog.SECTIONS.items():
        conf.register_opts(opts(rows), group=None if name == catalog.DEFAULT else name)
    try:
        conf(
            args=[],
            project="abaca",
            default_config_files=[str(path) for path in paths],
            default_config_dirs=[],
        )
    except (cfg.Error, ValueError) as error:
        raise ConfigError(f"The configuration cannot be read: {type(error).__name__}.") from error
    has_keystone = "keystone_authtoken" in sections
    _default(conf, "auth_strategy", "keystone" if has_keystone else "embedded")
    _default(conf, "host", socket.gethostname())
    _default(conf, "my_ip", _first_address())
    if state := os.environ.get("ABACA_STATE_DIR"):
        conf.set_override("state_path", state)
    pending.apply(conf)
    return conf


def _default(conf: Any, name: str, value: str) -> None:
    try:
        conf.set_default(name, value)
    except ValueError:  # a host name that DNS would not allow
        conf.set_default(name, "localhost")


def _first_address() -> str:
    """The address this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


class _Overrides:
    """Values set by the program, applied once their option is registered."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.left: dict[tuple[str, str], Any] = {}
        defaults = {row.name for row in catalog.SECTIONS[catalog.DEFAULT]}
        for key, value in given.items():
            section, dot, name = key.rpartition(".")
            if isinstance(value, Mapping) and key not in defaults and not dot:
                self.left.update({(key, inner): one for inner, one in value.items()})
            else:
                self.left[(section if dot else catalog.DEFAULT, name)] = value
        self.sections = {normal(section) for section, _ in self.left}

    def apply(self, conf: Any) -> None:
        for (section, name), value in list(self.left.items()):
            group = None if section == catalog.DEFAULT else section
            try:
                conf.set_override(name, value, group=group)
            except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
                continue
            except ValueError as error:
                raise ConfigError(f"The value set for [{section}] {name}: {error}.") from None
            del self.left[(section, name)]

    def finish(self) -> None:
        if self.left:
            names = ", ".join(f"[{section}] {name}" for section, name in self.left)
            raise ConfigError(f"There is no option {names} to set.")


def _view(conf: Any, plan: Plan, findings: tuple[Finding, ...], paths: tuple[Path, ...]) -> Config:
    refused = {b.name: b.problem for b in plan.backends if b.problem}
    for finding in findings:
        if finding.verdict is Verdict.WRONG:
            for name in finding.backends:
                refused.setdefault(name, str(finding))
    backends = []
    for planned in plan.backends:
        if planned.name in refused:
            continue
        backend = BackendConfig(
            conf,
            name=planned.name,
            host=f"{conf.host}@{planned.name}" if _readable(conf) else planned.name,
            driver_class=planned.driver_class,
            group=planned.group,
        )
        backend.inherit(_INHERITED)
        backends.append(backend)
    return Config(
        conf,
        backends=tuple(backends),
        refused=refused,
        findings=findings,
        files=paths,
        sections=frozenset(catalog.SECTIONS) - {catalog.DEFAULT},
    )


def _readable(conf: Any) -> bool:
    try:
        return bool(conf.host)
    except (cfg.Error, ValueError):
        return False


def warn(config: Config) -> None:
    """Log what is worth saying about the files: one line per thing, ignored options in one."""
    ignored = [f.name for f in config.findings if f.verdict is Verdict.IGNORED]
    if ignored:
        log.info("accepted without effect: %s", ", ".join(sorted(set(ignored))))
    for finding in config.findings:
        if finding.verdict not in (Verdict.OK, Verdict.IGNORED):
            log.warning("%s", finding)
    for name, reason in config.refused.items():
        log.error("backend %s cannot run: %s", name, reason)
