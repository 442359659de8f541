"""`abaca operations`: what was done, by whom, and how long each step took."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from abaca.model.operations import FAILED_STEP

from .common import config_options, load_config, table
from .database import opened

if TYPE_CHECKING:
    from abaca.model.operations import Operation
    from abaca.store.engine import Store

_COLORS = {"done": "green", "failed": "red", "unknown": "red", "cancelled": "yellow"}


@click.command()
@click.argument("share", required=False)
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10000), help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_options
def operations(share: str | None, limit: int, as_json: bool) -> None:
    """What was done lately, or everything done to SHARE with its steps.

    SHARE is the id of a share or snapshot, also of one that is deleted, or the name of a share.
    Reads the database, so it also works while no service answers.
    """
    import msgspec

    with opened(load_config()) as store:
        found = _found(store, share, limit)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    _print_list(found)
    if share is not None:
        for op in found:
            _print_steps(op)


def _found(store: Store, share: str | None, limit: int) -> list[Operation]:
    from abaca.operations import timeline
    from abaca.service.operations import SHARE, SNAPSHOT
    from abaca.store import shares

    with store.read() as tx:
        if share is None:
            return timeline.recent(tx, limit)
        ids = shares.ids_named(tx, share) or [share]
        if len(ids) > 1:
            raise click.ClickException(
                f"{len(ids)} shares are called {share!r}; give an id: {', '.join(ids[:5])}."
            )
        for kind in (SHARE, SNAPSHOT):
            if found := timeline.of_resource(tx, (kind, ids[0]), limit=limit):
                return found
    raise click.ClickException(f"Nothing is known of a share or snapshot {share!r}.")


def _print_list(found: list[Operation]) -> None:
    table(
        ("asked at", "operation", "of", "by", "on", "state", "took", "retries", "message"),
        [
            (
                op.created_at[:23],
                f"{op.id} {op.kind}",
                f"{op.resource_type.lower()} {op.resource_id}",
                op.user_id or "abaca",
                op.host or "(to be placed)",
                op.state,
                _took(op),
                op.retries,
                op.message,
            )
            for op in found
        ],
        [_COLORS.get(op.state, "") for op in found],
    )


def _print_steps(op: Operation) -> None:
    """Times are seconds since it was asked for."""
    click.echo(f"\n{op.id} {op.kind}, request {op.request_id}")
    table(
        ("after", "step", "took", "outcome", "detail"),
        [
            (
                f"{_seconds(op.created_at, step.at):.3f} s",
                step.name,
                "" if step.seconds is None else f"{step.seconds:.3f} s",
                step.outcome,
                step.detail,
            )
            for step in op.steps
        ],
        ["red" if step.outcome == FAILED_STEP else "" for step in op.steps],
    )


def _took(op: Operation) -> str:
    return f"{_seconds(op.created_at, op.finished_at):.3f} s" if op.finished_at else ""


def _seconds(first: str, second: str) -> float:
    span = datetime.fromisoformat(second) - datetime.fromisoformat(first)
    return span.total_seconds()
