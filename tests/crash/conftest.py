"""Worlds to be killed in; and what came of it, printed at the end and written for the docs."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.fake.backend import FakeBackend
from abaca.service.bootstrap import DEFAULT_TYPE
from abaca.service.env import Env, Settings
from abaca.store.engine import Store
from abaca.testing import reliability
from crash.world import Template, World

COLUMNS = (
    "operation", "scenario", "database", "commits", "calls", "answers lost", "points",
    "recovered", "slowest (s)",
)  # fmt: skip
GOAL_POINTS, GOAL_SECONDS = 500, 5.0  # of docs/reliability.md


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--figures", type=Path, help="write what came of the kills into this file")
    parser.addoption("--point", help="kill at the point of this name alone")


@pytest.fixture
def make_template(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Template]]:
    """An empty world on sqlite or postgresql; all that is made of it is closed in the end."""
    with contextlib.ExitStack() as stack:

        def make(url: str) -> World:
            folder = tmp_path / f"array {uuid.uuid4()}"
            env = Env(Store(url, pool_size=2), Settings(default_share_type=DEFAULT_TYPE))
            world = World(env, url, folder, FakeBackend(folder))
            stack.callback(world.close)
            return world

        def template(database: str) -> Template:
            wanted = database == "postgresql"
            return Template(tmp_path, request.getfixturevalue("postgres") if wanted else None, make)

        yield template


def _recorded(terminalreporter: Any, name: str) -> list[Any]:
    return [
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for key, value in getattr(report, "user_properties", ())
        if key == name
    ]


def _row(record: Any) -> list[Any]:
    kind, scenario, database, points, wrong, slowest = record
    total = sum(points.values())
    sorts = [points.get(sort, 0) for sort in ("commits", "calls", "answers lost")]
    return [kind, scenario, database, *sorts, total, total - wrong, round(slowest, 2)]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = sorted(_row(record) for record in _recorded(terminalreporter, "killed"))
    if not rows:
        return
    sums = [sum(row[column] for row in rows) for column in range(3, 8)]
    rows.append(["all", "", "", *sums, max(row[8] for row in rows)])
    terminalreporter.section("kill -9 at every point")
    for line in reliability.aligned(COLUMNS, rows):
        terminalreporter.line(line)
    points, recovered, slowest = rows[-1][6:]
    met = points == recovered >= GOAL_POINTS and slowest < GOAL_SECONDS
    part = config.getoption("point", None) or config.option.keyword
    if not part:
        goal = f"{GOAL_POINTS} points, all recovered, each within {GOAL_SECONDS} s"
        terminalreporter.line(f"{'met' if met else 'NOT MET'}: {goal}")
    if (file := config.getoption("figures", None)) and not part:
        reliability.record(file, "crash", COLUMNS, rows)
