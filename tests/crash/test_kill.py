"""kill -9 of the manager at every commit and every driver call of every operation: after a restart
everything is as it was asked for, without a human."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from abaca.manager import kinds
from abaca.testing.crash import ANSWER
from abaca.testing.invariants import violations
from crash.scenarios import SCENARIOS, Scenario, prepare
from crash.world import Template, World

KILLED = -9


@dataclass
class Figures:
    """What came of killing one scenario at each of its points."""

    points: Counter[str] = field(default_factory=Counter)  # by sort
    wrong: list[str] = field(default_factory=list)  # points after which something was not right
    slowest: float = 0.0  # seconds from a restart until nothing was left to do


def test_every_kind_of_operation_has_a_scenario() -> None:
    missing = set(kinds.load()) - {scenario.kind for scenario in SCENARIOS.values()}
    assert not missing, f"tests/crash/scenarios.py says nothing of {sorted(missing)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On PostgreSQL one scenario of each kind, unless `make crash` wants all."""
    if "scenario_name" not in metafunc.fixturenames:
        return
    first = {scenario.kind: name for name, scenario in reversed(SCENARIOS.items())}
    wanted = SCENARIOS if metafunc.config.getoption("figures", None) else first.values()
    pairs = [(name, "sqlite") for name in SCENARIOS] + [(name, "postgresql") for name in wanted]
    metafunc.parametrize(("scenario_name", "database"), pairs)


def test_killed_at_any_point_it_ends_as_it_should(
    scenario_name: str,
    database: str,
    make_template: Callable[[str], Template],
    request: pytest.FixtureRequest,
) -> None:
    scenario, template = SCENARIOS[scenario_name], make_template(database)
    prepare(template.world, scenario, template.world.manage)
    template.world.close()
    figures = Figures()
    only: str | None = request.config.getoption("point", None)
    points = _discover(template, scenario)
    for point in [only] if only else points:
        _kill(template, scenario, point, figures)
    sorts, wrong, slowest = dict(figures.points), len(figures.wrong), figures.slowest
    record = (scenario.kind, scenario_name, database, sorts, wrong, slowest)
    request.node.user_properties.append(("killed", record))
    assert figures.wrong == []
    assert len(points) >= 5, "the seams are not where they should be"


def _discover(template: Template, scenario: Scenario) -> list[str]:
    """The points that a run passes which nobody disturbs."""
    world = template.copy()
    record = world.folder.with_name("points")
    assert _run(world, scenario, record=record) == 0
    assert not _wrong(world, scenario, settled=True)
    world.close()
    return record.read_text().splitlines()


def _kill(template: Template, scenario: Scenario, point: str, figures: Figures) -> None:
    """Ask, kill the manager at this point, restart, look."""
    world = template.copy()
    ended = _run(world, scenario, crash_at=point)
    if ended == 0:  # it has looked for work less often this time: there was no such point
        world.close()
        return
    figures.points[_sort(point)] += 1
    begun = time.monotonic()
    settled = world.manage(options=scenario.options) == 0
    figures.slowest = max(figures.slowest, time.monotonic() - begun)
    wrong = _wrong(world, scenario, settled)
    if ended != KILLED:
        wrong = f"the manager was not killed but ended with {ended}"
    if wrong:
        figures.wrong.append(f"{point}: {wrong}")
    world.close()


def _run(world: World, scenario: Scenario, **how: Any) -> int:
    """Ask a manager, and let it work until nothing is left to do or it is killed."""
    if scenario.cold:
        scenario.ask(world)
        return world.manage(options=scenario.options, **how)
    asked: list[object] = []
    ended = world.manage(lambda: asked.append(scenario.ask(world)), options=scenario.options, **how)
    assert asked, f"the manager did not come up: {ended}"
    return ended


def _sort(point: str) -> str:
    if ANSWER in point:
        return "answers lost"
    return "commits" if "commit" in point else "calls"


def _wrong(world: World, scenario: Scenario, settled: bool) -> str:
    """What is not as it should be; nothing if all is."""
    if not settled:
        return "operations are still live"
    if broken := violations(world.env.store, world.array):
        return "; ".join(broken)
    if scenario.kind not in world.kinds_done():
        return f"no operation was a {scenario.kind}"
    return "" if scenario.right(world) else "it did not end as it was asked for"
