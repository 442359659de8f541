"""Whether the API can work: asked by /healthcheck, answered within a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from abaca.model.errors import Unavailable

PATIENCE_SECONDS = 2.0
SILENT = "The database does not answer."


class Health:
    """None, or what is wrong.

    A database that hangs is silent after `patience` seconds, and at once for those who ask
    while it still hangs: at most one question is under way.
    """

    def __init__(self, ping: Callable[[], None], patience: float = PATIENCE_SECONDS) -> None:
        """`ping` raises Unavailable."""
        self._ping = ping
        self._patience = patience
        self._pool = ThreadPoolExecutor(1, "health")
        self._lock = threading.Lock()
        self._late: Future[None] | None = None  # a question that has had no answer in time

    def __call__(self) -> str | None:
        with self._lock:
            if self._late is not None and not self._late.done():
                return SILENT
            asked, self._late = self._pool.submit(self._ping), None
            try:
                asked.result(self._patience)
            except TimeoutError:
                self._late = asked
                return SILENT
            except Unavailable as error:
                return error.message
        return None
