"""What the incumbent (23.0.1, uwsgi x2, MariaDB, RabbitMQ, a driver without delay, 2 cores) needs,
and what abaca is to reach.  Milliseconds unless the name says otherwise."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """higher=True: more is better."""

    baseline: float | None
    goal: float | None
    higher: bool = False


LINES = {
    "POST share p50 ms": Line(48, None),
    "create to available p50 ms": Line(171, 12),
    "creates at concurrency 8 per s": Line(8.1, 200, higher=True),
    "create CPU-ms": Line(227, 8),
    "rule to active p50 ms": Line(447, 15),
    "deny to gone p50 ms": Line(548, None),
    "snapshot to available p50 ms": Line(96, None),
    "delete to gone p50 ms": Line(142, None),
    "GET one p50 ms": Line(10.4, None),
    "GET one CPU-ms": Line(10.9, 1),
    "list of 10 p50 ms": Line(17.7, None),
    "list of 10 CPU-ms": Line(18, None),
    "list of 100 p50 ms": Line(51, None),
    "list of 100 CPU-ms": Line(59, None),
    "list of 1000 p50 ms": Line(571, None),
    "list of 1000 CPU-ms": Line(535, 15),
    "page of 20 of 100000 with count p50 ms": Line(97, 10),  # the baseline has 10,000
    "restart with 10000 shares to a new one s": Line(53, 3),  # the baseline has 1,110
    "memory of abaca PSS MB": Line(890, 150),
    "backlog: GET while it grows p99 ms": Line(None, 50),
    "backlog: GET while it drains p99 ms": Line(None, 50),
    "backlog: memory of abaca PSS MB": Line(None, 200),
    "backlog: another project's share s": Line(None, 2),
    "backlog: creates drained per s": Line(8.1, None, higher=True),
    "create to mounted and written over NFS p50 ms": Line(None, 80),
}


def row(name: str, value: float) -> str:
    """Figure, factor against the baseline, goal and whether it is reached."""
    line = LINES[name]
    factor = "-"
    if line.baseline is not None and value > 0:
        gain = value / line.baseline if line.higher else line.baseline / value
        factor = f"{gain:.1f}x"
    goal = "-"
    if line.goal is not None:
        reached = value >= line.goal if line.higher else value <= line.goal
        goal = f"{'>=' if line.higher else '<='} {line.goal:g} {'reached' if reached else 'MISSED'}"
    baseline = "-" if line.baseline is None else f"{line.baseline:g}"
    return f"{name:<48} {value:>10.2f} {baseline:>9} {factor:>8}   {goal}"


HEADING = f"{'what':<48} {'abaca':>10} {'baseline':>9} {'factor':>8}   goal"
