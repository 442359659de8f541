"""Attacks on a running abaca and on the servers it starts.

Each file of this folder attacks one wall, which it names in `WALL`.  An attack counts what it tried
and what got through; `make attack` prints both for each wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from glusterfs.conftest import lab
from storage.conftest import backend, foreigner, own_backend

__all__ = ["backend", "foreigner", "lab", "own_backend", "wall"]

PROPERTY = "wall"  # of a test report: (name of the wall, attempts, what got through)


class Wall:
    """What one test tried against a wall.

    def test_a_name_is_one_component(wall: Wall) -> None:
        for name in HOSTILE:
            wall.attempt(f"LOOKUP {name!r}", got_through=client.lookup(root, name) is not None)
        wall.assert_held()
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.attempts = 0
        self.through: list[str] = []
        self.was_checked = False

    def attempt(self, what: str, got_through: bool) -> None:
        """Count one attempt; `what` describes it for the report."""
        self.attempts += 1
        self.was_checked = False
        if got_through:
            self.through.append(what)

    def assert_held(self) -> None:
        """Fail the test if anything got through, or if nothing was tried."""
        self.was_checked = True
        assert self.attempts > 0, "nothing was tried"
        assert not self.through, f"{len(self.through)} of {self.attempts}: {self.through[:20]}"


@pytest.fixture
def wall(request: pytest.FixtureRequest) -> Iterator[Wall]:
    found = Wall(request.module.WALL)
    yield found
    request.node.user_properties.append((PROPERTY, (found.name, found.attempts, found.through)))
    assert found.was_checked, "the test did not call wall.assert_held() after its last attempt"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line for each wall: attempts, and how many got through."""
    totals: dict[str, tuple[int, int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "teardown":
                continue
            for key, value in report.user_properties:
                if key == PROPERTY:
                    name, attempts, through = value
                    tried, passed = totals.get(name, (0, 0))
                    totals[name] = (tried + attempts, passed + len(through))
    if totals:
        terminalreporter.section("walls")
    for name, (tried, passed) in sorted(totals.items()):
        terminalreporter.write_line(f"{name:<50} {tried:>8} attempts {passed:>5} got through")
