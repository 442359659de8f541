"""The HTTP server in this process: its sockets, its TLS, its limits."""

from __future__ import annotations

import gc
import ipaddress
import resource
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abaca.web.gateway import Gateway, Wsgi
from abaca.web.limits import Limits
from abaca.web.server import Server

from .assembly import trusted_proxies
from .lifecycle import Flag, ignore_signals
from .workers import is_worker

if TYPE_CHECKING:
    from abaca.config import Config

URGENT = frozenset(("/healthcheck",))  # answered even while all threads are busy
OTHER_DESCRIPTORS = 1024  # for the database, backends, logs


def serve(app: Wsgi, config: Config, address: str, *, threads: int = 8, ended: Flag) -> None:
    """Serve until a signal sets `ended`; call it in the main thread.

    ClickException for a certificate that cannot be used.
    """
    tls = tls_context(config)
    where = (address, config.api_address[1])
    proxies = trusted_proxies(config)
    gateway = Gateway(app, address=where, scheme="https" if tls else "http", proxies=proxies)
    server = Server(
        gateway,
        [_listener(*where)],
        limits(config),
        threads=threads,
        proxies=proxies,
        tls=tls,
        urgent=URGENT,
        when_ended=ended.set,
    )
    _tune_garbage_collector()
    if ended.is_set():
        return
    server.start()
    try:
        ended.wait()
    finally:
        ignore_signals()
        server.stop()


def check_exposure(config: Config, address: str) -> None:
    """ClickException if other machines would reach the API without TLS, unless that is wanted."""
    if config.osapi_share_use_ssl or config.abaca.trusted_proxies or config.abaca.plain_http:
        return
    found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][4][0]
    if not ipaddress.ip_address(str(found).partition("%")[0]).is_loopback:
        raise click.ClickException(
            f"osapi_share_listen = {address} offers passwords and tokens to the network without "
            "TLS: set osapi_share_use_ssl with cert_file and key_file in [ssl], or [abaca] "
            "trusted_proxies to the addresses of a proxy that does TLS, or [abaca] plain_http = "
            "True to accept it, or listen on 127.0.0.1."
        )


def limits(config: Config) -> Limits:
    """As configured; never more connections than there are descriptors."""
    own = config.abaca
    return Limits(
        connections=min(own.api_connections, _descriptors(own.api_connections)),
        connections_per_address=own.api_connections_per_address,
        body=config.oslo_middleware.max_request_body_size,
        request_seconds=own.api_request_timeout,
        idle_seconds=own.api_idle_timeout,
    )


def _descriptors(wanted: int) -> int:
    """How many connections this process may open, after asking for as many as wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    more = min(wanted + OTHER_DESCRIPTORS, hard)
    if soft < more:
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
    return max(16, max(soft, more) - OTHER_DESCRIPTORS)


def _listener(address: str, port: int) -> socket.socket:
    """A bound socket; `::` takes IPv4 as well."""
    family, kind, protocol, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_worker():  # each has its own, the kernel distributes connections
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(where)
    return listener


def _tune_garbage_collector() -> None:
    """Leave the objects of the start out of garbage collection, and collect less often: it took a
    third of the CPU of a list of a thousand records."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def tls_context(config: Config) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the configured certificate; None if the API is served without."""
    certificate, key = tls_files(config)
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise click.ClickException(
            f"The TLS certificate {certificate} with key {key} cannot be used: {error}."
        ) from None
    return context


def _no_password() -> Any:
    raise ssl.SSLError("the key is encrypted, and abaca cannot be given its password")


def tls_files(config: Config) -> tuple[Path | None, Path | None]:
    """Certificate and key if the API shall be served over TLS."""
    if not config.osapi_share_use_ssl:
        return None, None
    section = config.section("ssl")
    files = [section.safe_get(name) for name in ("cert_file", "key_file")]
    if not all(files):
        raise click.ClickException(
            "osapi_share_use_ssl needs cert_file and key_file in section [ssl]."
        )
    return Path(files[0]), Path(files[1])
