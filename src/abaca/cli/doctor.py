"""`abaca doctor`: what this machine lacks for the backends that are enabled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from abaca.drivers.confine.server import why_not
from abaca.drivers.firewall.nftables import unusable
from abaca.drivers.ganesha.packages import missing_packages

from .common import config_options, load_config, table
from .database import file_of, opened
from .packages import LOCAL, filters, install_missing, needs
from .progress import Progress

if TYPE_CHECKING:
    from abaca.config import BackendConfig, Config


class Check(NamedTuple):
    """One thing looked at; problem None: abaca can run."""

    what: str
    problem: str | None
    remark: str = "fine"


def checks(config: Config) -> Iterator[Check]:
    """Everything that is looked at, in the order in which one would mend it."""
    yield Check("configuration", _refused(config))
    yield Check("state directory", _unwritable(config.state_path))
    local = [backend for backend in config.backends if backend.driver_class.startswith(LOCAL)]
    if not local:
        return
    yield Check("rights", None if os.geteuid() == 0 else _NEEDS_ROOT)
    yield Check("kernel", None if _has_btrfs() else _NEEDS_BTRFS)
    yield Check("confinement of servers", why_not())
    wanted = needs(config)
    missing = missing_packages(wanted)
    for need in wanted:
        packages = " ".join(missing.get(need, ()))
        problem = f"{need} needs packages: apt-get install {packages}" if packages else None
        yield Check(f"packages for {need}", problem)
    yield _connections([backend for backend in local if not filters(backend)], wanted)


def _connections(without: list[BackendConfig], wanted: list[str]) -> Check:
    """Whether connections to the NFS and SMB ports are, or can be, filtered."""
    problem = unusable() if "firewall" in wanted and os.geteuid() == 0 else None
    remark = "fine"
    if without:
        names = ", ".join(backend.name for backend in without)
        remark = f"off for {names} (local_firewall): every address can connect"
    return Check("connection filter", problem, remark)


_NEEDS_ROOT = (
    "The local backend mounts file systems and runs NFS and SMB servers: start abaca as root."
)
_NEEDS_BTRFS = "This kernel has no btrfs: load the module (modprobe btrfs) or use another kernel."


def _refused(config: Config) -> str | None:
    if not config.refused:
        return None if config.backends else "No backend is enabled: set enabled_share_backends."
    return " ".join(f"Backend {name} cannot run: {why}" for name, why in config.refused.items())


def _has_btrfs() -> bool:
    return "btrfs" in Path("/proc/filesystems").read_text().split()


def _unwritable(path: Path) -> str | None:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not existing.is_dir():
        return f"{existing} is not a directory: choose another state_path (ABACA_STATE_DIR)."
    if os.access(existing, os.W_OK | os.X_OK):
        return None
    return f"{existing} cannot be written: choose another state_path (ABACA_STATE_DIR)."


def first_problem(config: Config, look: Callable[[Config], Iterator[Check]] = checks) -> str | None:
    """The first thing that stops abaca from serving, in one sentence.  A refused backend does
    not, as long as another one can run."""
    for check in look(config):
        if check.problem and (check.what != "configuration" or not config.backends):
            return check.problem
    return None


def _drift(config: Config) -> Iterator[Check]:
    """What the last comparison found; nothing before abaca has run here for the first time."""
    from abaca.model.errors import AbacaError
    from abaca.store import drift

    file = file_of(config)
    if file is not None and not file.exists():
        return
    try:
        with opened(config) as store, store.read() as tx:
            number = sum(look.findings for look in drift.looks(tx))
    except (AbacaError, click.ClickException) as error:
        yield Check("database", str(error))
        return
    problem = f"{number} differences between database and backends: see abaca drift"
    yield Check("drift", problem if number else None)


@click.command()
@click.option("--install", is_flag=True, help="Install the Debian packages that are missing.")
@click.option("--tests", is_flag=True, help="With --install: also what the test suite needs.")
@config_options
def doctor(install: bool, tests: bool) -> int:
    """Check this machine and say what is missing.

    Exits with 1 when the enabled backends could not run here.
    """
    config = load_config()
    if install:
        install_missing(config, Progress(), tests=tests)
    found = [*checks(config), *_drift(config)]
    table(
        ("checked", "result"),
        [(check.what, check.problem or check.remark) for check in found],
        [
            "green" if check.problem is None and check.remark == "fine" else "yellow"
            for check in found
        ],
    )
    return 1 if any(check.problem for check in found) else 0
