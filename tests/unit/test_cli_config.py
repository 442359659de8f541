"""abaca config check, abaca config show."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from abaca.cli import main

BIG = Path(__file__).with_name("config_manila.conf")
FAKE = "abaca.drivers.fake.driver.FakeShareDriver"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ABACA_STATE_DIR", "ABACA_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.conf"
    path.write_text(
        f"[DEFAULT]\nenabled_share_backends = x\nzzz = 1\n[x]\nshare_driver = {FAKE}\n"
        "[database]\nconnection = postgresql://u:SECRET@h/d\n"
    )
    return str(path)


def test_check_names_every_option_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-file", str(BIG), "config", "check"]) == 1
    out = capsys.readouterr().out
    for number, line in enumerate(BIG.read_text().splitlines(), start=1):
        if line and line[0].islower():
            name = line.split("=")[0].strip()
            (row,) = [r.split() for r in out.splitlines() if f"config_manila.conf:{number} " in r]
            assert row[2] == name
    assert "backend lvm1: cannot run" in out
    assert "PASS" not in out


def test_check_of_good_files(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config-file", good]) == 0
    out = capsys.readouterr().out
    assert "backend x: " + FAKE in out
    assert "3 ok, 1 unknown" in out


def test_strict_fails_on_unknown_options(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--config-file", good, "check", "--strict", "--problems"]) == 1
    out = capsys.readouterr().out
    assert "zzz" in out and "share_driver " not in out


def test_check_as_json(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["config", "check", "--json", "--config-file", good])
    said = json.loads(capsys.readouterr().out)
    assert said["options"][1] == {
        "section": "DEFAULT",
        "name": "zzz",
        "mark": None,
        "verdict": "unknown",
        "remark": "no such option",
        "file": good,
        "line": 3,
    }
    assert said["backends"] == {"x": FAKE}


def test_check_without_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("abaca.config.loading.SEARCHED", (tmp_path / "no",))
    assert main(["config", "check"]) == 0
    assert "the embedded defaults hold" in capsys.readouterr().out


def test_show(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--config-file", good]) == 0
    out = capsys.readouterr().out
    assert "postgresql://u:****@h/d" in out
    assert "scheduler_max_attempts" in out and "fake_latency" in out
    assert "SECRET" not in out


def test_show_one_section_and_only_what_is_set(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "x", "--changed", "--json", "--config-file", good]) == 0
    assert json.loads(capsys.readouterr().out) == {"x": {"share_driver": FAKE}}
    assert main(["config", "show", "nowhere", "--config-file", good]) == 2
    assert "no section nowhere" in capsys.readouterr().err


def test_show_defaults_is_the_table_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--defaults"]) == 0
    out = capsys.readouterr().out
    assert "seconds a user message is kept" in out


def test_on_a_terminal_a_rich_table(
    good: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["config", "check", "--config-file", good]) == 0
    assert "zzz" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_file_that_is_not_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", command, "--config-file", "/no/such.conf"]) == 1
    assert capsys.readouterr().err == (
        "Error: The configuration file /no/such.conf does not exist.\n"
    )


def test_markup_and_escapes_in_a_file_do_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[DEFAULT]\nx[red]\x1b[31m[/red] = 1\nosapi_max_limit = [bold]\x1b[0m\n")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["config", "check", "--config-file", str(path)]) == 1
    out = capsys.readouterr().out
    assert "x[red]" in out and "\x1b[31m[/red]" not in out
