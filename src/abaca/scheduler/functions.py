"""What filter and goodness functions see."""

from __future__ import annotations

from typing import Any

from .pools import Pool
from .request import PlacementRequest


def names_of(request: PlacementRequest, pool: Pool) -> dict[str, Any]:
    """share.<property>, stats.<capacity key>, capabilities.<key>, extra.<spec>"""
    return {
        "share": request.share_properties(),
        "stats": pool.stats(),
        "capabilities": pool.capabilities,
        "extra": request.extra_specs or {},
    }
