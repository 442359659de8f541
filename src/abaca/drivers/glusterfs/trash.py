"""Directories on their way out: out of sight at once, deleted in the background.

They stay in the directory they are in, under a hidden name: a rename to another one has its quota
checked, which fails while the volume's daemons come and go.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from pathlib import Path

from abaca.drivers import walk_jobs

TRASH = ".trash."

log = logging.getLogger(__name__)


class Trash:
    """The hidden directories of a volume's root, and one thread that deletes them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._more = False

    def discard(self, directory: Path) -> None:
        """Take a directory out of sight; absent is success."""
        hidden = self._root / f"{TRASH}{directory.name}.{secrets.token_hex(4)}"
        with contextlib.suppress(FileNotFoundError):
            directory.rename(hidden)
        self.empty()

    def empty(self) -> None:
        """Delete what is in the trash, also what an earlier run left; returns at once."""
        with self._lock:
            self._more = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="trash", daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether the work is done, after at most so many seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._more:
                    self._thread = None
                    return
                self._more = False
            try:
                for entry in list(self._root.glob(f"{TRASH}*")):
                    walk_jobs.remove(entry)
            except OSError as problem:  # the volume is away; the next start or deletion goes on
                log.warning("the trash of %s is not emptied yet: %s", self._root, problem)
