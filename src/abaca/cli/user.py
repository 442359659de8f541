"""`abaca user`: users of the embedded identity, changed in the database directly.

For the administrator of the machine: it needs no token, so it also helps after a lost password.
"""

from __future__ import annotations

import sys

import click

from .common import config_options, table
from .directory import fail_unless_embedded, open_directory

PASSWORD_HELP = "Better left out: then it is asked for, or read from standard input."


@click.group()
@config_options
def user() -> None:
    """Users of the embedded identity."""
    fail_unless_embedded()


@user.command("list")
@config_options
def list_users() -> None:
    """Everybody, with their roles on projects."""
    from abaca.model.identity import Project, Role, User

    with open_directory() as directory:
        projects = {one.id: one.name for one in directory.find(Project)}
        roles = {one.id: one.name for one in directory.find(Role)}
        lines = []
        for one in directory.find(User):
            given = directory.assigned(user_id=one.id)
            where = sorted(
                f"{roles[each.role_id]} on {projects.get(each.target_id, each.scope)}"
                for each in given
            )
            lines.append((one.name, one.id, "yes" if one.enabled else "no", ", ".join(where)))
        table(("name", "id", "enabled", "roles"), lines)


@user.command()
@click.argument("name")
@click.option("--password", help=PASSWORD_HELP)
@click.option("--project", help="Where a login without project goes; the user gets the role there.")
@click.option("--role", default="member", show_default=True, help="Role on that project.")
@click.option("--email", help="Kept, and shown; abaca sends none.")
@config_options
def create(
    name: str, password: str | None, project: str | None, role: str, email: str | None
) -> None:
    """Add a user."""
    from abaca.model.identity import Project, Role

    with open_directory("user.create", user=name, project=project, role=role) as directory:
        home = directory.resolve(Project, project) if project else None
        kept = directory.resolve(Role, role) if home else None
        made = directory.add_user(
            name,
            _password(password),
            email=email,
            default_project_id=home.id if home else None,
        )
        if home and kept:
            directory.grant_on(made, home, kept)
    click.echo(f"User {made.name} {made.id} added" + (f", {role} of {project}." if home else "."))


@user.command()
@click.argument("name")
@click.option("--password", help=PASSWORD_HELP)
@config_options
def password(name: str, password: str | None) -> None:
    """Set a password; every token of the user ends."""
    from abaca.model.identity import User

    with open_directory("user.password", user=name) as directory:
        found = directory.resolve(User, name)
        directory.change_user(found.id, password=_password(password))
    click.echo(f"Password of {found.name} set; their tokens have ended.")


@user.command()
@click.argument("name")
@config_options
def enable(name: str) -> None:
    """Let a user log in again."""
    _switch(name, True)


@user.command()
@click.argument("name")
@config_options
def disable(name: str) -> None:
    """Keep a user out; every token of theirs ends."""
    _switch(name, False)


@user.command()
@click.argument("name")
@click.argument("role")
@click.argument("project")
@config_options
def grant(name: str, role: str, project: str) -> None:
    """Give NAME the ROLE on PROJECT."""
    with open_directory("user.grant", user=name, role=role, project=project) as directory:
        directory.grant_on(*directory.triple(name, project, role))
    click.echo(f"{name} is {role} of {project}.")


@user.command()
@click.argument("name")
@click.argument("role")
@click.argument("project")
@config_options
def revoke(name: str, role: str, project: str) -> None:
    """Take the ROLE on PROJECT from NAME."""
    with open_directory("user.revoke", user=name, role=role, project=project) as directory:
        directory.withdraw_on(*directory.triple(name, project, role))
    click.echo(f"{name} is no longer {role} of {project}.")


@user.command()
@click.argument("name")
@config_options
def delete(name: str) -> None:
    """Remove a user and their application credentials.  Their shares stay with the project."""
    from abaca.model.identity import User

    with open_directory("user.delete", user=name) as directory:
        found = directory.resolve(User, name)
        directory.remove(User, found.id)
    click.echo(f"User {found.name} removed.")


def _switch(name: str, enabled: bool) -> None:
    from abaca.model.identity import User

    action = "user.enable" if enabled else "user.disable"
    with open_directory(action, user=name) as directory:
        found = directory.resolve(User, name)
        directory.change_user(found.id, enabled=enabled)
    click.echo(f"User {found.name} {'enabled' if enabled else 'disabled'}.")


def _password(given: str | None) -> str:
    if given is None and sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    elif given is None:
        given = sys.stdin.readline().rstrip("\n")
    return str(given)
