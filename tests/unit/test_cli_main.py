"""The abaca command as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from abaca.cli import COMMANDS, abaca, main
from abaca.cli.common import printable
from abaca.cli.lazy import Lazy, LazyGroup

HEAVY = ("oslo_config", "sqlalchemy", "falcon", "rich", "abaca.config")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "abaca --config-file /etc/manila/manila.conf config check" in out
    assert "Check and show the configuration." in out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, abaca.cli\nabaca.cli.main(['--help'])\n"
        f"assert not [m for m in {HEAVY!r} if m in sys.modules], sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_commands_whose_module_is_missing_are_not_offered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = {
        "config": COMMANDS["config"],
        "ghost": Lazy("abaca.cli.no_such_module:ghost", "Look", "Not there."),
    }
    group = LazyGroup(table=table, name="x")
    context = click.Context(group)
    assert group.list_commands(context) == ["config"]
    assert group.get_command(context, "ghost") is None


@pytest.mark.parametrize("name", abaca.list_commands(click.Context(abaca)))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "Usage: abaca " + name in capsys.readouterr().out


def _walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from _walk(command, (*path, name))


@pytest.mark.parametrize(
    "command", [pytest.param(command, id=path) for path, command in _walk(abaca)]
)
def test_help_says_what_each_option_is_for_and_what_is_special_first(
    command: click.Command,
) -> None:
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert all(option.help for option in options)
    names = [option.name for option in options]
    if "config_file" in names:
        assert names[-2:] == ["config_file", "config_dir"]
    assert not command.get_short_help_str(limit=68).endswith("...")


def test_a_mistyped_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confg"]) == 2
    assert "Did you mean config?" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("abaca, version ")


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    captured = capsys.readouterr()
    assert "Usage: abaca" in captured.out + captured.err


def test_printable() -> None:
    assert printable("a\x1b[31m\nb") == r"a\x1b[31m\nb"
    assert printable(None) == ""
    assert printable("é") == "é"
