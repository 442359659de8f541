"""DriverFilter: the backend's own filter_function must be true."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import EvaluatorError
from ..evaluator import evaluate
from ..functions import names_of
from ..pools import Pool
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    if not any(pool.filter_function for pool in pools):
        return None

    def check(pool: Pool) -> str | None:
        function = pool.filter_function
        if not function:
            return None
        try:
            result = evaluate(function, names_of(request, pool))
        except EvaluatorError as error:
            return f"Its filter_function {shown(function)} fails: {error.message}"
        return None if result else f"Its filter_function {shown(function)} refuses it."

    return check


DRIVER = Filter("DriverFilter", "010", ("refuses such a share", "refuse such a share"), prepare)
