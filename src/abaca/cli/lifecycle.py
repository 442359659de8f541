"""The life of a service process: who may start, how it hears that it shall end, who is told."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from .database import make_directory

DRAIN_SECONDS = 1.5  # what runs may finish; the rest is taken up by the next start


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Keep a second `abaca serve` away from this state directory.

    A kernel lock: it goes with the process, however that ends.  Whoever may read the file could
    take the lock, so nobody else may.
    """
    make_directory(state)
    with os.fdopen(os.open(state / "serve.pid", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        os.fchmod(file.fileno(), 0o600)  # earlier versions let everybody read it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = file.read().strip() or "unknown"
            raise click.ClickException(
                f"abaca is running already on {state} (process {pid}). Stop it first, or give "
                "this one a directory of its own with ABACA_STATE_DIR."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def check_port(address: str, port: int) -> str:
    """The address to listen on.  Raises ClickException unless the API can listen there."""
    address = listen_address(address)
    where = f"{f'[{address}]' if ':' in address else address}:{port}"
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise click.ClickException(f"osapi_share_listen {address}: {error.strerror}.") from None
    with socket.socket(found[0], socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(found[4])
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                reason = (
                    f"Port {port} is in use by another program; choose another one: "
                    "osapi_share_listen_port in [DEFAULT], or --port."
                )
            else:
                reason = f"The API cannot listen on {where}: {error.strerror}."
            raise click.ClickException(reason) from None
    return address


def listen_address(address: str) -> str:
    """The address given, but 0.0.0.0 for :: on a machine without IPv6."""
    return "0.0.0.0" if address == "::" and not _has_ipv6() else address


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


class Flag:
    """As threading.Event, for what a signal handler sets and the main thread waits for.

    An event would deadlock (its lock is held by who is about to wait), and any lock misses a
    signal that comes just before it blocks: the handler runs when the main thread does.  A pipe
    does neither: the byte is there, whoever wrote it, and the interpreter itself writes one when
    a signal arrives (set_wakeup_fd).
    """

    def __init__(self) -> None:
        self._set = False
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wake_on_signals(self) -> None:
        """Any signal ends a wait, so that its handler runs; for one flag of a process."""
        signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        with contextlib.suppress(BlockingIOError):  # full: who waits is awake
            os.write(self._in, b"!")

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set; in one thread at a time.  timeout: seconds."""
        news = select.poll()
        news.register(self._out, select.POLLIN)
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._set:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not news.poll(None if left is None else left * 1000):
                break
            os.read(self._out, 4096)  # of another signal, perhaps: then we go on waiting
        return self._set

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending(BaseException):
    """One of ENDING; no `except Exception` on the way may swallow it."""


def end_on_signals() -> Flag:
    """SIGINT, SIGTERM and SIGHUP (not under nohup) set the flag and raise Ending in the main
    thread.

    Where Python cannot let an exception through (a finaliser), the flag remains; who waits or
    is about to serve looks at it.
    """
    ended = Flag()
    ended.wake_on_signals()
    report = sys.unraisablehook

    def lost(found: sys.UnraisableHookArgs) -> None:
        if not isinstance(found.exc_value, Ending):
            report(found)

    sys.unraisablehook = lost

    def stop(number: int, frame: Any) -> None:
        ended.set()
        raise Ending

    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    return ended


def ignore_signals() -> None:
    """While ending, a second Ctrl-C changes nothing."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def leave(code: int = 0) -> NoReturn:
    """End now.  A driver's call that still runs is cut off: handlers are restartable, and the
    interpreter would wait for its thread for as long as the backend likes."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def tell_systemd(state: str) -> None:
    """READY=1, STOPPING=1: for units of Type=notify; nothing happens elsewhere."""
    target = os.environ.get("NOTIFY_SOCKET")
    if not target:
        return
    address = "\0" + target[1:] if target.startswith("@") else target
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.sendto(state.encode(), address)
