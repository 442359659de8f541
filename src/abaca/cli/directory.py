"""What `abaca user` and `abaca project` share: the directory of the configured database."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from . import logs
from .common import load_config
from .database import opened

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.identity.directory import Directory


def fail_unless_embedded() -> None:
    """Raise UsageError where users are kept by somebody else."""
    auth = load_config().auth
    if auth != "embedded":
        raise click.UsageError(f"auth_strategy is {auth}: users are not kept by abaca.")


@contextlib.contextmanager
def open_directory(action: str = "", **target: str | None) -> Iterator[Directory]:
    """Raises as `database.opened` does.

    action: what is done to the target, for the audit log; "" for a look.
    """
    from abaca.identity.directory import Directory
    from abaca.identity.passwords import Passwords
    from abaca.identity.settings import IdentitySettings

    config = load_config()
    settings = IdentitySettings(shortest_password=config.abaca.password_min_length)
    with opened(config) as store, _audited(config, action, target):
        yield Directory(store, Passwords(settings))


@contextlib.contextmanager
def _audited(config: Config, action: str, target: Mapping[str, str | None]) -> Iterator[None]:
    if not action:
        yield
        return
    from abaca.model.errors import RequestError
    from abaca.service import audit

    logs.set_up(config, in_file=True)
    actor = audit.Actor(user_name=_who(), address="local")
    try:
        yield
    except RequestError as error:
        why = {"reason": type(error).__name__}
        audit.record(action, result="failure", actor=actor, target={**target, **why})
        raise
    audit.record(action, result="success", actor=actor, target=target)


def _who() -> str:
    """The account that runs the command, also under sudo."""
    if os.getuid() == 0 and "SUDO_USER" in os.environ:
        return f"{os.environ['SUDO_USER']} as root"
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
