"""What `abaca user` and `abaca project` share: the directory of the configured database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .common import load_config
from .database import opened

if TYPE_CHECKING:
    from abaca.identity.directory import Directory


def fail_unless_embedded() -> None:
    """Raise UsageError where users are kept by somebody else."""
    auth = load_config().auth
    if auth != "embedded":
        raise click.UsageError(f"auth_strategy is {auth}: users are not kept by abaca.")


@contextlib.contextmanager
def open_directory() -> Iterator[Directory]:
    """Raises as `database.opened` does."""
    from abaca.identity.directory import Directory
    from abaca.identity.passwords import Passwords
    from abaca.identity.settings import IdentitySettings

    with opened(load_config()) as store:
        yield Directory(store, Passwords(IdentitySettings()))
