"""Values that are well formed but cannot be used, or not together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from oslo_config import cfg

from . import catalog, classes
from .core import PROTOCOLS
from .database import database_url
from .errors import ConfigError
from .findings import Finding, Verdict
from .judge import suggestion
from .options import Mark

_UNREADABLE = (cfg.Error, ValueError, AttributeError, RecursionError)


def misfits(conf: Any) -> Iterable[Finding]:
    """Values that are well formed but cannot be used, or not together."""
    for check in (_database, _scheduler, _names, _protocols, _lease):
        try:
            yield from check(conf)
        except _UNREADABLE:
            continue  # already reported for the option itself


def _database(conf: Any) -> Iterable[Finding]:
    try:
        database_url(conf.database.connection, Path(conf.state_path))
    except ConfigError as error:
        yield Finding(Verdict.WRONG, "database", "connection", error.message, Mark.MAPPED)


def _scheduler(conf: Any) -> Iterable[Finding]:
    try:
        classes.mapped(conf.scheduler_driver, classes.SCHEDULERS)
    except ConfigError as error:
        yield Finding(Verdict.WRONG, catalog.DEFAULT, "scheduler_driver", error.message)


def _names(conf: Any) -> Iterable[Finding]:
    """Of filters and weighers: abaca would not start."""
    from abaca.scheduler.filters import FILTERS
    from abaca.scheduler.weighers import IGNORED, WEIGHERS

    for option, kind, known in (
        ("scheduler_default_filters", "filter", FILTERS),
        ("scheduler_default_extend_filters", "filter", FILTERS),
        ("scheduler_default_weighers", "weigher", {*WEIGHERS, *IGNORED}),
    ):
        for name in getattr(conf, option):
            if name not in known:
                message = f"there is no {kind} {name[:60]!r}{suggestion(name, known)}"
                yield Finding(Verdict.WRONG, catalog.DEFAULT, option, message)


def _protocols(conf: Any) -> Iterable[Finding]:
    for name in conf.enabled_share_protocols:
        if name.upper() not in PROTOCOLS:
            message = f"{name[:60]!r} is none of {', '.join(PROTOCOLS)}"
            yield Finding(Verdict.WRONG, catalog.DEFAULT, "enabled_share_protocols", message)


def _lease(conf: Any) -> Iterable[Finding]:
    if conf.abaca.heartbeat_seconds * 2 > conf.abaca.lease_seconds:
        message = "must be at most half of lease_seconds, or live workers lose their backends"
        yield Finding(Verdict.WRONG, "abaca", "heartbeat_seconds", message, Mark.USED)
