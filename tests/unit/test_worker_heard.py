"""Announcements of other processes, while backends are still coming up."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.operations.job import Kinds
from abaca.operations.worker import Queue, Worker
from abaca.store.engine import Store


def test_a_queue_may_appear_while_all_are_woken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the thread that listens would die, and every operation wait for seconds."""
    store = Store(f"sqlite:///{tmp_path}/a.sqlite")
    worker = Worker(store, Kinds())
    worker.serve("one", None, 1)
    woken: list[str] = []

    def wake(queue: Queue) -> None:
        woken.append(queue.name)
        worker.serve("two", None, 1)

    monkeypatch.setattr(Queue, "wake", wake)
    worker._heard("")
    assert woken == ["one"]
    store.close()
