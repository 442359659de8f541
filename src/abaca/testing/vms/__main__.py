"""python -m abaca.testing.vms: a simulated array to try the driver with by hand."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import click

from abaca.testing.vms.array import Array
from abaca.testing.vms.faults import KINDS
from abaca.testing.vms.server import start
from abaca.testing.vms.state import SETTINGS

_DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
_SERVED = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A simulator of a VAST cluster's management API, over HTTPS."""


@main.command()
@_DIRECTORY
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option("--port", default=8443, show_default=True, type=click.IntRange(0, 65535))
@click.option("--user", default=SETTINGS["user"], show_default=True)
@click.option("--password", default=SETTINGS["password"], show_default=True)
@click.option("--pool", default="vippool-1", show_default=True, help="Name of the VIP pool.")
@click.option("--vip", default="192.0.2.10", show_default=True, help="Its address.")
@click.option("--token-seconds", default=3600.0, show_default=True, help="Life of a token.")
@click.option("--clone-seconds", default=5.0, show_default=True, help="What a clone takes.")
def serve(
    directory: Path,
    listen: str,
    port: int,
    user: str,
    password: str,
    pool: str,
    vip: str,
    token_seconds: float,
    clone_seconds: float,
) -> None:
    """Serve the array of DIRECTORY until Ctrl-C.

    It is made if it is not there. What it holds stays.
    """
    settings = {"token_seconds": token_seconds, "clone_seconds": clone_seconds}
    try:
        running = start(directory, listen, port, user=user, password=password, **settings)
    except OSError as error:
        raise click.ClickException(f"{listen}, port {port}: {error.strerror}") from error
    running.array.add_pool(pool, (vip, vip))
    options = {
        "vast_mgmt_host": listen,
        "vast_mgmt_port": running.port,
        "vast_mgmt_user": user,
        "vast_mgmt_password": password,
        "vast_vippool_name": pool,
        "vast_ssl_ca": running.ca.absolute(),
    }
    for name, value in options.items():
        click.echo(f"{name} = {value}")
    click.echo("ready")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        running.server.close()


@main.command()
@_SERVED
@click.option("--last", default=20, show_default=True, help="How many requests.")
def log(directory: Path, last: int) -> None:
    """The requests that the array in DIRECTORY was sent."""
    for request in Array(directory).requests()[-last:]:
        spoilt = f"  ({request['fault']})" if request["fault"] else ""
        query = f"?{request['query']}" if request["query"] else ""
        line = f"{request['status']} {request['method']} {request['path']}{query}"
        click.echo(f"{line} {request['body']}{spoilt}")


@main.command()
@_SERVED
@click.argument("kind", type=click.Choice([kind for kind in KINDS if kind != "kill"]))
@click.option("--after", default=0, show_default=True, help="Requests that are left alone first.")
@click.option("--times", default=1, show_default=True, help="Requests that are hit.")
@click.option("--seconds", default=5.0, show_default=True, help="Of slow.")
def fault(directory: Path, kind: str, after: int, times: int, seconds: float) -> None:
    """Have the array in DIRECTORY fail."""
    argument: dict[str, Any] = {"seconds": seconds} if kind == "slow" else {}
    Array(directory).fault(kind, after=after, times=times, **argument)


if __name__ == "__main__":
    main()
