"""A small NFS client (v3 and 4.0) over libnfs, for tests and the first-run check of `make run`.

    with connect("127.0.0.1", "/share-1", port=2049, mount_port=20048) as client:
        client.write("/hello.txt", b"hello")
        assert client.read("/hello.txt") == b"hello"

Every failure is an OSError with the server's errno (PermissionError for a denied client).
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import select
from ctypes import POINTER, c_char_p, c_int, c_uint64, c_void_p
from typing import Any

LIBRARY = "libnfs.so.13"
CHUNK = 256 * 1024
CHUNK4 = 2048  # libnfs 4.0.0 cannot encode a write of more than about 4 KiB over NFSv4
_CALLBACK = ctypes.CFUNCTYPE(None, c_int, c_void_p, c_void_p, c_void_p)


class _Dirent(ctypes.Structure):
    """The head of struct nfsdirent; the rest is not needed."""


_Dirent._fields_ = [("next", POINTER(_Dirent)), ("name", c_char_p)]


def _load() -> Any:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as problem:
        raise RuntimeError("the NFS client needs the package libnfs13") from problem
    context, handle = c_void_p, c_void_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "nfs_init_context": (context, []),
        "nfs_destroy_context": (None, [context]),
        "nfs_get_error": (c_char_p, [context]),
        "nfs_parse_url_dir": (c_void_p, [context, c_char_p]),
        "nfs_destroy_url": (None, [c_void_p]),
        "nfs_set_timeout": (None, [context, c_int]),
        "nfs_set_autoreconnect": (None, [context, c_int]),
        "nfs_mount": (c_int, [context, c_char_p, c_char_p]),
        "nfs_open": (c_int, [context, c_char_p, c_int, POINTER(handle)]),
        "nfs_open2": (c_int, [context, c_char_p, c_int, c_int, POINTER(handle)]),
        "nfs_creat": (c_int, [context, c_char_p, c_int, POINTER(handle)]),
        "nfs_pread": (c_int, [context, handle, c_uint64, c_uint64, c_void_p]),
        "nfs_pwrite_async": (
            c_int,
            [context, handle, c_uint64, c_uint64, c_char_p, _CALLBACK, c_void_p],
        ),
        "nfs_get_fd": (c_int, [context]),
        "nfs_which_events": (c_int, [context]),
        "nfs_service": (c_int, [context, c_int]),
        "nfs_ftruncate": (c_int, [context, handle, c_uint64]),
        "nfs_fsync": (c_int, [context, handle]),
        "nfs_close": (c_int, [context, handle]),
        "nfs_unlink": (c_int, [context, c_char_p]),
        "nfs_mkdir": (c_int, [context, c_char_p]),
        "nfs_rmdir": (c_int, [context, c_char_p]),
        "nfs_opendir": (c_int, [context, c_char_p, POINTER(c_void_p)]),
        "nfs_readdir": (POINTER(_Dirent), [context, c_void_p]),
        "nfs_closedir": (None, [context, c_void_p]),
        "nfs_get_readmax": (c_uint64, [context]),
        "nfs_get_writemax": (c_uint64, [context]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def connect(
    server: str,
    export: str,
    port: int = 2049,
    mount_port: int = 20048,
    seconds: float = 10.0,
    version: int = 3,
) -> NfsClient:
    """Mount an export over NFSv3 or 4.  PermissionError if the server refuses this machine (over
    NFSv4, which hides what one may not see: FileNotFoundError)."""
    return NfsClient(server, export, port, mount_port, seconds, version)


class NfsClient:
    """A mounted export; one thread at a time.  Paths start at the root of the export."""

    def __init__(
        self,
        server: str,
        export: str,
        port: int,
        mount_port: int,
        seconds: float,
        version: int = 3,
    ) -> None:
        self._version = version
        self._library = _load()
        self._context = self._library.nfs_init_context()
        self._library.nfs_set_timeout(self._context, int(seconds * 1000))
        host = f"[{server}]" if ":" in server else server
        options = f"version={version}&nfsport={port}&mountport={mount_port}&autoreconnect=3"
        url = self._library.nfs_parse_url_dir(
            self._context, f"nfs://{host}{export}?{options}".encode()
        )
        try:
            if not url:
                raise OSError(errno.EINVAL, self._error())
            self._library.nfs_destroy_url(url)
            self._check(
                self._library.nfs_mount(self._context, server.encode(), export.encode()), export
            )
        except OSError:
            self.close()
            raise

    def __enter__(self) -> NfsClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the mount."""
        if self._context:
            self._library.nfs_destroy_context(self._context)
            self._context = None

    def write(self, path: str, data: bytes) -> None:
        """Replace the file's content; it is on the server's disk when this returns."""
        handle = self._created(path)
        with _File(self, handle, path) as file:
            self._check(self._library.nfs_ftruncate(self._context, handle, 0), path)
            file.write(data)

    def _created(self, path: str) -> c_void_p:
        """An open file that is there now.  Over NFSv4 libnfs' creat opens it for reading, and its
        open with O_CREAT refuses one that exists."""
        library, context, name = self._library, self._context, path.encode()
        handle = c_void_p()
        into = ctypes.byref(handle)
        if self._version == 3:
            made = library.nfs_creat(context, name, 0o644, into)
        else:
            made = library.nfs_open(context, name, os.O_RDWR, into)
            if made == -errno.ENOENT:
                made = library.nfs_open2(context, name, os.O_RDWR | os.O_CREAT, 0o644, into)
        self._check(made, path)
        return handle

    def read(self, path: str) -> bytes:
        """The whole file."""
        with self.open(path, os.O_RDONLY) as file:
            return file.read()

    def open(self, path: str, flags: int = os.O_RDWR) -> _File:
        """An open file, for tests that keep one open."""
        handle = c_void_p()
        opened = self._library.nfs_open(self._context, path.encode(), flags, ctypes.byref(handle))
        self._check(opened, path)
        return _File(self, handle, path)

    def unlink(self, path: str) -> None:
        """Delete a file."""
        self._check(self._library.nfs_unlink(self._context, path.encode()), path)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        self._check(self._library.nfs_mkdir(self._context, path.encode()), path)

    def rmdir(self, path: str) -> None:
        """Delete an empty directory."""
        self._check(self._library.nfs_rmdir(self._context, path.encode()), path)

    def listdir(self, path: str = "/") -> list[str]:
        """The names in a directory."""
        directory = c_void_p()
        opened = self._library.nfs_opendir(self._context, path.encode(), ctypes.byref(directory))
        self._check(opened, path)
        names = []
        try:
            while entry := self._library.nfs_readdir(self._context, directory):
                names.append(os.fsdecode(entry.contents.name))
        finally:
            self._library.nfs_closedir(self._context, directory)
        return sorted(set(names) - {".", ".."})

    def _wait(self) -> None:
        """Let libnfs work until something happened on its connection."""
        watch = select.poll()
        watch.register(
            self._library.nfs_get_fd(self._context), self._library.nfs_which_events(self._context)
        )
        for _, events in watch.poll(1000) or [(0, 0)]:
            self._check(self._library.nfs_service(self._context, events), "connection")

    def _error(self) -> str:
        text = self._library.nfs_get_error(self._context)
        return text.decode(errors="replace") if text else "NFS error"

    def _check(self, result: int, path: str, text: str | None = None) -> int:
        if result < 0:
            text = text if text is not None else self._error()
            raise OSError(_errno_of(-result, text), text, path)
        return result


