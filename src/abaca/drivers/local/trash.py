"""Subvolumes on their way out.

Deleting one takes it out of sight at once.  One that has others inside cannot be deleted as it is:
it is moved to the trash by a rename, and deleted there piece by piece.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
from pathlib import Path

from abaca.drivers.local import btrfs
from abaca.drivers.local.pool import Pool


def discard(pool: Pool, path: Path) -> None:
    """Delete a subvolume; absent is success.  Its space comes back in the background."""
    try:
        btrfs.delete_subvolume(path)
    except FileNotFoundError:
        return
    except OSError as problem:
        if problem.errno != errno.ENOTEMPTY:
            raise
        target = pool.trash / f"{path.name}.{secrets.token_hex(4)}"
        btrfs.move(path, target)
        _delete(target)


def empty(pool: Pool) -> None:
    """Finish deletions that a crash interrupted."""
    for entry in list(pool.trash.iterdir()):
        _delete(entry)


def _delete(path: Path) -> None:
    """Delete a subvolume and those inside it, which nobody else reaches any more."""
    with contextlib.suppress(FileNotFoundError):
        btrfs.set_read_only(path, False)
        btrfs.delete_nested(path)
        btrfs.delete_subvolume(path)
