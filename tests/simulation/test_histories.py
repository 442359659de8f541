"""Simulated histories: no promise is broken, and a seed is always the same history."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from abaca.model import clock, ids
from abaca.testing.simulation import campaign
from abaca.testing.simulation.bugs import planted
from abaca.testing.simulation.history import Stage
from abaca.testing.simulation.plan import REQUESTS, THEMES, plan
from abaca.testing.simulation.requests import VERBS

HISTORIES, PARTS = 1000, 8  # parts, so that several workers share them
EACH = HISTORIES // PARTS


@pytest.fixture
def stage() -> Iterator[Stage]:
    yield campaign.stage()
    assert clock.now() > 1_750_000_000, "time is the machine's again"
    assert ids.new_id() != ids.new_id()


@pytest.mark.parametrize("part", range(PARTS))
def test_no_promise_is_broken(stage: Stage, part: int) -> None:
    figures = campaign.play(range(part * EACH, (part + 1) * EACH))
    told = [(outcome.plan.seed, *outcome.wrong, *outcome.lines) for outcome in figures.broken]
    assert told == [], "play it again: make simulate ARGS='--seed N'"
    assert figures.histories == EACH and figures.operations > EACH


def test_a_seed_is_always_the_same_history(stage: Stage) -> None:
    once, again = stage.seed(7), stage.seed(7)
    assert once == again
    assert stage.seed(8).lines != once.lines


SAME = 12  # histories
TRACE = "\n".join(
    (
        "import hashlib",
        "from abaca.testing.simulation.history import Stage",
        "stage = Stage()",
        f"lines = [line for seed in range({SAME}) for line in stage.seed(seed).lines]",
        "print(hashlib.sha256('\\n'.join(lines).encode()).hexdigest())",
    )
)


def test_another_process_plays_the_same_histories(stage: Stage) -> None:
    """Nothing depends on the order of sets, on addresses, or on what was played before."""
    stage.seed(99)
    lines = [line for seed in range(SAME) for line in stage.seed(seed).lines]
    here = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", TRACE]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_what_is_not_needed_is_left_out_of_a_failure(stage: Stage) -> None:
    with planted("stale_capacity_booking"):
        found = next(
            outcome
            for outcome in (stage.seed(seed, "sizes") for seed in range(300))
            if outcome.wrong
        )
        short = stage.shrink(found)
    assert short.wrong
    assert len(short.plan.actions) <= min(5, len(found.plan.actions))


def test_every_request_is_asked_for_by_some_theme() -> None:
    assert set(REQUESTS) == set(VERBS)
    assert {verb for name, verbs in THEMES.items() if name != "all" for verb in verbs} == set(
        REQUESTS
    )
    assert plan(3) == plan(3) != plan(4)
