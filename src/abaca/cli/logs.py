"""Where events go: a file under the state directory, or standard error."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from abaca.config import Config

FILE = "abaca.log"


def log_path(config: Config, in_file: bool = False) -> Path | None:
    """The log file; None when events go to standard error.

    in_file: a command that talks to a person keeps events out of the way by default.
    """
    if config.log_file:
        return Path(config.log_dir or ".", config.log_file)
    if config.log_dir:
        return Path(config.log_dir, FILE)
    return config.state_path / FILE if in_file and not config.use_stderr else None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def set_up(config: Config, *, in_file: bool = False) -> Path | None:
    """Structured events, one per line: JSON with use_json, else for people.  Returns the file."""
    path = log_path(config, in_file)
    target: TextIO = sys.stderr
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = open(path, "a", encoding="utf-8", buffering=1, opener=_private)  # noqa: SIM115
    level = logging.DEBUG if config.debug else logging.INFO
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if config.use_json
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=target,
        level=logging.WARNING,
        format="%(asctime)s [%(levelname)s] %(name)s: %(message)s",
    )
    return path
