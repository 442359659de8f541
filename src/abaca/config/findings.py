"""What there is to say about each option found in the files."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .options import Mark
from .scan import Setting


class Verdict(StrEnum):
    OK = "ok"
    OLD = "old name"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    MISPLACED = "misplaced"  # a backend's option in [DEFAULT], where no backend reads it
    WRONG = "wrong"  # the value cannot be used


class Finding(msgspec.Struct, frozen=True):
    """One line of `abaca config check`."""

    verdict: Verdict
    section: str
    name: str
    message: str = ""
    mark: Mark | None = None
    setting: Setting | None = None  # None: about something that is missing
    backends: tuple[str, ...] = ()  # those it concerns

    @property
    def place(self) -> str:
        return self.setting.place if self.setting else ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        what = f"[{self.section}] {self.name}" if self.name else f"[{self.section}]"
        return f"{where}{what}: {self.message or self.verdict}"
