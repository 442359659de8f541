"""`abaca status`: what runs, what it does, what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import config_options, load_config, table
from .database import opened

if TYPE_CHECKING:
    from .status_facts import Facts, OperationLine

_STATES = {"up": "green", "down": "red", "stopped": "yellow"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--hours", default=24.0, show_default=True, help="How far failures look back.")
@config_options
def status(as_json: bool, hours: float) -> int:
    """What runs, what it does, what is wrong.

    Reads the database, so it also works while no service answers. Exits with 1 when a service is
    down.
    """
    import msgspec

    from abaca.store.migrate import HEAD

    from . import assembly
    from .status_facts import gather

    config = load_config()
    with opened(config) as store:
        facts = gather(store, assembly.settings(config), HEAD, hours)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(facts)))
    else:
        _print(facts, hours)
    return int(any(service.state == "down" for service in facts.services))


def _print(facts: Facts, hours: float) -> None:
    click.echo(f"database  {facts.database}, version {facts.version}\n")
    table(
        ("service", "host", "zone", "state", "placement", "last seen"),
        [
            (
                service.name,
                service.host,
                service.zone,
                service.state,
                "enabled" if service.enabled else "disabled",
                f"{_span(service.seconds_ago)} ago",
            )
            for service in facts.services
        ],
        [_STATES[service.state] for service in facts.services],
    )
    for service in facts.services:
        if service.problem:
            click.echo(f"backend {service.host} is left alone: {service.problem}")
    click.echo()
    table(
        ("pool", "total GiB", "free GiB", "promised GiB", "shares"),
        [
            (
                pool.name,
                _gib(pool.total_gb),
                _gib(pool.free_gb),
                _gib(pool.allocated_gb),
                pool.shares,
            )
            for pool in facts.pools
        ],
    )
    click.echo()
    table(
        ("queue", "worker", "lease", "epoch"),
        [
            (
                lease.queue,
                lease.owner or "nobody",
                f"{lease.seconds_left:.1f} s left" if lease.seconds_left else "over",
                lease.epoch,
            )
            for lease in facts.leases
        ],
    )
    click.echo()
    _print_operations("in work", facts.live)
    _print_operations("failed", facts.failed)
    shares = ", ".join(f"{count} {status}" for status, count in sorted(facts.shares.items()))
    click.echo(f"shares      {shares or 'none'}")
    counts = facts.operations
    click.echo(
        f"operations  {counts['running']} running, {counts['queued']} queued, "
        f"{counts['failed']} failed in the last {hours:g} hours"
    )


def _print_operations(heading: str, lines: list[OperationLine]) -> None:
    if not lines:
        return
    table(
        (heading, "operation", "of", "on", "age", "attempt", "message"),
        [
            (
                line.state if line.progress is None else f"{line.state} {line.progress} %",
                f"{line.id} {line.kind}",
                line.resource,
                line.host,
                _span(line.age_seconds),
                line.attempt,
                line.message,
            )
            for line in lines
        ],
    )
    click.echo()


def _gib(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}".removesuffix(".0")


def _span(seconds: float) -> str:
    """3 s, 5 min, 2 h, 4 d"""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
