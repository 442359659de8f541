"""`abaca manager`: the backends without the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import config_options, fail, load_config

if TYPE_CHECKING:
    from abaca.config import Config

    from .lifecycle import Flag


@click.command()
@config_options
def manager() -> int:
    """The backends alone: does what `abaca api` has put on record.

    A second manager with the same `host` and backends stands by, and takes over seconds after
    the first one has died. Backends of other hosts are other names, and work side by side.
    """
    from . import doctor, lifecycle

    ended = lifecycle.end_on_signals()
    try:
        config = load_config()
        problem = doctor.first_problem(config)
        if problem:
            return fail(problem)
        return _run(config, ended)
    except lifecycle.Ending:
        return 0


def _run(config: Config, ended: Flag) -> int:
    import structlog

    from . import assembly, lifecycle, logs

    logs.set_up(config)
    log = structlog.get_logger("abaca.manager")
    store = assembly.open_store(config)
    running = assembly.make_manager(config, store, assembly.make_env(config, store))
    try:
        running.start()
        log.info("manager.started", backends=[backend.host for backend in running.backends])
        lifecycle.tell_systemd("READY=1")
        ended.wait()
    except lifecycle.Ending:
        pass
    finally:
        lifecycle.ignore_signals()
        lifecycle.tell_systemd("STOPPING=1")
        running.stop(lifecycle.DRAIN_SECONDS)
        log.info("manager.stopped")
        store.close()
    lifecycle.leave()
