"""The figures of docs/reliability.md: measured by test runs, kept as JSON, put into the page.

    python -m abaca.testing.reliability          # docs/reliability.json -> docs/reliability.md

A method's figures are under its name: a table, {"measured": when and where, "columns": [...],
"rows": [[...]]}, or plain {"what": number}.  On the page they stand between two marks:

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


def load(file: Path) -> dict[str, Any]:
    """By method; empty when nothing has been measured yet."""
    figures: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    return figures


def record(file: Path, method: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Put a method's table into the file, in the place of its older one."""
    where = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {platform.system()}"
    measured = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {where}"
    table = {"measured": measured, "columns": columns, "rows": rows}
    text = msgspec.json.encode({**load(file), method: table}, order="sorted")
    file.write_bytes(msgspec.json.format(text, indent=2) + b"\n")


def aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lines for a terminal."""
    lines = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def markdown(figures: Mapping[str, Any]) -> str:
    columns: Sequence[str] = figures.get("columns", ("what", "how many"))
    plain = [(key.replace("_", " "), value) for key, value in figures.items() if key != "measured"]
    rows: Sequence[Sequence[Any]] = figures.get("rows", plain)
    lines = [
        f"| {' | '.join(str(cell) for cell in row)} |"
        for row in (columns, ["---"] * len(columns), *rows)
    ]
    measured = figures.get("measured")
    return "\n".join([*([f"Measured {measured}.", ""] if measured else []), *lines, ""])


def fill(page: str, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with the figures in their places; a method without figures says so."""

    def put(place: re.Match[str]) -> str:
        found = figures.get(place[2])
        text = markdown(found) if found else "Not measured yet.\n"
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
