"""Calls of a driver under a limit of time: who waits for an answer does not wait for ever.

A call is made by a thread of a pool.  One that has not returned in time is given up: its outcome is
unknown, and its thread is left to itself.  Until it returns, nothing else is called for the same
share, and what it still wants to write into our database is refused.  Of a backend on which MOST
calls hang nothing is asked any more until one returns: each would cost another thread.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from abaca.drivers.contract.errors import ForeignError, StorageCommunicationException
from abaca.model import clock
from abaca.model.errors import AbacaError, BackendAway, LeaseLost

log = structlog.get_logger(__name__)
MOST = 8  # calls that hang
LOOK_SECONDS = 5.0  # how often an operation looks whether one of them has returned
_of_thread = threading.local()


def guarded(action: Callable[[], Any]) -> Any:
    """Call into a driver: the border at which foreign errors become ours.  Drivers may call
    sys.exit, and timeouts of foreign libraries are no Exceptions: to us they are errors too."""
    try:
        return action()
    except (AbacaError, NotImplementedError):
        raise
    except BaseException as error:
        raise ForeignError(error) from error


class Call:
    """One call.  key: of calls that must not be made beside it."""

    def __init__(self, method: str, key: str, action: Callable[[], Any]) -> None:
        self.method, self.key, self.action = method, key, action
        self.begun = clock.uptime()
        self.over = threading.Event()
        self.given_up = False
        self.writing = threading.Lock()  # held to write for it, and to give it up
        self.answer: Any = None
        self.error: Exception | None = None

    def run(self) -> None:
        _of_thread.call = self
        try:
            self.answer = guarded(self.action)
        except (AbacaError, NotImplementedError) as error:
            self.error = error
        _of_thread.call = None

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.answer

    @property
    def age(self) -> float:
        return clock.uptime() - self.begun


class Calls:
    """Those of one backend."""

    def __init__(self, backend: str, seconds: float | None) -> None:
        """seconds: until a call is given up; None: never, and it is made by who asks for it."""
        self.changed: Callable[[], None] = lambda: None  # called when `problem` is another
        self._backend, self.seconds = backend, seconds
        self._lock = threading.Lock()
        self._hanging: dict[str, Call] = {}  # by key
        self._idle: list[queue.SimpleQueue[Call | None]] = []  # inboxes of threads
        self._stopped = False

    @property
    def problem(self) -> str | None:
        """Why nothing is called any more, in words; None while calls are made."""
        hanging = list(self._hanging.values())
        if len(hanging) < MOST:
            return None
        oldest = max(hanging, key=lambda call: call.age)
        return (
            f"{len(hanging)} calls of its driver do not return ({oldest.method} for "
            f"{oldest.age:.0f} s); restart abaca when the backend works again"
        )

    def check(self, key: str) -> None:
        """Raise BackendAway if nothing is called any more, StorageCommunicationException while an
        earlier call of this key has not returned."""
        problem, hanging = self.problem, self._hanging.get(key)
        if problem:
            since = max((call.age for call in list(self._hanging.values())), default=0.0)
            raise BackendAway(problem, seconds=LOOK_SECONDS, since=since)
        if hanging:
            raise StorageCommunicationException(
                reason=f"{hanging.method} was called {hanging.age:.0f} s ago and has not returned"
            )

    def make(self, method: str, key: str, action: Callable[[], Any]) -> Any:
        """Its answer.  StorageCommunicationException if it did not return in time."""
        if self.seconds is None:
            return guarded(action)
        call = Call(method, key, action)
        self._start(call)
        if call.over.wait(self.seconds) or not self._give_up(call):
            return call.result()
        raise StorageCommunicationException(
            reason=f"{method} did not return within {self.seconds:g} s; it is waited for no longer"
        )

    def stop(self) -> None:
        """Threads that make no call end."""
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _start(self, call: Call) -> None:
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = queue.SimpleQueue()
            name = f"call {self._backend}"
            threading.Thread(target=self._serve, args=(inbox,), name=name, daemon=True).start()
        inbox.put(call)

    def _serve(self, inbox: queue.SimpleQueue[Call | None]) -> None:
        while call := inbox.get():
            call.run()
            with self._lock:
                if not self._stopped:
                    self._idle.append(inbox)
                call.over.set()
                given_up, before = call.given_up, self.problem
                if given_up:
                    del self._hanging[call.key]
            if given_up:
                error = repr(call.error) if call.error else None
                log.warning("call.returned_late", method=call.method, key=call.key, error=error)
            if before and not self.problem:
                self.changed()
            if self._stopped:
                return

    def _give_up(self, call: Call) -> bool:
        """False if it has just returned."""
        with call.writing, self._lock:
            if call.over.is_set():
                return False
            call.given_up = True
            before = self.problem
            self._hanging[call.key] = call
        log.error("call.given_up", method=call.method, key=call.key, after=call.age)
        if self.problem and not before:
            self.changed()
        return True


@contextlib.contextmanager
def still_wanted() -> Iterator[None]:
    """Around what is written for a driver while it is called: LeaseLost if it was given up."""
    call: Call | None = getattr(_of_thread, "call", None)
    with call.writing if call else contextlib.nullcontext():
        if call and call.given_up:
            raise LeaseLost(f"{call.method} was given up; what it still does is not recorded.")
        yield
