"""`abaca drift`: where backends differ from the database, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .common import config_options, load_config, table
from .database import opened

if TYPE_CHECKING:
    from abaca.service.env import Env


@contextlib.contextmanager
def _env() -> Iterator[Env]:
    """The database of this configuration; the manager is woken by what is written there."""
    import msgspec

    from abaca.service.bootstrap import DEFAULT_TYPE
    from abaca.service.env import Env

    from . import assembly

    config = load_config()
    with opened(config) as store:
        settings = assembly.settings(config)
        share_type = settings.default_share_type or DEFAULT_TYPE
        yield Env(store, msgspec.structs.replace(settings, default_share_type=share_type))


@click.group(invoke_without_command=True)
@click.option("--host", help="Of this host@backend only.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="At most.")
@click.option("--marker", help="Only what comes after the finding with this id.")
@config_options
@click.pass_context
def drift(ctx: click.Context, host: str | None, limit: int, marker: str | None) -> int:
    """Where backends differ from the database, as of the last comparison.

    Exits with 1 when something does.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from abaca.api.paging import Page
    from abaca.model.context import system_context
    from abaca.service import drift as service

    page = Page(limit=limit, marker=marker)
    with _env() as env:
        report = service.find(env, system_context(), host, page)
    table(
        ("backend", "looked at", "result"),
        [
            (look.host, look.looked_at, look.problem or f"{look.findings} differences")
            for look in report.looks
        ],
    )
    if report.findings:
        click.echo()
        table(
            ("id", "resource", "on the backend", "expected", "found", "proposed", "problem"),
            [
                (
                    found.id,
                    f"{found.resource_type.lower()} {found.resource_id or ''}",
                    found.backend_id,
                    found.expected,
                    found.found,
                    f"{found.action}: {found.proposal}",
                    found.problem,
                )
                for found in report.findings
            ],
        )
    if len(report.findings) == limit:
        click.echo(f"\nThere may be more: abaca drift --marker {report.findings[-1].id}")
    return int(any(look.findings for look in report.looks))


_YES = click.option("--yes", is_flag=True, help="Do it; otherwise only say what would be done.")


@drift.command()
@click.argument("ids", nargs=-1)
@click.option("--host", help="Of this host@backend only.")
@_YES
@config_options
def repair(ids: tuple[str, ...], host: str | None, yes: bool) -> int:
    """Repair findings, or all: make the backend what the database says.

    What has no row in the database is adopted instead, see `abaca drift adopt`.
    """
    from abaca.model.context import system_context
    from abaca.service import drift as service

    with _env() as env:
        steps = service.repair(env, system_context(), ids=ids or None, host=host, dry_run=not yes)
    table(
        ("id", "resource", "action", "operation"),
        [
            (
                step.finding.id,
                step.finding.resource_id or step.finding.backend_id,
                f"{step.finding.action}: {step.finding.proposal}",
                step.operation_id or "none",
            )
            for step in steps
        ],
    )
    return 0


@drift.command()
@click.argument("finding_id", metavar="ID")
@click.option("--project", required=True, help="Name or id of the project that gets it.")
@click.option("--name", help="Name of the share or snapshot.")
@click.option("--share-type", help="Name or id; otherwise the default one.")
@click.option("--pool", help="Where it is, if the backend has several pools.")
@_YES
@config_options
def adopt(
    finding_id: str,
    project: str,
    name: str | None,
    share_type: str | None,
    pool: str | None,
    yes: bool,
) -> int:
    """Give a row to what has none: the same data, no rules."""
    from abaca.model.context import system_context
    from abaca.service import drift as service

    with _env() as env:
        made = service.adopt(
            env,
            system_context(),
            finding_id,
            service.Adoption(
                name=name,
                share_type=share_type,
                project_id=_project(env, project),
                pool=pool,
                dry_run=not yes,
            ),
        )
    kind, was = made.finding.resource_type.lower(), made.finding.backend_id
    what = f"{kind} {was} of {made.host}, for project {made.project_id}"
    click.echo(f"Adopting {what}: {made.resource_id}" if yes else f"Would adopt {what}.")
    return 0


def _project(env: Env, name_or_id: str) -> str:
    """The id of a project of the embedded identity; with another identity, what was given."""
    from abaca.model.identity import Project
    from abaca.store import identity

    with env.store.read() as tx:
        found = identity.named(tx, Project, name_or_id)
    return found.id if found else name_or_id
