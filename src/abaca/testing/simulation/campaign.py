"""Many histories, in several processes of the machine, and the figures."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .bugs import BUGS, planted
from .history import Outcome, Stage
from .world import Reached

BATCH = 50  # histories that a process plays before it looks at the time
KILLED = ("before", "answer of", "after")  # where a process was killed
# what is counted, and in which columns (World.reached)
COVERAGE = {
    "requests": ("verb", "asked", "accepted", "refused", "no answer", "repeated"),
    "calls": ("method", "calls", "failed", *KILLED),
}
AT_MOST = 20  # broken promises after which it makes no sense to go on


@dataclass
class Figures:
    """What a campaign has seen."""

    histories: int = 0
    operations: int = 0
    reached: Counter[Reached] = field(default_factory=Counter)
    seconds: float = 0.0
    broken: list[Outcome] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        self.histories += other.histories
        self.operations += other.operations
        self.reached.update(other.reached)
        self.broken += other.broken

    def _sum(self, table: str, *columns: str) -> int:
        found = self.reached.items()
        return sum(many for (of, _, column), many in found if of == table and column in columns)

    @property
    def requests(self) -> int:
        return self._sum("requests", "asked")

    @property
    def crashes(self) -> int:
        return self._sum("calls", *KILLED)

    def coverage(self, table: str) -> list[tuple[str | int, ...]]:
        """How often histories came to what: a row for each verb or method."""
        names = sorted({row for of, row, _ in self.reached if of == table} - {"lease"})
        return [
            (name, *(self.reached[table, name, column] for column in COVERAGE[table][1:]))
            for name in names
        ]

    def rows(self) -> list[tuple[str, int]]:
        """For the page (abaca.testing.reliability)."""
        return [
            ("histories", self.histories),
            ("requests", self.requests),
            ("operations", self.operations),
            ("processes killed", self.crashes),
            ("leases lost in the middle of work", self.reached["calls", "lease", "lost"]),
            ("broken promises", len(self.broken)),
            ("seconds", round(self.seconds)),
            ("planted bugs that the test suite has it find", len(BUGS)),
        ]


_stage: Stage | None = None  # of this process


def stage() -> Stage:
    global _stage
    _stage = _stage or Stage()
    return _stage


def play(seeds: Iterable[int]) -> Figures:
    """These histories, in this process; those that break a promise are shrunk."""
    figures = Figures()
    for seed in seeds:
        outcome = stage().seed(seed)
        figures.histories += 1
        figures.operations += outcome.operations
        figures.reached.update(outcome.reached)
        if outcome.wrong:
            figures.broken.append(stage().shrink(outcome))
    return figures


def run(first: int, histories: int, *, processes: int, seconds: float) -> Iterator[Figures]:
    """So many histories, from this seed on, as far as they can be played in this time; the
    figures so far, again and again."""
    begun = time.monotonic()
    total = Figures()
    ends = range(first, first + histories, BATCH)
    batches = [range(start, min(start + BATCH, first + histories)) for start in ends]
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        for figures in pool.imap_unordered(play, batches):
            total.add(figures)
            total.seconds = time.monotonic() - begun
            yield total
            if total.seconds > seconds or len(total.broken) >= AT_MOST:
                break
        pool.terminate()


def seeds_until_found(name: str, most: int, theme: str | None = None) -> int | None:
    """How many histories it takes to find a planted bug; None if so many are not enough."""
    assert name in BUGS
    for seed in range(most):
        with planted(name):
            outcome = stage().seed(seed, theme)
        if outcome.wrong:
            return seed + 1
    return None
