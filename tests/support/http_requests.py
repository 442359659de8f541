"""Requests that two readers could read differently, or that want too much.

Name -> (bytes, status of the refusal).  For a server with the limits `SMALL`; a server with other
limits refuses those without `SIZES`.
"""

from __future__ import annotations

from abaca.web.limits import Limits

SMALL = Limits(head=1000, headers=10, body=100, pipelined=3)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED: dict[str, tuple[bytes, int]] = {
    "folded header": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "bare LF after lines": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare LF after one line": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "bare LF at the end": (GET + b"\n", 400),
    "bare CR in a value": (GET + b"X: a\rb\r\n\r\n", 400),
    "NUL in a value": (GET + b"X: a\0b\r\n\r\n", 400),
    "NUL in a name": (GET + b"X\0: a\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "space before the colon": (GET + b"X : a\r\n\r\n", 400),
    "no colon": (GET + b"X\r\n\r\n", 400),
    "no name": (GET + b": a\r\n\r\n", 400),
    "two Content-Length": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "the same Content-Length twice": (POST + b"Content-Length: 1\r\n" * 2 + b"\r\na", 400),
    "a list of Content-Length": (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "Content-Length +1": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "Content-Length -1": (POST + b"Content-Length: -1\r\n\r\na", 400),
    "Content-Length 0x1": (POST + b"Content-Length: 0x1\r\n\r\na", 400),
    "Content-Length empty": (POST + b"Content-Length: \r\n\r\na", 400),
    "Content-Length huge": (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
    "both lengths": (
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "both lengths, other order": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        400,
    ),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, gzip": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    "empty coding": (POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n", 400),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400),
    "chunked in 1.0": (
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunk size 0x1": (CHUNKED + b"0x1\r\na\r\n0\r\n\r\n", 400),
    "chunk size +1": (CHUNKED + b"+1\r\na\r\n0\r\n\r\n", 400),
    "chunk size -1": (CHUNKED + b"-1\r\na\r\n0\r\n\r\n", 400),
    "chunk size empty": (CHUNKED + b"\r\na\r\n0\r\n\r\n", 400),
    "chunk size of 64 bits": (CHUNKED + b"1" + b"0" * 16 + b"\r\na\r\n0\r\n\r\n", 400),
    "bare LF after a size": (CHUNKED + b"1\na\r\n0\r\n\r\n", 400),
    "bare LF after an extension": (CHUNKED + b"1;x\na\r\n0\r\n\r\n", 400),
    "too much in a chunk": (CHUNKED + b"1\r\nabc0\r\n\r\n", 400),
    "headers after the body": (CHUNKED + b"0\r\nX-Auth-Token: a\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\nX: a\r\n\r\n", 400),
    "empty Host": (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
    "two Hosts": (GET + b"Host: b\r\n\r\n", 400),
    "Host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "Host with a user": (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "Host with markup": (b'GET / HTTP/1.1\r\nHost: a"><b>\r\n\r\n', 400),
    "Host with a space": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "Host with a long port": (b"GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", 400),
    "target of another host": (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target with a user": (b"GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target of another scheme": (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target with a fragment": (b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target *": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "target not ASCII": (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "CONNECT": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "unknown method": (b"SMUGGLE / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "method in lower case": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "unknown Expect": (POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417),
}

SIZES: dict[str, tuple[bytes, int]] = {
    "long body": (POST + b"Content-Length: 101\r\n\r\n", 413),
    "long chunk": (CHUNKED + b"65\r\n" + b"a" * 101 + b"\r\n0\r\n\r\n", 413),
    "many chunks": (CHUNKED + b"1\r\na\r\n" * 101 + b"0\r\n\r\n", 413),
    "long target": (b"GET /" + b"a" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    "long value": (GET + b"X: " + b"a" * 1000 + b"\r\n\r\n", 431),
    "long value without an end": (GET + b"X: " + b"a" * 2000, 431),
    "many headers": (GET + b"X: a\r\n" * 11 + b"\r\n", 431),
}
