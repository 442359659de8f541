"""The array's objects: found by name, made, changed, removed.

What the array says is checked against the records here; fields that are not named are passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from abaca.drivers.contract import errors
from abaca.drivers.vast.session import Session

log = logging.getLogger(__name__)
T = TypeVar("T", bound="Named")
R = TypeVar("R")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Every object has a number and a name."""

    id: int
    name: str | None = None


class Policy(Named, frozen=True, kw_only=True):
    """Whom views let in, as lists of addresses and networks."""

    nfs_read_write: list[str] | None = None
    nfs_read_only: list[str] | None = None
    nfs_no_squash: list[str] | None = None
    nfs_root_squash: list[str] | None = None


class Quota(Named, frozen=True, kw_only=True):
    """A limit of a directory; sizes in bytes."""

    path: str
    hard_limit: int | None = None
    used_effective_capacity: int | None = None


class View(Named, frozen=True, kw_only=True):
    """An export of a directory."""

    path: str
    policy: str | None = None
    policy_id: int | None = None
    protocols: list[str] = []


class Snapshot(Named, frozen=True, kw_only=True):
    """A directory as it was."""

    path: str
    state: str | None = None


class _Status(msgspec.Struct, frozen=True):
    state: str | None = None


class Stream(Named, frozen=True, kw_only=True):
    """A clone: a snapshot that is copied into a directory; progress in percent."""

    loanee_root_path: str
    state: str | None = None
    status: _Status | None = None
    sync_progress: float | None = None

    @property
    def condition(self) -> str:
        """FINISHED, RUNNING, ..."""
        return str((self.status and self.status.state) or self.state or "").upper()


class Pool(Named, frozen=True, kw_only=True):
    """A pool of virtual addresses, in ranges of (first, last)."""

    ip_ranges: list[tuple[str, str]] = []
    tenant_id: int | None = None


class _Version(msgspec.Struct, frozen=True):
    sys_version: str


class Kind(NamedTuple, Generic[T]):
    """Where objects of a kind are, what they look like, and what to call them."""

    path: str
    record: type[T]
    noun: str


POLICIES: Final = Kind("viewpolicies/", Policy, "view policy")
QUOTAS: Final = Kind("quotas/", Quota, "quota")
VIEWS: Final = Kind("views/", View, "view")
SNAPSHOTS: Final = Kind("snapshots/", Snapshot, "snapshot")
STREAMS: Final = Kind("globalsnapstreams/", Stream, "global snapshot stream")
POOLS: Final = Kind("vippools/", Pool, "VIP pool")


