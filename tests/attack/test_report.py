"""The report of `make attack` itself."""

from __future__ import annotations

import pytest

from attack.conftest import Wall

WALL = "the report"


def test_a_wall_that_lets_something_through_fails_its_test() -> None:
    wall = Wall(WALL)
    wall.attempt("a harmless name", got_through=False)
    wall.attempt("../secret", got_through=True)
    with pytest.raises(AssertionError, match=r"1 of 2: \['../secret'\]"):
        wall.assert_held()


def test_a_test_that_tried_nothing_fails() -> None:
    with pytest.raises(AssertionError, match="nothing was tried"):
        Wall(WALL).assert_held()


def test_an_attempt_after_the_last_check_is_not_checked() -> None:
    wall = Wall(WALL)
    wall.attempt("nothing", got_through=False)
    wall.assert_held()
    assert wall.was_checked
    wall.attempt("../secret", got_through=True)
    assert not wall.was_checked


def test_attempts_are_counted_for_the_report(wall: Wall) -> None:
    wall.attempt("nothing", got_through=False)
    wall.assert_held()
