"""Where crash tests cut.

Every commit and every driver call passes here, just before and just after.  Nothing happens
unless a test kit (abaca.testing.crash) has put a cutter in.
"""

from __future__ import annotations

from collections.abc import Callable

_cutter: Callable[[str], None] | None = None


def passing(point: str) -> None:
    """Say that this process is now at this point."""
    if _cutter is not None:
        _cutter(point)


def install(cutter: Callable[[str], None] | None) -> None:
    """Have this called at every point; None takes it out again."""
    global _cutter
    _cutter = cutter
