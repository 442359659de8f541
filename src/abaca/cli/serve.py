"""`abaca serve`: API, identity and all backends in one process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import click

from .common import config_options, fail, load_config
from .progress import Progress

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.manager.process import Manager

    from .lifecycle import Flag

LOOK_SECONDS = 0.05


@click.command()
@click.option("--first-share", metavar="NAME", help="Make a share and write a file into it.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API instead of 8786.")
@click.option("--install", is_flag=True, help="First install the Debian packages that are missing.")
@click.option("--stop-exports", is_flag=True, help="End the exports of all backends, then leave.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@config_options
def serve(
    first_share: str | None, port: int | None, install: bool, stop_exports: bool, quiet: bool
) -> int:
    """Everything in one process, until Ctrl-C.

    The first start makes the database, an administrator (see clouds.yaml in the state
    directory) and the storage pool; the next ones find them.

    Exports go on serving when abaca ends, and are taken over when it starts again; with
    --stop-exports they are ended instead.
    """
    from . import doctor, lifecycle

    started = time.monotonic()
    ended = lifecycle.end_on_signals()
    try:
        config = load_config({"osapi_share_listen_port": port} if port else None)
        progress = Progress(quiet or bool(config.use_stderr))
        if install:
            from .packages import install_missing

            install_missing(config, progress, first_share=first_share is not None)
        problem = doctor.first_problem(config)
        if problem:
            return fail(problem)
        with lifecycle.only_one(config.state_path):
            if stop_exports:
                return _stop_exports(config)
            return _Serving(config, progress, first_share, ended, started).run()
    except lifecycle.Ending:
        return 0


class _Serving:
    """One run of `abaca serve`."""

    def __init__(
        self,
        config: Config,
        progress: Progress,
        first_share: str | None,
        ended: Flag,
        started: float,
    ) -> None:
        self.config = config
        self.progress = progress
        self.first_share = first_share
        self.ended = ended
        self.started = started

    def run(self) -> int:
        from . import assembly, clouds, first_run, http, lifecycle, logs

        config, progress = self.config, self.progress
        address = lifecycle.check_port(*config.api_address)
        http.check_exposure(config, address)
        logs.set_up(config, in_file=True)
        progress.say("state", str(config.state_path))
        store = assembly.open_store(config)
        progress.say("database", store.url.render_as_string(hide_password=True))
        env = first_run.make_default_type(assembly.make_env(config, store))
        if config.auth == "embedded":
            clouds.make_identity(config, store)
        app = assembly.make_app(config, store, env)
        manager = assembly.make_manager(config, store, env)
        names = ", ".join(backend.name for backend in manager.backends)
        announcer = threading.Thread(
            target=self._announce, args=(manager,), name="announce", daemon=True
        )
        try:
            manager.start()
            progress.working("backend", f"starting {names}")
            announcer.start()
            http.serve(app, config, address, ended=self.ended)
        except lifecycle.Ending:
            pass
        finally:
            lifecycle.ignore_signals()
            lifecycle.tell_systemd("STOPPING=1")
            progress.say("stopping", "exports go on serving; abaca serve --stop-exports ends them")
            manager.stop(lifecycle.DRAIN_SECONDS)
            store.close()
        lifecycle.leave()

    def _announce(self, manager: Manager) -> None:
        """Wait for the backends, saying once why one is late; then tell how to go on."""
        from . import first_run, lifecycle

        said: dict[str, str] = {}
        lifecycle.tell_systemd("READY=1")
        while not manager.ready(LOOK_SECONDS):
            if self.ended.is_set():
                return
            for backend in manager.backends:
                problem = backend.problem or ""
                if problem not in (said.get(backend.name), "", NOT_YET):
                    said[backend.name] = problem
                    reason = problem.partition(": ")[2] or problem
                    self.progress.warn(
                        "backend", f"{backend.name} is not ready, abaca keeps trying: {reason}"
                    )
        for backend in manager.backends:
            self.progress.say("backend", f"{backend.name} is up")
        if self.first_share:
            first_run.first_share(self.config, self.first_share, self.progress)
        if self.ended.is_set():
            return
        first_run.introduce(self.config, self.progress)
        seconds = time.monotonic() - self.started
        self.progress.say("ready", f"after {seconds:.1f} s; serving until Ctrl-C")


NOT_YET = "not set up yet"


def _stop_exports(config: Config) -> int:
    from abaca.drivers.contract.context import DriverContext
    from abaca.model.context import system_context

    from . import assembly
    from .database import file_of

    file = file_of(config)
    if file is not None and not file.exists():
        return fail(f"abaca has never run on {config.state_path}: there are no exports to end.")
    store = assembly.open_store(config)
    try:
        for backend in assembly.make_backends(config, store):
            stop: Any = getattr(backend.driver, "stop_exports", None)
            if stop is None:
                click.echo(f"{backend.name}: its exports are not abaca's to end.")
                continue
            backend.driver.do_setup(DriverContext(system_context()))
            stop()
            click.echo(f"{backend.name}: exports have ended.")
    finally:
        store.close()
    return 0
