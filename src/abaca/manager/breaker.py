"""When a backend does not answer: leave it alone, look now and then, and go on gently.

    CLOSED ─ LOSSES calls or probes in a row lost ──> OPEN (a probe is lost: a longer pause)
       ^                                            │  ^
       │                   a probe is answered after the pause  │ the call is lost: a longer pause
       │                                            v  │
       └──── the call is answered ─────────────── HALF_OPEN (one call at a time)

A call is lost if its error says nothing about the outcome (contract.errors.transient).  Every other
answer shows that the backend is there, an error too.  The probe is the backend's report of its
pools: it changes nothing, and it comes round anyway.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import msgspec

from abaca.drivers.contract.errors import transient
from abaca.model import clock
from abaca.model.errors import AbacaError, BackendAway, DriverError

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"
# drivers may answer these out of their configuration: that says nothing of the backend
MAYBE_LOCAL = frozenset({"get_backend_info", "get_optional_share_creation_data"})
LOSSES = 5  # calls in a row that are lost before the backend is left alone
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds without a call
ONE_AT_A_TIME = 0.5  # seconds after which the others look again while one call is tried


class State(msgspec.Struct, frozen=True):
    """What is known of a backend.  Times are of clock.uptime()."""

    name: str = CLOSED
    losses: int = 0  # calls in a row
    silences: int = 0  # probes in a row that were lost while it was closed
    since: float = 0.0  # the first time it was not closed
    pause: float = 0.0  # seconds
    until: float = 0.0  # no probe counts before
    error: str = ""  # of the call that was lost last

    def lost(self, error: str, now: float) -> State:
        """A call or a probe was not answered."""
        losses = self.losses + 1
        if self.name == CLOSED and losses < LOSSES:
            return State(losses=losses, silences=self.silences)
        if self.name == OPEN and now < self.until:
            return self  # a call that was under way when it opened
        return self._open(losses, error, now)

    def unheard(self, error: str, now: float) -> State:
        """A probe was lost.  Without operations nothing else shows that the backend is away."""
        if self.name != CLOSED:
            return self.lost(error, now)
        silences = self.silences + 1
        if silences < LOSSES:
            return msgspec.structs.replace(self, silences=silences)
        return self._open(silences, error, now)

    def _open(self, losses: int, error: str, now: float) -> State:
        pause = min(LONGEST_PAUSE, self.pause * 2 or FIRST_PAUSE)
        return State(
            OPEN, losses, since=self.since or now, pause=pause, until=now + pause, error=error
        )

    def probed(self, now: float) -> State:
        """A probe was answered.  A closed one has not become a better one by it: what only
        operations notice is still counted."""
        if self.name == CLOSED:
            return msgspec.structs.replace(self, silences=0)
        over = self.name == OPEN and now >= self.until
        return msgspec.structs.replace(self, name=HALF_OPEN) if over else self


class Breaker:
    """The state of one backend, shared by the threads that call it."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        """changed: called after the state has changed, by the thread that found out; not for each
        lost call."""
        self.state = State()
        self.changed = changed
        self._lock = threading.Lock()
        self._trial: int | None = None  # the thread that tries, while half open

    @property
    def problem(self) -> str | None:
        """Why the backend is left alone, in words; None while it is called."""
        state = self.state
        if state.name != OPEN:
            return None
        return f"it has not answered {state.losses} times in a row: {state.error}"

    def check(self) -> None:
        """Raise BackendAway if the backend is left alone."""
        state, now = self.state, clock.uptime()
        if state.name == OPEN:
            raise _away(state, now, max(state.until - now, ONE_AT_A_TIME))

    @contextlib.contextmanager
    def calling(self, method: str) -> Iterator[None]:
        """Around a call of the driver; raises BackendAway instead if it must not be made."""
        self._enter()
        try:
            yield
        except DriverError as error:
            lost = str(error) if transient(error) else None
            self._become(lambda state, now: State() if lost is None else state.lost(lost, now))
            raise
        except (AbacaError, NotImplementedError):  # it says nothing of the backend
            self._become(lambda state, now: state)
            raise
        learnt = method not in MAYBE_LOCAL
        self._become(lambda state, now: State() if learnt else state)

    @contextlib.contextmanager
    def probing(self) -> Iterator[None]:
        """Around a call that changes nothing; it is always made."""
        try:
            yield
        except DriverError as error:
            if transient(error) or self.state.name == OPEN:
                lost = str(error)
                self._probed(lambda state, now: state.unheard(lost, now))
            raise
        self._probed(lambda state, now: state.probed(now))

    def _probed(self, change: Callable[[State, float], State]) -> None:
        before = self.state
        if before.name == HALF_OPEN:
            return
        self._become(change)
        if before.name == OPEN and self.state == before:  # too early to count: it must come again
            self.changed()

    def _enter(self) -> None:
        with self._lock:
            self.check()
            me = threading.get_ident()
            if self.state.name == HALF_OPEN:
                if self._trial not in (None, me):
                    raise _away(self.state, clock.uptime(), ONE_AT_A_TIME)
                self._trial = me

    def _become(self, change: Callable[[State, float], State]) -> None:
        with self._lock:
            before = self.state
            self.state = change(before, clock.uptime())
            if self.state.name != before.name or self._trial == threading.get_ident():
                self._trial = None
        if (self.state.name, self.state.until) != (before.name, before.until):
            self.changed()


def _away(state: State, now: float, seconds: float) -> BackendAway:
    return BackendAway(
        f"The storage backend does not answer ({state.error}); it is left alone for a while.",
        seconds=seconds,
        since=now - state.since,
    )
