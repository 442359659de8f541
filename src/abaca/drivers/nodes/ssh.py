"""A machine that is reached over SSH, its key pinned at first contact.

One connection carries all commands, side by side; it is made when it is needed, and made again
when it was lost.  A command is never sent twice: once it was sent, a lost connection means that
its outcome is not known.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.files import private_directory, write_atomic
from abaca.drivers.nodes.node import SECONDS, Done

KEEP_ALIVE = 30  # seconds
SESSIONS = 6  # OpenSSH's server allows 10 on one connection (MaxSessions)
REFUSED_PAUSE = 0.02  # seconds


class LoginRefused(errors.ShareBackendException):
    """{node} does not let us in: {reason}"""


class HostKeyChanged(errors.ShareBackendException):
    """{node} shows another SSH host key than at first contact; if that is right, remove its line
    from {file}"""


class SshNode:
    """`user@host`, by key file, by password, or by the keys of this account."""

    def __init__(
        self,
        user: str,
        host: str,
        known_hosts: Path,
        *,
        password: str | None = None,
        key_file: str | None = None,
        port: int = 22,
        connect_seconds: float = 60.0,
        sessions: int = SESSIONS,
    ) -> None:
        self.name = f"{user}@{host}"
        self._host, self._port, self._user = host, port, user
        self._password, self._key_file = password, key_file
        self._seconds = connect_seconds
        self._pins = _Pins(known_hosts)
        self._room = threading.BoundedSemaphore(max(1, min(sessions, SESSIONS)))
        self._lock = threading.Lock()
        self._opening = threading.Lock()  # paramiko mixes up the refusals of two openings at once
        self._client: paramiko.SSHClient | None = None

    def run(self, *words: str, data: str = "", seconds: float = SECONDS) -> Done:
        with self._room:
            channel = self._session(seconds)
            with contextlib.closing(channel):
                try:
                    sys.audit("abaca.ssh", self.name, words)
                    return _run(channel, shlex.join(("env", "LC_ALL=C", *words)), data)
                except (TimeoutError, OSError, EOFError, paramiko.SSHException) as problem:
                    raise errors.StorageCommunicationException(
                        reason=f"{self.name} did not answer to {words[0]}: {_why(problem)}"
                    ) from problem

    def close(self) -> None:
        """Hang up; the next command connects again."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _session(self, seconds: float) -> paramiko.Channel:
        """A channel on the connection; a dead connection is replaced once.

        The server counts a session until it has read that we closed it, so it may refuse one more
        for a moment though there is room.  A connection that is alive is never hung up: commands
        of other threads run on it.
        """
        end, replaced = time.monotonic() + self._seconds, False
        while True:
            transport = self._transport()
            try:
                with self._opening:
                    begun = time.monotonic()
                    channel = transport.open_session(timeout=self._seconds)
                channel.settimeout(seconds)
                return channel
            except (OSError, EOFError, paramiko.SSHException) as problem:
                answered = time.monotonic() < begun + self._seconds
                refused = answered and transport.is_active()
                if time.monotonic() > end or (replaced and not refused):
                    raise errors.StorageCommunicationException(
                        reason=f"{self.name}: {_why(problem)}"
                    ) from problem
                if refused:
                    time.sleep(REFUSED_PAUSE)
                else:
                    transport.close()
                    replaced = True

    def _transport(self) -> paramiko.Transport:
        with self._lock:
            transport = self._client.get_transport() if self._client else None
            if transport is None or not transport.is_active():
                self._client = self._connect()
                transport = self._client.get_transport()
            assert transport is not None
            return transport

    def _connect(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        client.load_system_host_keys()
        self._pins.load_into(client)
        client.set_missing_host_key_policy(self._pins)
        own_keys = self._password is None and self._key_file is None
        key = self._read_key()
        with contextlib.ExitStack() as otherwise, self._telling_refusals():
            otherwise.callback(client.close)
            link = socket.create_connection((self._host, self._port), self._seconds)
            # several small packets make a command; waiting to join them costs 40 ms each
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connect(
                self._host,
                self._port,
                self._user,
                sock=link,
                password=self._password,
                pkey=key,
                timeout=self._seconds,
                banner_timeout=self._seconds,
                auth_timeout=self._seconds,
                allow_agent=own_keys,
                look_for_keys=own_keys,
            )
            otherwise.pop_all()
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEP_ALIVE)
        return client

    def _read_key(self) -> paramiko.PKey | None:
        if self._key_file is None:
            return None
        try:
            return paramiko.PKey.from_path(self._key_file)
        except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as problem:
            raise LoginRefused(
                node=self.name, reason=f"key file {self._key_file}: {_why(problem)}"
            ) from problem

    @contextlib.contextmanager
    def _telling_refusals(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.BadHostKeyException, _OtherKey) as problem:
            raise HostKeyChanged(node=self.name, file=str(self._pins.file)) from problem
        except paramiko.AuthenticationException as problem:
            raise LoginRefused(node=self.name, reason=_why(problem)) from problem
        except (OSError, EOFError, paramiko.SSHException) as problem:
            raise errors.StorageCommunicationException(
                reason=f"{self.name}: {_why(problem)}"
            ) from problem


class _OtherKey(paramiko.SSHException):
    """A host that is known by a key of one kind shows a key of another kind."""


class _Pins(paramiko.MissingHostKeyPolicy):
    """The keys seen at first contact, in a file in OpenSSH's format."""

    _lock = threading.Lock()  # nodes may share the file

    def __init__(self, file: Path) -> None:
        self.file = file

    def load_into(self, client: paramiko.SSHClient) -> None:
        if self.file.exists():
            client.load_host_keys(str(self.file))

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        with self._lock:
            private_directory(self.file.parent)
            known = paramiko.HostKeys(str(self.file) if self.file.exists() else None)
            if known.lookup(hostname) is not None:
                raise _OtherKey(hostname)
            old = self.file.read_text() if self.file.exists() else ""
            line = f"{hostname} {key.get_name()} {key.get_base64()}\n"
            write_atomic(self.file, old + line)


def _run(channel: paramiko.Channel, command: str, data: str) -> Done:
    """The end of its input is made over there: if we sent it, and the command had just ended, the
    server would find no such channel and hang up, in the middle of other threads' commands."""
    given = data.encode()
    source = f"head -c {len(given)} | {command}" if given else f"{command} </dev/null"
    channel.exec_command(source.encode())
    channel.sendall(given)
    # errors are short and fit the window; so output can be read to its end first
    with channel.makefile("rb") as out, channel.makefile_stderr("rb") as err:
        said, complained = out.read(), err.read()
    if not channel.status_event.wait(channel.gettimeout()) or channel.exit_status == -1:
        raise EOFError("the connection ended before the command did")
    return Done(
        channel.exit_status, said.decode(errors="replace"), complained.decode(errors="replace")
    )


def _why(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
