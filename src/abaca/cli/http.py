"""The HTTP server: Granian, in this process and its threads."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian.constants import Interfaces
from granian.server.mt import MTServer

from .lifecycle import Flag

if TYPE_CHECKING:
    from abaca.config import Config

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
STOP_SECONDS = 1.0  # a client that keeps its connection open does not keep us


class Server(MTServer):  # type: ignore[misc]
    """Granian's threaded server.  It insists on an interpreter without GIL because only there it
    scales; for us one process that holds API and manager is worth more than a second core."""

    signal_handler_reload = None  # SIGHUP is not its business

    def __init__(self, ended: Flag, **options: Any) -> None:
        super().__init__("abaca", **options)
        self.main_loop_interrupt = ended

    def signal_handler_interrupt(self, *given: Any) -> None:
        self.main_loop_interrupt.set()

    def _serve_loop(self, *given: Any) -> None:
        self.main_loop_interrupt.wait()  # set when the worker fails, too

    def _check_gil(self) -> None:
        """Either kind of interpreter will do."""

    def _stop_workers(self) -> None:
        for worker in self.wrks:
            worker.terminate()
        for worker in self.wrks:
            worker.join(STOP_SECONDS)
        self.wrks.clear()


def serve(app: Wsgi, config: Config, address: str, *, threads: int = 8, ended: Flag) -> None:
    """Serve until a signal sets `ended`; call it in the main thread.

    ClickException for a certificate that cannot be used.
    """
    server = _server(config, address, threads, ended)
    _calm_collector()
    if not ended.is_set():
        server.serve(target_loader=lambda *a, **k: app, wrap_loader=False)


def _calm_collector() -> None:
    """What the start has made stays; a page of a thousand records is no reason to look through
    all of it (a third of the CPU of such a list)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _server(config: Config, address: str, threads: int, ended: Flag) -> Server:
    import ssl

    import click
    from granian.constants import SSLProtocols

    certificate, key = tls_files(config)
    try:
        return Server(
            ended,
            address=address,
            port=config.api_address[1],
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=threads,
            log_enabled=False,
            ssl_cert=certificate,
            ssl_key=key,
            ssl_protocol_min=SSLProtocols.tls12,
        )
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(
            f"The TLS certificate {certificate} with key {key} cannot be used: {error}."
        ) from None


def tls_files(config: Config) -> tuple[Path | None, Path | None]:
    """Certificate and key if the API shall be served over TLS."""
    if not config.osapi_share_use_ssl:
        return None, None
    import click

    section = config.section("ssl")
    files = [section.safe_get(name) for name in ("cert_file", "key_file")]
    if not all(files):
        raise click.ClickException(
            "osapi_share_use_ssl needs cert_file and key_file in section [ssl]."
        )
    return Path(files[0]), Path(files[1])
