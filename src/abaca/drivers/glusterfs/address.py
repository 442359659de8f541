"""The address of something in GlusterFS: [user@]host[:/volume[/path]]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from abaca.drivers.contract import errors

_PART = r"[^:@/\s]+"
_ADDRESS = re.compile(
    rf"(?:(?P<user>{_PART})@)?(?P<host>{_PART})(?::/(?P<volume>[^/\s]+)(?P<path>/\S*)?)?\Z"
)
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+\Z")
PARTS = ("user", "host", "volume", "path")


@dataclass(frozen=True)
class Address:
    """Its parts; None for what is not given.  `path` keeps its leading slash."""

    host: str
    user: str | None = None
    volume: str | None = None
    path: str | None = None

    @classmethod
    def read(cls, given: str | Mapping[str, str | None] | Address) -> Self:
        """From text or from its parts.  Raises GlusterfsException."""
        if isinstance(given, Address):
            return cls(given.host, given.user, given.volume, given.path)
        if isinstance(given, Mapping):
            unknown = set(given) - set(PARTS)
            if unknown or not given.get("host"):
                raise _bad(str(dict(given)))
            text = cls(**{str(k): v for k, v in given.items()}).qualified  # type: ignore[arg-type]
            made = cls.read(text)
            if made.parts() != {part: given.get(part) for part in PARTS}:
                raise _bad(text)
            return made
        match = _ADDRESS.match(given)
        if match is None or not _PLAIN.match(match["host"]) or match["host"].startswith("-"):
            raise _bad(given)
        for part in ("user", "volume"):
            if match[part] is not None and (
                not _PLAIN.match(match[part]) or match[part].startswith("-")
            ):
                raise _bad(given)
        return cls(match["host"], match["user"], match["volume"], match["path"])

    def parts(self) -> dict[str, str | None]:
        """The same as a mapping."""
        return {part: getattr(self, part) for part in PARTS}

    @property
    def host_access(self) -> str:
        """[user@]host: whom commands are sent to."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def export(self) -> str:
        """host:/volume/path: what clients mount."""
        return self.host + self._below

    @property
    def qualified(self) -> str:
        """All of it."""
        return self.host_access + self._below

    def on_volume(self, volume: str | None) -> Self:
        """A volume of the same cluster."""
        return replace(self, volume=volume, path=None)

    def __str__(self) -> str:
        return self.qualified

    @property
    def _below(self) -> str:
        return f":/{self.volume}{self.path or ''}" if self.volume else ""


def _bad(given: str) -> errors.GlusterfsException:
    return errors.GlusterfsException(
        reason=f"{given[:200]!r} is not an address of the form [user@]host[:/volume[/path]]"
    )
