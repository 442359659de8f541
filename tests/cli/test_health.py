"""/healthcheck answers also when the database does not."""

from __future__ import annotations

import threading

from abaca.cli.health import SILENT, Health
from abaca.model.errors import Unavailable


def test_a_database_that_hangs_is_told_once_it_has_had_its_time() -> None:
    answers, asked = threading.Event(), []

    def ping() -> None:
        asked.append(1)
        answers.wait(30)

    health = Health(ping, patience=0.05)
    assert health() == SILENT
    assert health() == SILENT
    assert asked == [1]  # nobody waits behind the first one
    answers.set()
    while health() is not None:
        pass
    assert len(asked) == 2


def test_what_is_wrong() -> None:
    def ping() -> None:
        raise Unavailable("gone")

    assert "gone" in str(Health(ping)())
    assert Health(lambda: None)() is None
