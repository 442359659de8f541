"""The scanner reads what oslo.config reads, and knows where it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from abaca.config import ConfigError
from abaca.config.scan import Setting, scan

LINES = st.sampled_from(
    [
        "[DEFAULT]",
        "[Quota]",
        "[a b]",
        "a = 1",
        "a: 2",
        "b=x:y",
        "b : x=y",
        "  more, and more",
        "\tmore",
        "",
        "   ",
        "# a = 3",
        "; a = 4",
        "c = 'quoted'",
        'c = "',
        "c =",
        "d = é $a",
        "[",
        "[]",
        "[x",
        "nonsense",
        "= 5",
        "a = 1 # not a comment",
    ]
)


def by_oslo(path: Path) -> dict[tuple[str, str], list[str]] | None:
    sections: dict[str, dict[str, list[str]]] = {}
    parser = cfg.ConfigParser(str(path), sections)
    try:
        parser.parse()
    except cfg.ParseError:
        return None
    found: dict[tuple[str, str], list[str]] = {}
    for section, options in sections.items():
        key = section if section == "DEFAULT" else section.lower()
        for name, values in options.items():
            found.setdefault((key, name), []).extend(values)
    return found


def by_us(path: Path) -> dict[tuple[str, str], list[str]] | None:
    try:
        read, _ = scan(path)
    except ConfigError:
        return None
    found: dict[tuple[str, str], list[str]] = {}
    for setting in read:
        found.setdefault((setting.section, setting.name), []).append(setting.value)
    return found


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=12))
def test_reads_what_oslo_config_reads(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.conf"
        path.write_text("\n".join(lines))
        ours, theirs = by_us(path), by_oslo(path)
    assert ours == theirs


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_places(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(newline.join(["[DEFAULT]", "a = 1,", "    2", "", "[X]", "b = 3"]).encode())
    assert scan(path) == (
        [
            Setting("DEFAULT", "a", "1,\n2", str(path), 2),
            Setting("x", "b", "3", str(path), 6),
        ],
        ["DEFAULT", "X"],
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[DEFAULT]\nvast_mgmt_password SECRET\n", "a.conf:2: a line without ="),
        (b"[DEFAULT\npassword = SECRET\n", "a.conf:1: a section name"),
        (b"[]\n", "a.conf:1: an empty section"),
        (b"password = SECRET\n", r"a.conf:1: an option before any \[section\]"),
        (b"[a]\n= SECRET\n", "a.conf:2: a value without a name"),
        (b"[a]\n  SECRET\n", "a.conf:2: an indented line"),
        (b"[a]\nx = \xff\xfe SECRET\n", "not UTF-8"),
    ],
)
def test_a_bad_line_is_named_without_its_content(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        scan(path)
    assert "SECRET" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        scan(tmp_path / "none.conf")
    with pytest.raises(ConfigError, match="Cannot read"):
        scan(tmp_path)
