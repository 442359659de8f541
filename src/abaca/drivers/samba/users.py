"""Samba users: rows of our own password database, each with a user of this host behind it.

Users come from the administrator

    pdbedit --configfile <state>/local/<backend>/samba/smb.conf --create --user NAME

or, with `local_smb_create_users`, from the first rule that names them.
"""

from __future__ import annotations

import contextlib
import pwd
import secrets
import subprocess
import threading

from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.samba.server import SambaFailure, SmbServer

COMMAND_SECONDS = 30.0
LOWEST_UID = 100  # root, daemon, bin and their like are not given to tenants


class Users:
    """Who has a password."""

    def __init__(self, server: SmbServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._stamp: int | None = None

    def exists(self, name: str) -> bool:
        """Whether the user is in the password database."""
        with self._lock:
            self._refresh()
            return name.lower() in self._names

    def create(self, name: str) -> str:
        """Make the user; returns the password.  SambaFailure for users the host needs itself."""
        with contextlib.suppress(KeyError):
            if pwd.getpwnam(name).pw_uid < LOWEST_UID:
                raise SambaFailure(msg=f"user {name} belongs to the system")
        with self._lock:
            if not _known_to_host(name):
                _add_to_host(name)
            password = secrets.token_urlsafe(18)
            arguments = ("--create", "--password-from-stdin", f"--user={name}")
            self._server.run("pdbedit", *arguments, text=f"{password}\n{password}\n")
            self._stamp = None
        return password

    def _refresh(self) -> None:
        file = self._server.directory / "private" / "passdb.tdb"
        stamp = file.stat().st_mtime_ns if file.exists() else 0
        if stamp == self._stamp:
            return
        listing = self._server.run("pdbedit", "--list") if stamp else ""
        self._names = {line.split(":", 1)[0].lower() for line in listing.splitlines() if line}
        self._stamp = stamp


def _known_to_host(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _add_to_host(name: str) -> None:
    command = [
        find_program("useradd"),
        *("--no-create-home", "--shell", "/usr/sbin/nologin", "--comment", "abaca share user"),
        name,
    ]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if result.returncode != 0:
        raise SambaFailure(msg=f"useradd {name}: {result.stderr.strip()[:200]}")
