"""What the documentation tells to type works: everything that needs no running abaca."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.blocks import ALL, KINDS, PAGES, ROOT, Block, of_kind
from support.postgres import Postgres
from support.processes import ABACA, environment

BIN = ABACA.parent


def sh(text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = environ.pop("PATH", "") + f"{BIN}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=text,
        cwd=ROOT,
        env=environment(**environ, PATH=path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", [pytest.param(b, id=b.place) for b in of_kind(kind)])


def test_every_block_is_of_a_known_kind() -> None:
    assert {block.kind for block in ALL} <= set(KINDS)
    assert len(of_kind("sh")) > 5


@named("sh make")
def test_make(block: Block) -> None:
    for line in block.text.splitlines():
        assert line.startswith("make ")
        result = sh(f"make -n {line.removeprefix('make ')}")
        assert result.returncode == 0, result.stderr


@named("sh install")
def test_install(block: Block) -> None:
    for line in block.text.splitlines():
        program, *words = shlex.split(line)
        assert os.access(ROOT / program, os.X_OK) or Path(program).name == "abaca"
        if Path(program).name == "abaca":
            shown = sh(f"abaca {words[0]} --help").stdout
            assert all(word in shown for word in words[1:])
        else:
            assert sh(f"bash -n {program}").returncode == 0


@named("ini")
def test_configuration(block: Block, tmp_path: Path) -> None:
    (tmp_path / "server.crt").touch()
    file = tmp_path / "abaca.conf"
    file.write_text(block.text)
    result = sh(f"abaca --config-file {file} config check --strict")
    assert result.returncode == 0, result.stdout


@named("sh postgresql")
def test_postgresql(block: Block, postgres: Postgres) -> None:
    text = block.text.replace("postgres@db1", f"postgres@127.0.0.1:{postgres.port}")
    drops = ("DROP DATABASE IF EXISTS abaca", "DROP ROLE IF EXISTS abaca")
    tidy = f"psql {postgres.admin_dsn} " + " ".join(f"-c '{drop}'" for drop in drops)
    try:
        result = sh(text)
        assert result.returncode == 0, result.stderr
        url = f"postgresql://abaca:secret@127.0.0.1:{postgres.port}/abaca"
        upgraded = sh("abaca db upgrade", OS_DATABASE__CONNECTION=url)
        assert "from empty to" in upgraded.stdout, upgraded.stderr
    finally:
        assert sh(tidy).returncode == 0


@named("sh systemd")
def test_systemd(block: Block, tmp_path: Path) -> None:
    units, stubs = tmp_path / "units", tmp_path / "stubs"
    units.mkdir()
    stubs.mkdir()
    for name in ("systemctl", "git", "install"):
        (stubs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (stubs / name).chmod(0o755)
    text = block.text.replace("/etc/systemd/system/", f"{units}/")
    text = text.replace("/opt/abaca/scripts/install", "install")
    result = sh(text, PATH=f"{stubs}:")
    assert result.returncode == 0, result.stderr
    assert "systemctl " in result.stdout


@pytest.mark.parametrize(
    "unit", sorted((ROOT / "packaging").glob("*.service")), ids=lambda u: u.name
)
def test_units(unit: Path) -> None:
    text = unit.read_text()
    (start,) = re.findall(r"^ExecStart=/opt/abaca/\.venv/bin/abaca (.+)$", text, re.MULTILINE)
    name, *options = start.split()
    shown = sh(f"abaca {name} --help")
    assert shown.returncode == 0
    assert all(option in shown.stdout for option in options)
    if name != "api":  # what it has started must not end with it, and sees what abaca mounts
        assert "\nKillMode=process\n" in text
        words = "Private|Protect|ReadOnly|Inaccessible|DynamicUser|Restrict|NoNewPrivileges"
        assert not re.search(rf"^({words})", text, re.MULTILINE)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """Their program is not where they expect it, so another stands in for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    copies = []
    for unit in (ROOT / "packaging").glob("*.service"):
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(unit.read_text().replace("/opt/abaca/.venv/bin/abaca", "/bin/true"))
    result = subprocess.run(
        ["systemd-analyze", "verify", *map(str, copies)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
            if "://" not in target:
                assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_commands_and_options_named_in_the_text_exist() -> None:
    """`abaca ...` anywhere, also outside of blocks."""
    code = "import sys, abaca.cli\nsys.exit(abaca.cli.main(sys.argv[1:]))"
    found = set()
    for page in PAGES:
        for text in re.findall(r"`abaca ([a-z]+(?: [a-z]+)*)[^`]*`", (ROOT / page).read_text()):
            words = text.split()
            found.add(tuple(words[:2] if words[0] in ("db", "config") else words[:1]))
    found.discard(("is",))  # of an error message
    assert len(found) > 5
    for words in sorted(found):
        result = subprocess.run(
            [sys.executable, "-c", code, *words, "--help"], capture_output=True, check=False
        )
        assert result.returncode == 0, words


def test_files_and_modules_named_in_the_text_exist() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text()
        for path in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)[`: ]", text):
            places = (ROOT, ROOT / "src/abaca", ROOT / "src/abaca/drivers")
            assert any((place / path).exists() for place in places), f"{page}: {path}"
        for dotted in re.findall(r"`(abaca(?:\.\w+)+)`", text):
            if dotted.rpartition(".")[2] not in ("conf", "d", "log", "service", "sqlite"):
                assert _is_there(dotted), f"{page}: {dotted}"


def _is_there(dotted: str) -> bool:
    """A module, or something in one."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module(dotted) is not None
    module, _, name = dotted.rpartition(".")
    return hasattr(importlib.import_module(module), name)
