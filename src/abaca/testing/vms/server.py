"""The simulated array on a socket: HTTPS, HTTP/1.1, one thread for each connection."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from abaca.testing.vms import api, certificates, faults
from abaca.testing.vms.array import Array
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import State, Tx

IDLE_SECONDS: Final = 120.0
LONGEST_BODY: Final = 16 << 20


@dataclass(frozen=True)
class Answer:
    """What goes over the wire; `how` is the kind of fault that spoils it."""

    status: int
    body: bytes
    how: str | None = None


class Server(ThreadingHTTPServer):
    """Serves one array until `shutdown`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], state: State, context: ssl.SSLContext) -> None:
        self.state = state
        self.context = context
        self.open: set[socket.socket] = set()
        self._changed = threading.Condition()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Handshakes are left to the connection's own thread: they must not hold up the others."""
        plain, peer = self.socket.accept()
        plain.settimeout(IDLE_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self.open.add(secure)
        return secure, peer

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self.open.discard(request)
            self._changed.notify_all()

    def wait_for_quiet(self, seconds: float = 60.0) -> bool:
        """Until every connection has ended: nothing that was asked for is still to be done."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.open, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the game."""

    def close(self) -> None:
        """As if the array lost its power: all connections end."""
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "VMS-simulator"

    def setup(self) -> None:
        cast(ssl.SSLSocket, self.request).do_handshake()
        super().setup()

    def do_request(self) -> None:
        answer = self._answer()
        if answer.how in ("cut", "lost"):
            self.close_connection = True
            if answer.how == "lost":  # until the client gives up
                self.connection.recv(1)
            return
        head = f"HTTP/1.1 {answer.status} {self.responses[answer.status][0]}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        whole = head.encode() + answer.body
        self.close_connection = answer.how == "torn"
        self.wfile.write(whole[: -len(answer.body) // 2 - 1] if self.close_connection else whole)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_request

    def _answer(self) -> Answer:
        state = cast(Server, self.server).state
        url = urlsplit(self.path)
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST_BODY))
        try:
            path = api.below_base(url.path)
            with state.write() as tx:
                fault = faults.take(tx, self.command, path)
            if fault:
                fault.strike("before")
                time.sleep(float(fault.argument.get("seconds", 0)))
            answer = self._perform(state, path, url.query, body, fault)
            if fault:
                fault.strike("after")
            return answer
        except Refusal as refusal:
            return Answer(refusal.status, _text(refusal))

    def _perform(
        self, state: State, path: str, query: str, body: bytes, fault: faults.Fault | None
    ) -> Answer:
        """The effect and its line in the log, in one transaction."""
        with state.write() as tx:
            given = parse_qs(query, keep_blank_values=True)
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                if fault:
                    fault.refuse(tx)
                content = _decoded(body)
                reply = api.perform(Call(tx, self.command, path, given, content, headers=headers))
                text = b"" if reply.body is None else json.dumps(reply.body).encode()
            except Refusal as refusal:
                reply, text = Reply(refusal.status), _text(refusal)
            _write_down(tx, self, path, query, body, reply.status, fault)
        return Answer(reply.status, text, fault.kind if fault else None)

    def log_message(self, format: str, *args: Any) -> None:
        """The array keeps a log of its own."""


def _text(refusal: Refusal) -> bytes:
    return json.dumps({"detail": refusal.text}).encode()


def _decoded(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None


def _write_down(
    tx: Tx,
    handler: Handler,
    path: str,
    query: str,
    body: bytes,
    status: int,
    fault: faults.Fault | None,
) -> None:
    secret = path.startswith("token/")
    tx.execute(
        "INSERT INTO requests (at, method, path, query, body, tenant, agent, status, fault)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            time.time(),
            handler.command,
            path,
            query,
            "***" if secret else body.decode(errors="replace"),
            handler.headers.get("X-Tenant-Name"),
            handler.headers.get("User-Agent"),
            status,
            fault.kind if fault else None,
        ),
    )


@dataclass
class Running:
    """A simulated array that serves."""

    array: Array
    server: Server
    host: str
    ca: Path

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


def start(directory: Path, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> Running:
    """Serve the array that lives in `directory`, in threads of this process; see `running`."""
    array = Array(directory)
    array.configure(**settings)
    made = certificates.make(directory, host)
    server = Server((host, port), array.state, made.context)
    threading.Thread(target=server.serve_forever, args=(0.01,), name="vms", daemon=True).start()
    return Running(array, server, host, made.ca)


@contextlib.contextmanager
def running(
    directory: Path, host: str = "127.0.0.1", port: int = 0, **settings: Any
) -> Iterator[Running]:
    """Serve the array for the length of a block."""
    running = start(directory, host, port, **settings)
    try:
        yield running
    finally:
        running.server.close()
