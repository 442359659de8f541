"""How a clone stands, in the array's words."""

from __future__ import annotations

from typing import Final

from abaca.drivers.vast.array import Stream

FINISHED: Final = frozenset({"FINISHED", "COMPLETED"})
FAILED: Final = frozenset({"FAILED", "ERROR", "STOPPED", "CANCELED", "CANCELLED", "ABORTED"})


def is_running(stream: Stream) -> bool:
    """Neither finished nor failed; a word nobody knows counts as running."""
    return stream.condition not in FINISHED | FAILED


def progress(stream: Stream) -> str:
    """As text, like 50%."""
    return f"{min(100, max(0, int(stream.sync_progress or 0)))}%"
