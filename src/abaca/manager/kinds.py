"""The table of all operations; each manager/<noun>.py puts its own in."""

from __future__ import annotations

from abaca.operations.job import Kinds

kinds = Kinds()


def load() -> Kinds:
    """All handlers, imported and registered."""
    from . import (  # noqa: F401 (they register)
        access,
        drift_repair,
        ensure,
        manage,
        revert,
        shares,
        snapshot_access,
        snapshots,
    )

    return kinds
