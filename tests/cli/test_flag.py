"""A service ends by a signal at whatever moment it comes."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from abaca.cli.lifecycle import Flag

SIGNALS = 50_000  # threading.Event and queue.SimpleQueue hang before


@pytest.fixture
def handler_sets() -> Iterator[Flag]:
    flag = Flag()
    flag.wake_on_signals()
    before = signal.signal(signal.SIGALRM, lambda number, frame: flag.set())
    try:
        yield flag
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.set_wakeup_fd(-1)
        flag.close()


def test_a_signal_is_heard_whenever_it_comes(handler_sets: Flag) -> None:
    chance = random.Random(1)
    for _ in range(SIGNALS):
        handler_sets.clear()
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 3e-5))
        assert handler_sets.wait(30)


def test_a_flag_that_is_not_set_is_waited_for_so_long() -> None:
    flag = Flag()
    started = time.monotonic()
    assert not flag.wait(0.05)
    assert time.monotonic() - started >= 0.05
    flag.set()
    flag.clear()
    assert not flag.wait(0.01)  # what is left of the earlier setting is no setting


def test_another_thread_wakes_who_waits() -> None:
    flag = Flag()
    other = threading.Timer(0.05, flag.set)
    other.start()
    assert flag.wait(30)
    assert flag.is_set()
    other.join()
