"""Where a share is, whichever layout made it; and what a layout is."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.replies import VolumeInfo

# Options of a volume that is a share: its share's id, the id of the snapshot it was made of.
CLAIM = "user.manila-share"
CLONED_FROM = "user.manila-cloned-from"
MADE = "manila-"  # begins the names of clones (then the share's id) and snapshots (then their own)
# a share's name ends with its id, whatever the template of names puts before it
NAMED_BY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def cloned_for(name: str) -> str | None:
    """The id of the share that a volume was cloned for."""
    share_id = name.removeprefix(MADE)
    return share_id if share_id != name and _is_id(share_id) else None


def owner(volume: VolumeInfo) -> str | None:
    """The id of the share that a volume is; None while it is free.

    A clone is born with its parent's options, its claim too: its name is what counts.
    """
    claim = volume.options.get(CLAIM)
    return cloned_for(volume.name) or (claim if claim and _is_id(claim) else None)


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Place:
    """A share's volume, and its directory there."""

    manager: GlusterManager
    name: str  # what it is exported as
    path: str  # "/share-1", or "/" for the whole volume


class Layout(Protocol):
    """What a share is made of.  Every call may be repeated."""

    snapshots: bool  # whether it can have them at all

    def setup(self) -> None:
        """Find everything it needs.  Re-runnable."""

    def managers(self) -> Sequence[GlusterManager]:
        """The volumes in use, to be checked and set up by the access helper."""

    def create(self, share: Share) -> Place:
        """Make it, or find it."""

    def create_from_snapshot(self, share: Share, snapshot: Snapshot) -> Place:
        """Make it with a snapshot's content, or find it."""

    def place(self, share: Mapping[str, Any]) -> Place:
        """Where it is.  ShareResourceNotFound if it is gone."""

    def delete(self, share: Mapping[str, Any]) -> None:
        """Take it out of sight.  Absent is success."""

    def resize(self, share: Share, size: int, shrink: bool) -> None:
        """To `size` GiB.  ShareShrinkingPossibleDataLoss when more is in use."""

    def ensure(self, shares: Sequence[Share]) -> dict[str, Place]:
        """Those that are there, by id, as they should be."""

    def used(self, shares: Sequence[Share]) -> dict[str, int]:
        """Bytes in use of those that are known, by id."""

    def stats(self) -> dict[str, Any]:
        """Capacities, for the scheduler."""

    def manage(
        self, share: Share, size: int | None, owned: Callable[[str], bool]
    ) -> tuple[Place, int]:
        """Take over what the share's export location names; its place and GiB.

        `owned`: whether what is exported under a name belongs to a share already.
        """

    def unmanage(self, share: Share) -> None:
        """Keep its data where manage finds it, out of the way of shares."""

    def held(self) -> list[tuple[str, Place, int | None]]:
        """Every share there is: its id, its place, and GiB (0: without a limit, None: not told)."""

    def create_snapshot(self, snapshot: Snapshot) -> str:
        """Make it, or find it; the name it has on the backend."""

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        """Absent is success."""
