"""libnftables in this process: 0.2 ms for a small change, where the command nft takes 5 ms."""

from __future__ import annotations

import ctypes
import json
import threading
from functools import cache
from typing import Any

from abaca.drivers.contract import errors

LIBRARY = "libnftables.so.1"  # Debian: libnftables1, which the package nftables brings
_JSON = 1 << 4
_TRIAL = "inet abaca_trial"
REMEDY = (
    "connections cannot be filtered: run abaca with CAP_NET_ADMIN on a kernel with nf_tables, or "
    "set local_firewall = false, with which every address can connect"
)


class NftablesFailure(errors.ShareBackendException):
    """nftables: {msg}"""


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as problem:
        raise NftablesFailure(
            msg=f"{LIBRARY} cannot be loaded ({problem}): apt-get install nftables"
        ) from problem
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    library.nft_ctx_new.restype = ctypes.c_void_p
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.nft_ctx_output_set_flags.argtypes = [ctypes.c_void_p, ctypes.c_uint]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
        getattr(library, name).restype = ctypes.c_char_p
    return library


def unusable() -> str | None:
    """Why this process cannot use nftables, with what to do about it; None if it can."""
    try:
        Nftables().run(f"add table {_TRIAL}\ndelete table {_TRIAL}")
    except NftablesFailure as problem:
        return f"{problem}; {REMEDY}"
    return None


class Nftables:
    """The rules of this network namespace.  Methods may be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._library = _library()
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def __del__(self) -> None:
        if hasattr(self, "_context"):
            self._library.nft_ctx_free(self._context)

    def run(self, commands: str) -> None:
        """Run commands as one transaction: all of them are in force afterwards, or none.

        Raises NftablesFailure with the first complaint.
        """
        self._run(commands, 0)

    def list_table(self, table: str) -> list[dict[str, Any]] | None:
        """The objects of a table ("inet x"), as nft -j lists them; None if there is no such table.

        Raises NftablesFailure.
        """
        wanted = tuple(table.split())
        if wanted not in self._tables():
            return None
        found: list[dict[str, Any]] = json.loads(self._run(f"list table {table}", _JSON))[
            "nftables"
        ]
        return found

    def _tables(self) -> set[tuple[str, str]]:
        listed = json.loads(self._run("list tables", _JSON) or '{"nftables": []}')["nftables"]
        rows = [entry["table"] for entry in listed if "table" in entry]
        return {(row["family"], row["name"]) for row in rows}

    def _run(self, commands: str, flags: int) -> str:
        with self._lock:
            self._library.nft_ctx_output_set_flags(self._context, flags)
            failed = self._library.nft_run_cmd_from_buffer(self._context, commands.encode())
            output: bytes = self._library.nft_ctx_get_output_buffer(self._context) or b""
            error: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b""
        if failed:
            lines = error.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise NftablesFailure(msg=lines[0][:300])
        return output.decode()
