"""Directories on their way out: out of sight at once, deleted in the background."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import threading
from pathlib import Path

TRASH = ".trash"

log = logging.getLogger(__name__)


class Trash:
    """<volume>/.trash, and one thread that empties it."""

    def __init__(self, root: Path) -> None:
        self._place = root / TRASH
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._more = False

    def discard(self, directory: Path) -> None:
        """Take a directory out of sight; absent is success."""
        self._place.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            directory.rename(self._place / f"{directory.name}.{secrets.token_hex(4)}")
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
                for entry in list(self._place.iterdir()) if self._place.is_dir() else []:
                    shutil.rmtree(entry)
            except OSError as problem:  # the volume is away; the next start or deletion goes on
                log.warning("%s is not emptied yet: %s", self._place, problem)