class Array:
    """What the driver asks of an array."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # Objects

    def find(self, kind: Kind[T], name: str) -> T | None:
        """The object of that name."""
        return self._only(kind, "name", name, lambda row: row.name)

    def at(self, kind: Kind[T], path: str) -> T | None:
        """The view or quota of that directory."""
        return self._only(kind, "path", path, lambda row: plain(getattr(row, "path", "")))

    def _only(self, kind: Kind[T], key: str, wanted: str, of: Callable[[T], Any]) -> T | None:
        """Not every list of an array honours every filter: look once more."""
        rows = self._read(kind, self.session.rows(kind.path, {key: wanted}))
        found = [row for row in rows if of(row) == wanted]
        if len(found) > 1:
            raise errors.VastDriverException(
                reason=f"there are {len(found)} objects of kind {kind.noun} with {key} {wanted}"
            )
        return found[0] if found else None

    def all(self, kind: Kind[T]) -> dict[str, T]:
        """All objects of a kind by name, as far as they can be read."""
        return self.survey(kind)[0]

    def survey(self, kind: Kind[T]) -> tuple[dict[str, T], dict[str, str]]:
        """All objects of a kind by name; and why some cannot be read, by their names."""
        found: dict[str, T] = {}
        unread: dict[str, str] = {}
        for raw in self.session.pages(kind.path, {}):
            try:
                [row] = self._read(kind, [raw])
            except errors.VastDriverException as problem:
                name = raw.get("name") if isinstance(raw, dict) else None
                log.warning("passing over an object of the array: %s", problem)
                if isinstance(name, str):
                    unread[name] = str(problem)
            else:
                if row.name:
                    found[row.name] = row
        return found, unread

    def make(self, kind: Kind[T], name: str, **values: Any) -> T:
        """A new object.  If the array refuses, it may be there already: an earlier request that
        we heard nothing of may have arrived meanwhile."""
        try:
            row = self.session.request("POST", kind.path, {"name": name, **values})
        except errors.VastApiException:
            found = self.find(kind, name)
            if found is None:
                raise
            return found
        return self._read(kind, [row])[0]

    def change(self, kind: Kind[T], found: Named, **values: Any) -> None:
        self.session.request("PATCH", f"{kind.path}{found.id}/", values)

    def remove(self, kind: Kind[T], found: Named, body: Mapping[str, Any] | None = None) -> None:
        """Absent is success."""
        with absent_is_fine():
            self.session.request("DELETE", f"{kind.path}{found.id}/", body)

    def _read(self, kind: Kind[T], rows: Any) -> list[T]:
        return _records(rows, kind.record, kind.noun)

    # The cluster

    def version(self) -> str:
        """Of the software that runs, such as 5.1.0-1."""
        rows = self.session.get("versions/", {"status": "success"})
        return next((row.sys_version for row in _records(rows, _Version, "version")), "")

    # Directories

    def remove_directory(self, path: str, tenant_id: int | None) -> None:
        """To the trash, with all that is in it.  Absent is success."""
        try:
            self.session.request("DELETE", "folders/delete_folder/", _folder(path, tenant_id))
        except errors.VastApiException as error:
            words = error.message.lower()
            if "no such directory" in words:
                return
            if "trash folder disabled" in words:
                raise errors.VastDriverException(
                    reason="Trash Folder Access is disabled on the array; enable it there under "
                    "Settings, Cluster: shares cannot be deleted without it"
                ) from error
            raise

    def has_directory(self, path: str, tenant_id: int | None) -> bool:
        try:
            self.session.request("POST", "folders/stat_path/", _folder(path, tenant_id))
        except errors.VastApiException as error:
            if "no such directory" in error.message.lower():
                return False
            raise
        return True

    # Clones

    def clone(self, snapshot: Snapshot, name: str, path: str, tenant_id: int | None) -> None:
        """Start copying a snapshot to a new directory."""
        body: dict[str, Any] = {"loanee_root_path": path, "name": name, "enabled": True}
        if tenant_id is not None:
            body["loanee_tenant_id"] = tenant_id
        try:
            self.session.request("POST", f"{SNAPSHOTS.path}{snapshot.id}/clone/", body)
        except errors.VastApiException:
            if self.find(STREAMS, name) is None:
                raise

    def stop(self, stream: Stream) -> None:
        self.session.request("PATCH", f"{STREAMS.path}{stream.id}/stop")


@contextmanager
def absent_is_fine() -> Iterator[None]:
    """A block in which 404 means that there is nothing left to do."""
    try:
        yield
    except errors.VastApiException as error:
        if error.values.get("status") != 404:
            raise


def _records(rows: Any, record: type[R], noun: str) -> list[R]:
    """What the array says, checked."""
    try:
        return msgspec.convert(rows, list[record])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise errors.VastDriverException(
            reason=f"this is not a {noun} as the driver knows it: {error}"
        ) from error


def plain(path: str) -> str:
    """A path as it is compared: some requests want a slash at the end, some answers have one."""
    return "/" + path.strip("/")


def _folder(path: str, tenant_id: int | None) -> dict[str, Any]:
    return {"path": path} if tenant_id is None else {"path": path, "tenant_id": tenant_id}
