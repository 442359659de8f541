"""python -m abaca.testing.simulation: many histories, or one with its trace."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from abaca.testing import reliability

from . import campaign
from .bugs import BUGS, planted
from .history import Outcome

EVERY = 10.0  # seconds between lines
COLUMNS = ("what", "how many")


def main() -> int:
    given = _arguments()
    if given.seed is not None:
        return _replay(given.seed, given.bug, given.shrink)
    figures = campaign.Figures()
    said, shown = time.monotonic(), 0
    for figures in campaign.run(
        given.first, given.histories, processes=given.processes, seconds=given.seconds
    ):
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            _say(figures)
        for outcome in figures.broken[shown:]:
            _show(outcome)
        shown = len(figures.broken)
    _say(figures)
    for table, columns in campaign.COVERAGE.items():
        print("", *reliability.aligned(columns, figures.coverage(table)), sep="\n")
    if given.bugs:
        _bugs()
    if given.json:
        reliability.record(given.json, "simulation", COLUMNS, figures.rows())
        for table, columns in campaign.COVERAGE.items():
            rows = figures.coverage(table)
            reliability.record(given.json, f"simulation_{table}", columns, rows)
    return 1 if figures.broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this history and print what happens")
    parser.add_argument("--bug", choices=BUGS, help="with this planted bug (with --seed)")
    parser.add_argument("--shrink", action="store_true", help="then without what is not needed")
    parser.add_argument("--bugs", action="store_true", help="count seeds to each planted bug")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=86400.0, help="stop after this time")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="put the figures into this file")
    return parser.parse_args()


def _replay(seed: int, bug: str | None, shrink: bool) -> int:
    with planted(bug):
        outcome = campaign.stage().seed(seed)
        if shrink and outcome.wrong:
            outcome = campaign.stage().shrink(outcome)
    _show(outcome)
    return 1 if outcome.wrong else 0


def _show(outcome: Outcome) -> None:
    print(f"seed {outcome.plan.seed}: {outcome.plan.options}")
    for line in outcome.lines:
        print(f"  {line}")
    print(
        f"  {len(outcome.wrong)} broken promises; play it again with --seed {outcome.plan.seed}",
        flush=True,
    )


def _say(figures: campaign.Figures) -> None:
    print(
        f"{figures.histories} histories, {figures.requests} requests, {figures.operations} "
        f"operations, {figures.crashes} crashes, {len(figures.broken)} broken promises, "
        f"{figures.seconds:.0f} s",
        flush=True,
    )


def _bugs() -> None:
    for name in BUGS:
        print(f"{name}: found by seed {campaign.seeds_until_found(name, 3000)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
