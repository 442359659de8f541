"""GoodnessWeigher: the backend's own goodness_function, 0..100."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ..errors import EvaluatorError
from ..evaluator import evaluate
from ..functions import names_of
from ..pools import Pool
from ..request import PlacementRequest
from .base import Weigh

BEST = 100.0

log = structlog.get_logger(__name__)


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Weigh | None:
    if not any(pool.goodness_function for pool in pools):
        return None
    return lambda pool: _goodness(request, pool)


def _goodness(request: PlacementRequest, pool: Pool) -> float:
    """What is absent, wrong or out of range is no good."""
    if not pool.goodness_function:
        return 0.0
    try:
        result = evaluate(pool.goodness_function, names_of(request, pool))
    except EvaluatorError as error:
        log.warning("scheduler.goodness_function_fails", pool=pool.host, why=error.message)
        return 0.0
    if result is True:
        return BEST
    in_range = isinstance(result, float) and 0 <= result <= BEST
    if not in_range and result is not False:
        log.warning("scheduler.goodness_out_of_range", pool=pool.host, value=result)
    return float(result) if in_range else 0.0
