"""What a weigher is, and how the marks of several become one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..pools import Pool
from ..request import PlacementRequest

Mark = float | None  # more is better; None: unknown, which sorts behind all that are known
Weigh = Callable[[Pool], Mark]
# Given the request and all pools; None: nothing to say, all pools are equal
Weigher = Callable[[PlacementRequest, Sequence[Pool]], Weigh | None]


def normalised(marks: Sequence[Mark], multiplier: float) -> Sequence[float] | None:
    """Marks as 0..1 times the multiplier; None: all are equal.

    An unknown mark is the worst one, whichever way the multiplier turns; an infinite one is just
    above the highest that is finite.
    """
    finite = [mark for mark in marks if mark is not None and math.isfinite(mark)]
    lowest, highest = (min(finite), max(finite)) if finite else (0.0, 0.0)
    if len(finite) == len(marks):
        if lowest == highest:
            return None
        scale = multiplier / (highest - lowest)
        return [(mark - lowest) * scale for mark in finite]
    above, below = highest + 1.0, lowest - 1.0
    unknown = below if multiplier > 0 else highest + 2.0
    clamped = [unknown if mark is None else min(above, max(below, mark)) for mark in marks]
    return normalised(clamped, multiplier)
