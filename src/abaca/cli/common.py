"""What sub-commands share: finding the configuration, and printing tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from abaca.config import Config

F = TypeVar("F", bound=Callable[..., Any])

_FILES, _DIRS = "abaca.config_files", "abaca.config_dirs"


def _remember(ctx: click.Context, param: click.Parameter, value: tuple[Path, ...]) -> None:
    key = _FILES if param.name == "config_file" else _DIRS
    ctx.meta.setdefault(key, []).extend(value)


def config_options(command: F) -> F:
    """Add --config-file and --config-dir; `load_config` finds what they were given.

    They may stand before or after the name of a sub-command that has them.
    """
    for name, help in (
        ("--config-dir", "Also read the *.conf files of this directory. Repeatable."),
        (
            "--config-file",
            "Read this file; later ones win. Repeatable. Default: $ABACA_CONFIG_FILE or "
            "/etc/abaca/abaca.conf.",
        ),
    ):
        command = click.option(
            name,
            multiple=True,
            metavar="PATH",
            type=click.Path(path_type=Path),
            callback=_remember,
            expose_value=False,
            help=help,
        )(command)
    return command


def config_sources() -> tuple[list[Path] | None, list[Path] | None]:
    """What --config-file and --config-dir were given, for `abaca.config.load(*...)`."""
    meta = click.get_current_context().meta
    return meta.get(_FILES) or None, meta.get(_DIRS) or None


def load_config(overrides: dict[str, Any] | None = None) -> Config:
    """The configuration of this command; ConfigError if it cannot be used."""
    from abaca.config import load

    return load(*config_sources(), overrides)


def fail(message: str) -> int:
    """One clear sentence to standard error; the exit status to return."""
    click.secho("Error: ", fg="red", nl=False, err=True)
    click.echo(message, err=True)
    return 1


def printable(value: Any) -> str:
    """A value on one line, without control characters."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    styles: Sequence[str] | None = None,
) -> None:
    """Print rows: a table on a terminal, aligned columns of plain text elsewhere.

    `styles` holds one rich style per row.
    """
    cells = [[printable(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _rich(headings, cells, styles)
    else:
        _plain([list(headings), *cells])


def _plain(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _rich(headings: Sequence[str], rows: list[list[str]], styles: Sequence[str] | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for at, row in enumerate(rows):
        shown.add_row(*map(Text, row), style=styles[at] if styles else None)
    Console().print(shown)
