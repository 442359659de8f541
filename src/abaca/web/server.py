"""The HTTP server: a few threads, all of which wait for connections and run requests.

A thread takes an event, reads what is there without waiting, and if that completes a request, runs
the application and sends of the answer what the client takes at once.  So nothing that a client
does slowly, or leaves undone, keeps a thread.  At most `threads` requests run at a time, and one
more for the `urgent` paths; there is a thread more than that, so one always waits for connections.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from .clients import TrustedProxies, normal
from .connection import Actions, Connection
from .limits import Limits
from .parser import Request
from .peers import Peers
from .replies import Reply, refusal

log = structlog.get_logger(__name__)
CHECK_SECONDS = 0.25  # between two checks for deadlines that have passed
REPORT_SECONDS = 10.0  # between two log lines about what was given up
ACCEPTS = 64  # connections taken at once
BACKLOG = 1024
SEND_BUFFER = 262144  # bytes that the kernel keeps of an answer
_ONCE = select.EPOLLIN | select.EPOLLONESHOT
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Answers(Protocol):
    """What is asked of the application; see gateway.Gateway."""

    def answer(self, request: Request, peer: str) -> Reply: ...


class Lane:
    """Requests that wait, and how many of them may run at a time."""

    def __init__(self, threads: int, most: int) -> None:
        self.threads = threads
        self.most = most
        self.running = 0
        self.waiting: deque[tuple[Connection, Request]] = deque()

    @property
    def is_full(self) -> bool:
        return len(self.waiting) + self.running >= self.most


class Server:
    """Serves until `stop`.

    server = Server(gateway, [listening_socket], limits)
    server.start()
    server.stop()
    """

    def __init__(
        self,
        gateway: Answers,
        listeners: Sequence[socket.socket],
        limits: Limits,
        *,
        threads: int = 8,
        proxies: TrustedProxies | None = None,
        tls: ssl.SSLContext | None = None,
        urgent: frozenset[str] = frozenset(),
        when_ended: Callable[[], object] = lambda: None,
    ) -> None:
        """`listeners`: bound TCP sockets; `urgent`: paths; `when_ended` is called as a thread of
        the server ends, also if a fault of our own ends it."""
        self.gateway = gateway
        self.limits = limits
        self.tls = tls
        self.urgent = urgent
        self.when_ended = when_ended
        self.peers: Peers[Connection] = Peers(limits, proxies or TrustedProxies())
        self.given_up: Counter[str] = Counter()  # since the last log line
        self._lock = threading.Lock()  # whoever holds it may touch connections and lanes
        self._normal = Lane(threads, limits.waiting)
        self._urgent = Lane(1, limits.waiting)
        self._actions = Actions(self._run, self._arm, self.peers.rerank, self._close)
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        self._listeners = {each.fileno(): each for each in listeners}
        self._paused: set[int] = set()  # listeners, while there is no descriptor
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._ended = threading.Event()
        self._is_stopping = False
        self._empty = threading.Event()  # no connection is left, while stopping
        self._next_report = 0.0
        self._threads = [
            threading.Thread(target=self._serve, name=f"http-{number}", daemon=True)
            for number in range(threads + 2)
        ]
        self._threads.append(threading.Thread(target=self._keep_time, name="http", daemon=True))

    def start(self) -> None:
        self._epoll.register(self._end, select.EPOLLIN)  # never read: it wakes all threads
        for fd, listener in self._listeners.items():
            listener.setblocking(False)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            listener.listen(BACKLOG)
            self._epoll.register(fd, _ONCE)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Requests that are complete are answered within `limits.stop_seconds`; no other is."""
        with self._lock:
            self._is_stopping = True
            for listener in self._listeners.values():
                listener.close()
            self._listeners.clear()
            # the busy ones first: a client that sees an idle connection end may take it that every
            # answer from then on says `Connection: close`
            for connection in reversed(self.peers.all()):
                connection.stop()
            is_empty = not self._by_fd
        if not is_empty:
            self._empty.wait(self.limits.stop_seconds)
        with self._lock:
            for connection in self.peers.all():
                self._close(connection)
        self._ended.set()
        os.eventfd_write(self._end, 1)

    # --- threads ----------------------------------------------------------------------------------
    def _serve(self) -> None:
        try:
            while not self._ended.is_set():
                for fd, _ in self._epoll.poll(maxevents=1):
                    with self._lock:
                        self._event(fd)
                        job = self._take()
                    while job is not None:
                        job = self._do(*job)
        finally:
            self.when_ended()

    def _do(
        self, lane: Lane, connection: Connection, request: Request
    ) -> tuple[Lane, Connection, Request] | None:
        """Answer a request; what is next, if something waits."""
        reply = self.gateway.answer(request, connection.peer)
        with self._lock:
            lane.running -= 1
            self._guarded(connection, partial(connection.answer, reply))
            return self._take()

    def _take(self) -> tuple[Lane, Connection, Request] | None:
        for lane in (self._urgent, self._normal):
            if lane.waiting and lane.running < lane.threads:
                lane.running += 1
                return (lane, *lane.waiting.popleft())
        return None

    def _keep_time(self) -> None:
        """End what has passed its deadline, until the server ends."""
        while not self._ended.wait(CHECK_SECONDS):
            with self._lock:
                self._end_overdue(time.monotonic())

    # --- with the lock ----------------------------------------------------------------------------
    def _event(self, fd: int) -> None:
        connection = self._by_fd.get(fd)
        if connection is not None:
            self._guarded(connection, connection.ready)
        elif fd in self._listeners:
            self._accept(self._listeners[fd])

    def _guarded(self, connection: Connection, step: Callable[[], None]) -> None:
        """A fault of ours ends one connection, not all of them."""
        try:
            step()
        except Exception:
            log.exception("http.bug", peer=connection.peer, state=connection.state.name)
            self._close(connection)

    def _end_overdue(self, now: float) -> None:
        for connection in [each for each in self._by_fd.values() if each.deadline <= now]:
            self.given_up[f"{connection.state.name.lower()} too long"] += 1
            self._guarded(connection, connection.expired)
        for fd in self._paused & self._listeners.keys():
            self._epoll.modify(fd, _ONCE)
        self._paused.clear()
        if self.given_up and now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            log.info("http.given_up", connections=len(self.peers), **self.given_up)
            self.given_up.clear()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _FULL:
                    continue  # the client has gone already
                self._give_up_one("no descriptor left")
                self._paused.add(listener.fileno())  # until the next check
                return
            self._admit(sock, normal(address[0]))
        self._epoll.modify(listener.fileno(), _ONCE)

    def _admit(self, sock: socket.socket, peer: str) -> None:
        group = self.peers.group_of(peer)
        is_welcome, gone = self.peers.make_room(group)
        if gone is not None:
            self.given_up["for a new one"] += 1
            self._close(gone)
        if not is_welcome:
            self.given_up["refused"] += 1
            sock.close()
            return
        sock.setblocking(False)
        if self.tls is not None:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except OSError:  # the client has gone already
                sock.close()
                return
        connection = Connection(sock, peer, group, self.limits, self._actions)
        self._by_fd[sock.fileno()] = connection
        self.peers.add(connection)
        self._epoll.register(sock.fileno(), _ONCE)

    def _give_up_one(self, why: str) -> None:
        connection = self.peers.first_to_go()
        if connection is not None:
            self.given_up[why] += 1
            self._close(connection)

    # --- what connections ask for -----------------------------------------------------------------
    def _arm(self, connection: Connection, events: int) -> None:
        self._epoll.modify(connection.sock.fileno(), events | select.EPOLLONESHOT)

    def _close(self, connection: Connection) -> None:
        fd = connection.sock.fileno()
        if self._by_fd.get(fd) is connection:
            del self._by_fd[fd]
            self.peers.remove(connection)
            connection.sock.close()
            if self._is_stopping and not self._by_fd:
                self._empty.set()

    def _run(self, connection: Connection, request: Request) -> None:
        lane = self._urgent if request.path in self.urgent else self._normal
        if lane.is_full:
            self.given_up["too many requests"] += 1
            connection.answer(refusal(503, "Too many requests are waiting; try again."))
        else:
            lane.waiting.append((connection, request))
