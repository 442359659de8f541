"""One connection: its socket, its state, and what it waits for.

    HANDSHAKE -> IDLE -> READING -> BUSY -> WRITING -> IDLE ...
                                    └──────────────-> CLOSING

For one thread at a time: the server's lock is held by whoever calls a method.  No method waits.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from select import EPOLLIN, EPOLLOUT
from typing import NamedTuple

from .limits import SLOWEST, Limits
from .parser import Parser, Refused, Request
from .peers import Rank
from .replies import CONTINUE, Reply, refusal

READ_SIZE = 65536  # bytes of one read
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class State(Enum):
    HANDSHAKE = auto()
    IDLE = auto()
    READING = auto()
    BUSY = auto()
    WRITING = auto()
    CLOSING = auto()


_TERMS: dict[State, tuple[Rank, str]] = {  # rank, and the limit that is its deadline
    State.HANDSHAKE: (Rank.UNFINISHED, "request_seconds"),
    State.IDLE: (Rank.IDLE, "idle_seconds"),
    State.READING: (Rank.UNFINISHED, "request_seconds"),
    State.BUSY: (Rank.BUSY, ""),
    State.WRITING: (Rank.UNFINISHED, "answer_seconds"),
    State.CLOSING: (Rank.UNFINISHED, "close_seconds"),
}


class Actions(NamedTuple):
    """What a connection asks of its server."""

    run: Callable[[Connection, Request], None]
    arm: Callable[[Connection, int], None]  # epoll events to wait for, once
    rerank: Callable[[Connection, Rank], None]
    close: Callable[[Connection], None]


class Connection:
    def __init__(
        self, sock: socket.socket, peer: str, group: str, limits: Limits, actions: Actions
    ) -> None:
        self.sock = sock
        self.peer = peer
        self.group = group
        self.limits = limits
        self.actions = actions
        self.is_stopping = False  # no further request
        self.current: Request | None = None  # the one that is being answered
        self.parser = Parser(limits)
        self.requests: deque[Request] = deque()  # complete, not yet begun
        self.pieces: deque[memoryview] = deque()  # of the answer that is being sent
        self.keep_alive = True
        self.state = State.HANDSHAKE if isinstance(sock, ssl.SSLSocket) else State.IDLE
        self.rank, name = _TERMS[self.state]
        self.deadline = time.monotonic() + getattr(limits, name)

    def _enter(self, state: State, more: float = 0.0) -> None:
        """more: seconds that are added to the state's own."""
        self.state = state
        rank, name = _TERMS[state]
        seconds = getattr(self.limits, name) if name else float("inf")
        self.deadline = time.monotonic() + seconds + more
        self.actions.rerank(self, rank)

    # --- events -----------------------------------------------------------------------------------
    def ready(self) -> None:
        """The socket can do what `arm` was asked for."""
        if self.state is State.BUSY:
            return
        try:
            _READY[self.state](self)
        except ssl.SSLWantWriteError:
            self.actions.arm(self, EPOLLOUT)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.actions.arm(self, EPOLLOUT if self.state is State.WRITING else EPOLLIN)
        except OSError:  # reset, or not TLS
            self.actions.close(self)

    def expired(self) -> None:
        """The deadline has passed."""
        if self.state is State.READING:
            self._refuse(Refused(408, "The request did not come to its end in time."))
        else:
            self.actions.close(self)

    def stop(self) -> None:
        """Finish what is going on, then close; half a request is not going on."""
        self.is_stopping = True
        if self.current is not None:
            self.current.keep_alive = False
        if self.state not in (State.BUSY, State.WRITING):
            self.actions.close(self)

    def _handshake(self) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)
        self.sock.do_handshake()
        self._enter(State.IDLE)
        self._receive()

    def _receive(self) -> None:
        data = self.sock.recv(READ_SIZE)
        if not data:
            self.actions.close(self)
            return
        if self.state is State.IDLE:
            self._enter(State.READING)
        self.requests.extend(self.parser.feed(data))
        if self.parser.wants_continue:
            self.parser.wants_continue = False
            self.sock.send(CONTINUE)
        self._next()

    def _next(self) -> None:
        """Begin the next request, or wait for it."""
        if self.requests:
            self._enter(State.BUSY)
            self.current = self.requests.popleft()
            self.actions.run(self, self.current)
        elif self.parser.refused is not None:
            self._refuse(self.parser.refused)
        else:
            wanted = State.IDLE if self.parser.is_between else State.READING
            if self.state is not wanted:
                self._enter(wanted)
            if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
                self._receive()
            else:
                self.actions.arm(self, EPOLLIN)

    # --- answers ----------------------------------------------------------------------------------
    def answer(self, reply: Reply) -> None:
        """Send it; the request it belongs to is done."""
        self.current = None
        self.keep_alive = reply.keep_alive and not self.is_stopping
        self.pieces.extend(map(memoryview, reply.pieces))
        self._enter(State.WRITING, sum(map(len, reply.pieces)) / SLOWEST)
        self.ready()

    def _refuse(self, refused: Refused) -> None:
        self.requests.clear()
        self.answer(refusal(refused.code, refused.message))

    def _send(self) -> None:
        pieces = self.pieces
        while pieces:
            sent = self.sock.send(pieces[0])
            if sent == len(pieces[0]):
                pieces.popleft()
            else:
                pieces[0] = pieces[0][sent:]
        if self.keep_alive:
            self._next()
        else:
            self._close_gently()

    def _close_gently(self) -> None:
        """Let the client read the answer first: closing with unread input resets it away."""
        self._enter(State.CLOSING)
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.unwrap()
            except (*_LATER, OSError):
                pass  # our notice is sent; the client's is not waited for
        self.sock.shutdown(socket.SHUT_WR)
        self.actions.arm(self, EPOLLIN)

    def _discard(self) -> None:
        if self.sock.recv(READ_SIZE):
            self.actions.arm(self, EPOLLIN)
        else:
            self.actions.close(self)


_READY: dict[State, Callable[[Connection], None]] = {
    State.HANDSHAKE: Connection._handshake,
    State.IDLE: Connection._receive,
    State.READING: Connection._receive,
    State.WRITING: Connection._send,
    State.CLOSING: Connection._discard,
}
