"""Drift: where a backend differs from the database, and what is to be done about it."""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One way to differ."""

    action: str
    automatic: bool  # done without being asked: it takes nothing from anybody that he may have
    sentence: str  # what will be done


MISSING, UNEXPORTED, SIZE, RULES = "missing", "unexported", "size", "rules"
EXTRA, STALE_EXPORT, UNREADABLE = "extra", "stale_export", "unreadable"
KINDS = {
    MISSING: Kind("mark_error", True, "set it to error and tell its owner that the data is gone"),
    UNEXPORTED: Kind("export", True, "export it again, with its rules"),
    SIZE: Kind("resize", True, "give it the size of the database"),
    RULES: Kind("reapply_rules", True, "put the rules of the database in force, and no others"),
    EXTRA: Kind("adopt", False, "adopt it: a new row, the same data, no rules; or remove it there"),
    UNREADABLE: Kind("export", False, "export it again, with its rules: it cannot be read"),
    STALE_EXPORT: Kind("withdraw", False, "stop serving it: there is no data behind it"),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference on one backend."""

    id: str = ""  # given when it is stored
    host: str  # host@backend
    kind: str  # a key of KINDS
    resource_type: str  # SHARE SNAPSHOT EXPORT
    resource_id: str | None = None  # as users know it; None: no row
    backend_id: str  # of the share instance, of the snapshot instance
    lock_key: str  # of operations that change it
    expected: str = ""
    found: str = ""
    detail: dict[str, str | None] = {}  # of what is extra: proto, path, pool, share_id
    first_seen: str = ""
    attempts: int = 0  # repairs that failed
    problem: str | None = None  # why the last one did
    not_before: float = 0.0  # epoch seconds; no repair without being asked until then

    @property
    def key(self) -> tuple[str, str]:
        """What is one and the same finding from look to look."""
        return self.kind, self.backend_id

    @property
    def action(self) -> str:
        return KINDS[self.kind].action

    @property
    def proposal(self) -> str:
        return KINDS[self.kind].sentence


class Look(msgspec.Struct, frozen=True):
    """The last comparison of a backend."""

    host: str
    looked_at: str
    problem: str | None  # why nothing is known; None: the findings are all there is
    findings: int = 0  # how many there are
