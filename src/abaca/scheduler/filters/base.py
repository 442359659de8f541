"""What a filter is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..pools import Pool
from ..request import PlacementRequest

# None: the pool stays; else the sentence that says why it goes
Check = Callable[[Pool], str | None]
# Given the request and all pools; None: nothing to say, all pools stay
Prepare = Callable[[PlacementRequest, Sequence[Pool]], Check | None]


class Filter(msgspec.Struct, frozen=True):
    name: str  # as in scheduler_default_filters
    detail_id: str  # of the user message, if it removed the rest
    phrase: tuple[str, str]  # "has too little free space", the same of several; for users
    prepare: Prepare
