"""A click group that imports a sub-command when it is used, so that `abaca --help` stays fast."""

from __future__ import annotations

import importlib
import importlib.util
from typing import NamedTuple

import click


class Lazy(NamedTuple):
    """A sub-command before it is imported."""

    where: str  # module:function
    chapter: str  # heading in the help
    help: str


class LazyGroup(click.Group):
    """Sub-commands from a table of name -> Lazy; rows whose module is not there are left out."""

    def __init__(self, *args: object, table: dict[str, Lazy] | None = None, **kwargs: object):
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.table = table or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, row in self.table.items() if _is_there(row)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = self.table.get(cmd_name)
        if row is None or not _is_there(row):
            return None
        module, _, function = row.where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = _nearest(args[0], self.list_commands(ctx)) if args else ""
            raise click.UsageError(f"{error.message.rstrip('.')}.{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        chapters: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            row = self.table[name]
            chapters.setdefault(row.chapter, []).append((name, row.help))
        for chapter, rows in chapters.items():
            with formatter.section(chapter):
                formatter.write_dl(rows, col_max=20)


def _is_there(row: Lazy) -> bool:
    return importlib.util.find_spec(row.where.partition(":")[0]) is not None


def _nearest(word: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""
