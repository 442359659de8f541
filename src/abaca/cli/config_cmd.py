"""`abaca config check` and `abaca config show`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from abaca.config import Config, read
from abaca.config.effective import Value, effective
from abaca.config.findings import Finding, Verdict

from .common import config_options, config_sources, table

_STYLES = {
    Verdict.OK: "",
    Verdict.IGNORED: "dim",
    Verdict.OLD: "yellow",
    Verdict.MISPLACED: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.WRONG: "red",
}


@click.group()
@config_options
def config() -> None:
    """Check and show the configuration."""


@config.command()
@click.option("--problems", is_flag=True, help="Leave out what is in order.")
@click.option("--strict", is_flag=True, help="Unknown and misplaced options fail, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_options
def check(problems: bool, strict: bool, as_json: bool) -> int:
    """Say what abaca makes of every option in the files.

    U: used. I: accepted, changes nothing. M: mapped to something of abaca's own.
    L: no effect yet, what it is for does not exist.
    Exits with 1 when a value or a backend cannot be used.
    """
    read_config = read(*config_sources())
    findings = [f for f in read_config.findings if not problems or f.verdict is not Verdict.OK]
    if as_json:
        click.echo(json.dumps(_as_json(read_config, findings), indent=2))
    else:
        _print(read_config, findings)
    failing = {Verdict.WRONG, *((Verdict.UNKNOWN, Verdict.MISPLACED) if strict else ())}
    return int(any(finding.verdict in failing for finding in read_config.findings))


def _print(config: Config, findings: list[Finding]) -> None:
    if findings:
        table(
            ("where", "section", "option", "mark", "verdict", "remark"),
            [
                (f.place or "-", f.section, f.name, f.mark or "-", f.verdict, f.message)
                for f in findings
            ],
            [_STYLES[f.verdict] for f in findings],
        )
        click.echo()
    for backend in config.backends:
        click.echo(f"backend {backend.name}: {backend.driver_class}")
    for name, reason in config.refused.items():
        click.echo(f"backend {name}: cannot run: {reason}")
    counts = Counter(f.verdict for f in config.findings)
    said = ", ".join(f"{counts[v]} {v}" for v in Verdict if counts[v]) or "no options"
    where = ", ".join(map(str, config.files)) or "no file, the embedded defaults hold"
    click.echo(f"{said} ({where})")


def _as_json(config: Config, findings: list[Finding]) -> dict[str, Any]:
    return {
        "files": [str(path) for path in config.files],
        "options": [
            {
                "section": f.section,
                "name": f.name,
                "mark": f.mark,
                "verdict": f.verdict,
                "remark": f.message,
                "file": f.setting.file if f.setting else None,
                "line": f.setting.line if f.setting else None,
            }
            for f in findings
        ],
        "backends": {b.name: b.driver_class for b in config.backends},
        "refused": dict(config.refused),
    }


@config.command()
@click.argument("section", required=False)
@click.option("--changed", is_flag=True, help="Only options that were set.")
@click.option("--defaults", is_flag=True, help="Read no file: every option with its default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_options
def show(section: str | None, changed: bool, defaults: bool, as_json: bool) -> None:
    """Print the values in force, of one SECTION or of all.

    Secrets are masked.
    """
    read_config = read(files=()) if defaults else read(*config_sources())
    values = [
        value
        for value in effective(read_config)
        if (section is None or value.section == section) and (value.is_set or not changed)
    ]
    if section is not None and not values and not changed:
        raise click.UsageError(f"There is no section {section}.")
    if as_json:
        click.echo(json.dumps(_by_section(values), indent=2, default=str))
        return
    last = "meaning" if defaults else "where"
    table(
        ("section", "option", "value", last),
        [(v.section, v.name, _text(v.value), v.help if defaults else v.place) for v in values],
        ["" if v.is_set or defaults else "dim" for v in values],
    )


def _by_section(values: list[Value]) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {}
    for value in values:
        sections.setdefault(value.section, {})[value.name] = value.value
    return sections


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}:{one}" for key, one in value.items())
    return "" if value is None else str(value)
