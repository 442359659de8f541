"""The figures of docs/reliability.md: measured by test runs, kept as JSON, put into the page.

    python -m abaca.testing.reliability          # docs/reliability.json -> docs/reliability.md

A method's figures are a table under its name: {"measured": when and where, "columns": [...],
"rows": [[...]]}.  On the page they stand between two marks:

    <!-- figures: crash -->
    <!-- end -->
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

PAGE, FIGURES = Path("docs/reliability.md"), Path("docs/reliability.json")
_PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Table(msgspec.Struct, frozen=True):
    """What one method measured; the last row may be the sum."""

    measured: str
    columns: list[str]
    rows: list[list[Any]]


def load(file: Path) -> dict[str, Table]:
    """By method; empty when nothing has been measured yet."""
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Table]) if file.exists() else {}


def record(
    file: Path, method: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = ""
) -> None:
    """Put a method's figures into the file, in the place of its older ones."""
    where = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {platform.system()}"
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    measured = f"{when}; {where}{'; ' if note else ''}{note}"
    table = Table(measured, list(columns), [list(row) for row in rows])
    text = msgspec.json.encode({**load(file), method: table}, order="sorted")
    file.write_bytes(msgspec.json.format(text, indent=1) + b"\n")


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lines for a terminal."""
    lines = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def markdown(table: Table) -> str:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join([f"Measured {table.measured}.", "", *lines, ""])


def fill(page: str, figures: Mapping[str, Table]) -> str:
    """The page with the figures in their places; a method without figures says so."""

    def put(place: re.Match[str]) -> str:
        table = figures.get(place[2])
        text = markdown(table) if table else "Not measured yet.\n"
        return f"{place[1]}{text}{place[3]}"

    return _PLACE.sub(put, page)


def main() -> int:
    if not PAGE.exists():
        print(f"There is no {PAGE} here: run this in abaca's source tree.", file=sys.stderr)
        return 1
    PAGE.write_text(fill(PAGE.read_text(), load(FIGURES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
