"""Nothing that a simulation must decide is asked of the machine behind its back."""

from __future__ import annotations

import re
from pathlib import Path

import abaca

ROOT = Path(abaca.__file__).parent
FORBIDDEN = re.compile(
    r"\btime\.(time|sleep|perf_counter|clock_gettime)\(|\bdatetime\.(now|utcnow)\(|\buuid4\(|"
    r"\brandom\.|julianday"
)
LAYERS = ("model", "store", "operations", "manager", "service", "scheduler")
SOURCES = {"model/clock.py", "model/ids.py"}  # these ask the machine, for everybody


def test_time_and_ids_come_from_one_place() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for layer in LAYERS
        for path in sorted((ROOT / layer).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert found == [], "use abaca.model.clock and abaca.model.ids"
