"""File handles: a name for a file that renames do not change.

A handle is a few dozen bytes and takes no descriptor.  Opening one needs CAP_DAC_READ_SEARCH.
"""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass

_LIBC = ctypes.CDLL(None, use_errno=True)
_HEADER = struct.Struct("=Ii")  # length of the handle, its type
_LONGEST = 128  # MAX_HANDLE_SZ


@dataclass(frozen=True, slots=True)
class Handle:
    """What name_to_handle_at returns."""

    kind: int
    data: bytes


def handle_of(directory: int, name: bytes) -> Handle:
    """The handle of an entry of an open directory; a symbolic link is not followed."""
    buffer = ctypes.create_string_buffer(_HEADER.size + _LONGEST)
    _HEADER.pack_into(buffer, 0, _LONGEST, 0)
    mount = ctypes.c_int()
    _checked(_LIBC.name_to_handle_at(directory, name, buffer, ctypes.byref(mount), 0))
    length, kind = _HEADER.unpack_from(buffer)
    return Handle(kind, buffer.raw[_HEADER.size : _HEADER.size + length])


def open_handle(within: int, handle: Handle, flags: int) -> int:
    """Open a handle; `within` is any open file of its file system.  ESTALE if it was deleted."""
    buffer = _HEADER.pack(len(handle.data), handle.kind) + handle.data
    return int(_checked(_LIBC.open_by_handle_at(within, buffer, flags | os.O_CLOEXEC)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
