"""The `abaca` command.

One file per sub-command, named in `COMMANDS` and imported when used.  Nothing slow is imported
here: `abaca --help` must answer at once.
"""

from __future__ import annotations

import click

from .common import config_options, fail
from .lazy import Lazy, LazyGroup

_RUN, _LOOK, _CHANGE = "Run", "Look", "Administer"

COMMANDS = {
    "serve": Lazy("abaca.cli.serve:serve", _RUN, "Everything in one process, until Ctrl-C."),
    "api": Lazy("abaca.cli.api:api", _RUN, "The API alone."),
    "manager": Lazy("abaca.cli.manager:manager", _RUN, "The manager of the backends alone."),
    "status": Lazy("abaca.cli.status:status", _LOOK, "What runs, what it does, what is wrong."),
    "operations": Lazy("abaca.cli.operations:operations", _LOOK, "What was done, step by step."),
    "doctor": Lazy("abaca.cli.doctor:doctor", _LOOK, "Check this machine and say what is missing."),
    "drift": Lazy("abaca.cli.drift:drift", _LOOK, "Where backends differ from the database."),
    "config": Lazy("abaca.cli.config_cmd:config", _LOOK, "Check and show the configuration."),
    "openapi": Lazy("abaca.cli.openapi:openapi", _LOOK, "Write the OpenAPI documents."),
    "db": Lazy("abaca.cli.db:db", _CHANGE, "The database: create, upgrade, copy, purge."),
    "user": Lazy("abaca.cli.user:user", _CHANGE, "Users of the embedded identity."),
    "project": Lazy("abaca.cli.project:project", _CHANGE, "Projects of the embedded identity."),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(package_name="abaca", prog_name="abaca")
@config_options
def abaca() -> None:
    """Shared file systems as a service: the Manila v2 API, nothing stuck, nothing lost.

    Without a configuration file one backend named "local" keeps shares on this machine.
    An existing manila.conf is read as it is; see what abaca makes of it:

    \b
        abaca --config-file /etc/manila/manila.conf config check
    """


def main(args: list[str] | None = None) -> int:
    """Entry point of the `abaca` script; returns the exit status."""
    from abaca.model.errors import AbacaError

    try:
        result = abaca.main(args, prog_name="abaca", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except AbacaError as error:
        return fail(error.message)
    except OSError as error:
        if error.filename is None:
            raise
        return fail(f"{error.filename}: {error.strerror}.")
    return result if isinstance(result, int) else 0