def _errno_of(number: int, text: str) -> int:
    """The server's errno: libnfs reports several refusals as EFAULT and the truth in the text."""
    named = re.search(r"(?:MNT3ERR|NFS[34]ERR)_([A-Z]+)", text)
    if named is not None:
        name = f"E{named[1]}"
        return int(getattr(errno, name, number))
    if "not accepted by the server" in text:  # an RPC authentication error: access was withdrawn
        return errno.EACCES
    return number


class _File:
    """An open file on an export."""

    def __init__(self, client: NfsClient, handle: c_void_p, path: str) -> None:
        self._client = client
        self._handle: c_void_p | None = handle
        self._path = path

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(check=kind is None)

    def write(self, data: bytes, offset: int = 0) -> None:
        """Write all bytes at the offset and commit them."""
        client, library = self._client, self._client._library
        most = CHUNK if client._version == 3 else CHUNK4
        chunk = min(most, int(library.nfs_get_writemax(client._context)) or most)
        done = 0
        while done < len(data):
            part = data[done : done + chunk]
            done += self._pwrite(part, offset + done)
        client._check(library.nfs_fsync(client._context, self._handle), self._path)

    def _pwrite(self, part: bytes, offset: int) -> int:
        """The number of bytes written.

        libnfs 4.0.0 turns every refused write into EFAULT and garbles the text on the way out of
        nfs_pwrite; the server's answer is seen in the callback of the asynchronous form only.
        """
        client, library = self._client, self._client._library
        answers: list[tuple[int, str]] = []

        def answered(result: int, _context: int, _data: int, _private: int) -> None:
            answers.append((result, client._error() if result < 0 else ""))

        callback = _CALLBACK(answered)
        queued = library.nfs_pwrite_async(
            client._context, self._handle, offset, len(part), part, callback, None
        )
        client._check(queued, self._path)
        while not answers:
            client._wait()
        result, text = answers[0]
        return client._check(result, self._path, text)

    def read(self, offset: int = 0) -> bytes:
        """Everything from the offset on."""
        client, library = self._client, self._client._library
        buffer = ctypes.create_string_buffer(CHUNK)
        parts: list[bytes] = []
        while True:
            count = client._check(
                library.nfs_pread(client._context, self._handle, offset, CHUNK, buffer),
                self._path,
            )
            if count == 0:
                return b"".join(parts)
            parts.append(buffer.raw[:count])
            offset += count

    def close(self, check: bool = True) -> None:
        """Close; `check` False after an error that is being reported already."""
        if self._handle is not None:
            result = self._client._library.nfs_close(self._client._context, self._handle)
            self._handle = None
            if check:
                self._client._check(result, self._path)
