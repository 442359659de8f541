"""What the crash tests found, printed at the end: operation x points x recovered."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = [
        (report.nodeid.rpartition("[")[2].rstrip("]"), *value)
        for report in terminalreporter.stats.get("passed", [])
        for key, value in report.user_properties
        if key in ("points", "takeovers")
    ]
    if not rows:
        return
    terminalreporter.section("kill -9: operation, points, all recovered, slowest (s)")
    for name, points, slowest in sorted(rows):
        terminalreporter.line(f"{name:45} {points:4} {slowest:6.2f}")
    total = sum(points for _, points, _ in rows)
    terminalreporter.line(f"{'all':45} {total:4} {max(row[2] for row in rows):6.2f}")
