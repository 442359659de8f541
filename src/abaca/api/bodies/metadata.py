"""Bodies of metadata, of whatever has it."""

from __future__ import annotations

from collections.abc import Mapping

from abaca.api.kinds import Pairs, show
from abaca.api.request import need
from abaca.api.schema import Body

SET = Body("metadata", value=Pairs())
# clients say meta, metadata or both for one pair
ITEM = Body(("metadata", "meta"), value=Pairs())


def only_pair(pairs: Mapping[str, str], key: str) -> dict[str, str]:
    """The one pair of a body whose URL names its key."""
    need(len(pairs) == 1, f"The body has {len(pairs)} pairs; give one, with the key of the URL.")
    need(
        key in pairs,
        f"The body sets {show(next(iter(pairs), ''))}, the URL names {show(key)}; give one key.",
    )
    return dict(pairs)
