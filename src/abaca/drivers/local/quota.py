"""How much a share may hold, and holds.

With full quotas btrfs counts what a subvolume refers to, shared or not: the limit is the size.

Simple quotas count what was written through a subvolume for as long as anybody refers to it.  Data
that it began with, as a clone or before quotas were on, is not counted; so it is taken off the
limit for good, and kept with the share as an attribute that clients do not see.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from abaca.drivers import walk_jobs
from abaca.drivers.local import btrfs

INHERITED = "trusted.abaca.inherited-bytes"


@dataclass(frozen=True)
class Quota:
    """The sizes of a pool's shares.  Paths are of subvolumes; sizes are bytes."""

    simple: bool

    def set_size(self, path: Path, size: int) -> None:
        """What is readable in the share will not become more than this."""
        btrfs.set_limit(path, max(0, size - self._inherited(path)))

    def size(self, path: Path) -> int:
        """0 if it has no limit."""
        limit = btrfs.usage(path).limit
        return 0 if limit is None else limit + self._inherited(path)

    def used(self, path: Path) -> int:
        """As of the last commit; `btrfs.commit` makes it exact."""
        return btrfs.usage(path).used + self._inherited(path)

    def count_inherited(self, path: Path) -> None:
        """For a subvolume that has data already, before clients can write to it."""
        if not self.simple:
            return
        btrfs.commit(path)
        inherited = max(0, walk_jobs.size(path) - btrfs.usage(path).used)
        os.setxattr(path, INHERITED, str(inherited).encode(), follow_symlinks=False)

    def count_inherited_once(self, path: Path) -> None:
        """For clones that an earlier version made."""
        if self.simple and any(btrfs.identity(path)[1]) and not self._inherited(path):
            self.count_inherited(path)

    def _inherited(self, path: Path) -> int:
        if not self.simple:
            return 0
        try:
            return int(os.getxattr(path, INHERITED, follow_symlinks=False))
        except OSError as problem:
            if problem.errno != errno.ENODATA:
                raise
            return 0
