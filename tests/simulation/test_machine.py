"""The same world driven by hypothesis, which shrinks what breaks a promise to the fewest steps."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from abaca.testing.simulation import campaign
from abaca.testing.simulation.bugs import planted
from abaca.testing.simulation.plan import METHODS, REQUESTS, Action, Options

FEW = st.integers(0, 7)
# No database of examples and no randomness: every run plays the same.
STABLE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    max_examples=60,
    stateful_step_count=12,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


class Promises(RuleBasedStateMachine):
    """Requests and misfortunes in any order; the reference model says what must come of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()

    @initialize(managers=st.sampled_from((1, 2)), together=st.booleans())
    def begin(self, managers: int, together: bool) -> None:
        options = Options(managers=managers, together=together)
        self.history = self.stack.enter_context(campaign.stage().improvise(options))
        self.history.begin()
        self.act("create", 0, 1)
        self.act("settle", 0, 0)

    def act(self, verb: str, a: int, b: int, c: int = 99) -> None:
        self.history.act(Action(verb, a, b, c))

    @rule(verb=st.sampled_from(sorted(REQUESTS)), a=FEW, b=FEW)
    def request(self, verb: str, a: int, b: int) -> None:
        self.act(verb, a, b)

    @rule()
    def settle(self) -> None:
        self.act("settle", 0, 0)

    @rule(process=st.integers(0, 1), points=FEW)
    def work(self, process: int, points: int) -> None:
        self.act("work", process, points)

    @rule(process=st.integers(0, 1), points=FEW, at_call=st.integers(0, 1))
    def crash(self, process: int, points: int, at_call: int) -> None:
        self.act("crash", process, points, at_call)

    @rule(process=st.integers(0, 1))
    def lose_leases(self, process: int) -> None:
        self.act("stall", process, 0)

    @rule(method=st.integers(0, len(METHODS) - 1), kind=FEW)
    def fault(self, method: int, kind: int) -> None:
        self.act("fault", method, kind)

    @invariant()
    def nothing_wrong_so_far(self) -> None:
        if hasattr(self, "history"):
            assert not self.history.wrong, self.history.wrong

    def teardown(self) -> None:
        with self.stack:
            if hasattr(self, "history") and not self.history.wrong:
                self.history.end()
                assert not self.history.wrong, self.history.wrong


def test_hypothesis_breaks_no_promise() -> None:
    run_state_machine_as_test(Promises, settings=STABLE)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("bug", ["delete_forgets_snapshots", "lost_operation"])
def test_hypothesis_finds_a_planted_bug(bug: str) -> None:
    with planted(bug), pytest.raises(AssertionError):
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Promises,
            settings=settings(STABLE, max_examples=600, phases=(Phase.generate,)),
        )
