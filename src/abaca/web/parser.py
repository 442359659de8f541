"""HTTP/1.1 requests out of bytes.

llhttp (httptools) does the work.  It refuses what it can read in two ways: bare CR or LF, folded
headers, NUL, two Content-Length, Content-Length beside Transfer-Encoding, odd chunk sizes.  What
it lets pass and a proxy may read differently is refused here; tests/web/test_parser.py has both.
"""

from __future__ import annotations

import re
from typing import NoReturn

import httptools
import msgspec

from .hosts import is_host
from .limits import Limits

_LENGTH = re.compile(rb"[0-9]{1,15}")
_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)([^#]*)")
_SINGLE = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect", b"content-type"))


class Refused(Exception):
    """The request is answered with this status, and the connection is closed."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Request(msgspec.Struct, eq=False):
    """One complete request."""

    method: str
    path: str  # as sent, percent-encoded
    query: str
    version: str  # "1.0" or "1.1"
    headers: list[tuple[bytes, bytes]]  # names in lower case
    body: bytes
    keep_alive: bool


class Parser:
    """Reads the requests of one connection.

    `feed` returns those that are complete.  Once `refused` is set, the connection is to be closed
    after its answer.  `is_between`: no part of a request has come.  `wants_continue`: the client
    waits for 100 Continue.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.is_between = True
        self.wants_continue = False
        self.refused: Refused | None = None
        self._complete: list[Request] = []
        self._parser = httptools.HttpRequestParser(self)
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head = 0  # bytes that came while the head was not complete
        self._in_head = True
        self._body = bytearray()
        self._route = ("", "")

    def feed(self, data: bytes) -> list[Request]:
        """The requests that this data completes.  Sets `refused` if what follows is refused."""
        self.is_between = False
        if self._in_head:
            self._head += len(data)
        keep_alive = True
        try:
            self._parser.feed_data(data)
        except (
            httptools.HttpParserUpgrade
        ):  # not supported, and not refused: the request is answered
            keep_alive = False
        except httptools.HttpParserCallbackError:
            self.refused = self.refused or Refused(400, "The request cannot be read.")
        except httptools.HttpParserError as error:
            self.refused = self._unreadable(data, error)
        found, self._complete = self._complete, []
        if self.refused is None and self._in_head and self._head > self.limits.head:
            self.refused = self._too_long()
        if found and not keep_alive:
            found[-1].keep_alive = False
        return found

    def _unreadable(self, data: bytes, error: Exception) -> Refused:
        if data.startswith(b"PRI * HTTP/2"):
            return Refused(505, "HTTP/2 is not served here; use HTTP/1.1.")
        return Refused(400, f"The request is not valid HTTP/1.1: {error}.")

    def _too_long(self) -> Refused:
        return Refused(431, f"The headers have over {self.limits.head} bytes.")

    def _refuse(self, code: int, message: str) -> NoReturn:
        """In a callback: `feed` ends there."""
        self.refused = Refused(code, message)
        raise self.refused

    # --- called by llhttp -------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        if len(self._complete) >= self.limits.pipelined:
            self._refuse(400, f"Over {self.limits.pipelined} requests came at once.")
        self.is_between = False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            self._refuse(400, "Headers after the body are not accepted.")
        self._headers.append((name.lower(), value))
        if len(self._headers) > self.limits.headers:
            self._refuse(431, f"There are over {self.limits.headers} headers.")

    def on_headers_complete(self) -> None:
        if self._head > self.limits.head:  # which may count some of the body
            size = sum(len(name) + len(value) for name, value in self._headers)
            if size + len(self._target) > self.limits.head:
                self._refuse(431, self._too_long().message)
        self._in_head = False
        single = self._singles()
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._refuse(505, "Only HTTP/1.1 and HTTP/1.0 are served here.")
        host = self._host(single.get(b"host"), version)
        self._route = self._split_target(host)
        self._check_framing(single, version)
        self.wants_continue = self._expects(single.get(b"expect"), version)

    def _singles(self) -> dict[bytes, bytes]:
        """Headers by name; those that may come only once do."""
        found = dict(self._headers)
        if len(found) == len(self._headers):
            return found
        found.clear()
        for name, value in self._headers:
            if name in _SINGLE:
                if name in found:
                    self._refuse(400, f"The header {name.decode()} comes twice.")
                found[name] = value
        return found

    def _host(self, value: bytes | None, version: str) -> str:
        host = (value or b"").decode("latin-1")
        if value is None and version == "1.0":
            return ""
        if not is_host(host):
            self._refuse(400, "The header Host is not a host name or address with or without port.")
        return host

    def _split_target(self, host: str) -> tuple[str, str]:
        """Path and query."""
        target = self._target.decode("latin-1")
        if not target.startswith("/"):
            absolute = _ABSOLUTE.fullmatch(target)
            if absolute is None or not host or absolute[1].lower() != host.lower():
                self._refuse(400, "The target of the request is not a path of this server.")
            target = absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
        if "#" in target:
            self._refuse(400, "The target of the request has a fragment.")
        path, _, query = target.partition("?")
        return path, query

    def _check_framing(self, single: dict[bytes, bytes], version: str) -> None:
        coding, length = single.get(b"transfer-encoding"), single.get(b"content-length")
        if coding is not None and (coding.lower() != b"chunked" or version != "1.1"):
            self._refuse(400, "The only Transfer-Encoding is chunked, in HTTP/1.1.")
        if length is not None:
            if coding is not None or not _LENGTH.fullmatch(length):
                self._refuse(400, "Content-Length is not a number, or there is another length.")
            self._check_body(int(length))

    def _check_body(self, length: int) -> None:
        if length > self.limits.body:
            most = self.limits.body
            self._refuse(413, f"The body has over {most} bytes; at most {most} are accepted.")

    def _expects(self, value: bytes | None, version: str) -> bool:
        if value is None or version == "1.0":
            return False
        if value.lower() != b"100-continue":
            self._refuse(417, "The only Expect is 100-continue.")
        return True

    def on_body(self, data: bytes) -> None:
        self._check_body(len(self._body) + len(data))
        self.wants_continue = False
        self._body += data

    def on_message_complete(self) -> None:
        path, query = self._route
        self._complete.append(
            Request(
                method=self._parser.get_method().decode("ascii"),
                path=path,
                query=query,
                version=self._parser.get_http_version(),
                headers=self._headers,
                body=bytes(self._body),
                keep_alive=self._parser.should_keep_alive(),
            )
        )
        self._reset()
        self.is_between = True
        self.wants_continue = False
