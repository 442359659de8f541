"""`abaca api`: the HTTP API without backends; any number of them on one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import config_options, load_config

if TYPE_CHECKING:
    from abaca.config import Config

    from .lifecycle import Flag


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API instead of 8786.")
@config_options
def api(port: int | None) -> int:
    """The API alone, and the embedded identity if that is configured.

    With osapi_share_workers above 1 it is so many processes on one port.

    Run as many as you like on one PostgreSQL database, and put a load balancer in front. The
    backends are served by `abaca manager`, in other processes or on other hosts.
    """
    from . import assembly, http, lifecycle, logs, workers

    ended = lifecycle.end_on_signals()
    try:
        config = load_config({"osapi_share_listen_port": port} if port else None)
        if workers.is_worker():
            workers.follow_parent()
            return _run(config, lifecycle.listen_address(config.api_address[0]), ended)
        address = lifecycle.check_port(*config.api_address)
        http.check_exposure(config, address)
        if config.osapi_share_workers > 1:
            logs.set_up(config)
            assembly.open_store(config).close()  # one makes the tables, not each
            return workers.keep(config.osapi_share_workers, ended)
        return _run(config, address, ended)
    except lifecycle.Ending:
        return 0


def _run(config: Config, address: str, ended: Flag) -> int:
    import structlog

    from . import assembly, clouds, first_run, http, lifecycle, logs

    logs.set_up(config)
    log = structlog.get_logger("abaca.api")
    store = assembly.open_store(config)
    env = first_run.make_default_type(assembly.make_env(config, store))
    if config.auth == "embedded":
        clouds.make_identity(config, store)
    app = assembly.make_app(config, store, env)
    log.info("api.serving", url=assembly.public_url(config), auth=config.auth)
    lifecycle.tell_systemd("READY=1")
    try:
        http.serve(app, config, address, ended=ended)
    except lifecycle.Ending:
        pass
    finally:
        lifecycle.ignore_signals()
        lifecycle.tell_systemd("STOPPING=1")
        log.info("api.stopped")
        store.close()
    lifecycle.leave()
