"""`abaca project`: projects of the embedded identity, changed in the database directly."""

from __future__ import annotations

import click

from .common import config_options, table
from .directory import fail_unless_embedded, open_directory


@click.group()
@config_options
def project() -> None:
    """Projects of the embedded identity."""
    fail_unless_embedded()


@project.command("list")
@config_options
def list_projects() -> None:
    """Every project."""
    from abaca.model.identity import Project

    with open_directory() as directory:
        found = directory.find(Project)
    lines = [(one.name, one.id, "yes" if one.enabled else "no", one.description) for one in found]
    table(("name", "id", "enabled", "description"), lines)


@project.command()
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@config_options
def create(name: str, description: str) -> None:
    """Add a project."""
    from abaca.identity.directory import new_id
    from abaca.identity.settings import DEFAULT_DOMAIN
    from abaca.model.identity import Project

    made = Project(id=new_id(), domain_id=DEFAULT_DOMAIN, name=name, description=description)
    with open_directory("project.create", project=name) as directory:
        directory.add(made)
    click.echo(f"Project {made.name} {made.id} added.")


@project.command()
@click.argument("name")
@config_options
def enable(name: str) -> None:
    """Let the project be used again."""
    _switch(name, True)


@project.command()
@click.argument("name")
@config_options
def disable(name: str) -> None:
    """Keep everybody out of the project; its shares go on being served."""
    _switch(name, False)


@project.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Even if it has shares, which only admins see then.")
@config_options
def delete(name: str, force: bool) -> None:
    """Remove a project.

    With it go its role assignments and application credentials.
    """
    from abaca.model.identity import Project

    with open_directory("project.delete", project=name) as directory:
        found = directory.resolve(Project, name)
        shares = directory.shares_of(found.id)
        if shares and not force:
            raise click.UsageError(
                f"Project {found.name} has {shares} shares; delete them first, or use --force."
            )
        directory.remove(Project, found.id)
    click.echo(f"Project {found.name} removed.")


def _switch(name: str, enabled: bool) -> None:
    from abaca.model.identity import Project

    action = "project.enable" if enabled else "project.disable"
    with open_directory(action, project=name) as directory:
        found = directory.resolve(Project, name)
        directory.change(Project, found.id, enabled=enabled)
    click.echo(f"Project {found.name} {'enabled' if enabled else 'disabled'}.")
