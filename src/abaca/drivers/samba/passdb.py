"""Samba's password database, and the passwd file that smbd sees.

Samba wants an entry of the passwd file behind each of its users.  smbd has a passwd file of its
own, written here from the password database, so that no account of the host is ever made or used.
The number of a user is above all that hosts give to theirs, and owns nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

from abaca.drivers.ganesha.files import write_atomic
from abaca.drivers.samba.server import SmbServer

FIRST_UID = 0x40000000  # + the relative id, which Samba gives out once only
NOLOGIN = "/usr/sbin/nologin"
FIXED = (
    f"root:x:0:0::/:{NOLOGIN}",  # smbd itself, and owner of what clients make
    f"nobody:x:65534:65534::/:{NOLOGIN}",  # guests
)
FILES = {
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_ENTRY = re.compile(r"^Unix username: +(\S+)\n(?:.+\n)*?User SID: +S-[\d-]+-(\d+)$", re.MULTILINE)


class PasswordDatabase:
    """Names with a password.  One change at a time: the caller holds a lock."""

    def __init__(self, server: SmbServer) -> None:
        self._server = server
        self._file = server.directory / "private" / "passdb.tdb"
        self._etc = server.directory / "etc"
        self._names: dict[str, int] = {}  # lower case -> relative id
        self._stamp = -1

    def names(self) -> set[str]:
        """All of them, in lower case.  The administrator may have added some with pdbedit; smbd
        knows all that this returns."""
        stamp = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if stamp != self._stamp:
            listing = self._server.run("pdbedit", "--list", "--verbose") if stamp else ""
            self._names = {name.lower(): int(rid) for name, rid in _ENTRY.findall(listing)}
            self._write(self._names)
            self._stamp = stamp
        return set(self._names)

    def create(self, name: str, password: str) -> None:
        """Add a user, or change the password of an existing one.  SambaFailure."""
        self.names()
        self._write({name: 0, **self._names})  # pdbedit looks for an entry
        self._server.run(
            *("pdbedit", "--create", "--password-from-stdin", f"--user={name}"),
            text=f"{password}\n{password}\n",
            instead={f"/etc/{file}": self._etc / file for file in ("passwd", *FILES)},
        )
        self._stamp = -1
        self.names()

    def delete(self, name: str) -> None:
        """Absent is success.  SambaFailure."""
        if name in self.names():
            self._server.run("pdbedit", "--delete", f"--user={name}")
            self._stamp = -1
            self.names()

    def _write(self, names: dict[str, int]) -> None:
        lines = [
            *FIXED,
            *(
                f"{name}:x:{FIRST_UID + rid}:65534::/:{NOLOGIN}"
                for name, rid in sorted(names.items())
                if name not in ("root", "nobody")
            ),
        ]
        for file, text in {"passwd": "\n".join(lines) + "\n", **FILES}.items():
            _write_if_other(self._etc / file, text)


def _write_if_other(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write_atomic(path, text, mode=0o644)
