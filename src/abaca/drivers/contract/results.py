"""What drivers return, made regular: one shape for the caller, InvalidShareInstance for junk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from abaca.drivers.contract import errors

CREATED: Final = frozenset({"available", "creating_from_snapshot"})
POLLED: Final = CREATED | {"reverting_to_snapshot", "reverting_error", "error"}
RULE_STATES: Final = frozenset({"active", "error"})


@dataclass(frozen=True, slots=True)
class Location:
    """One export location as a driver returned it."""

    path: str
    is_admin_only: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def to_return(self) -> dict[str, Any]:
        """The shape drivers return."""
        return {
            "path": self.path,
            "is_admin_only": self.is_admin_only,
            "metadata": dict(self.metadata),
        }


@dataclass(frozen=True, slots=True)
class Created:
    """A new share: `available`, or `creating_from_snapshot` (poll get_share_status)."""

    status: str
    export_locations: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshotted:
    """A new or managed snapshot.  `export_locations` None: not told; `size` GiB when managed."""

    status: str = "available"
    provider_location: str | None = None
    export_locations: tuple[Location, ...] | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """How background work stands; `progress` is text like "50%"."""

    status: str
    progress: str | None = None
    export_locations: tuple[Location, ...] | None = None


@dataclass(frozen=True, slots=True)
class Managed:
    """A share taken over; size in GiB.  `export_locations` None: keep the administrator's path."""

    size: int
    export_locations: tuple[Location, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reverted:
    """A revert; `done` False: poll get_share_status.  `size` GiB when the driver told it."""

    done: bool = True
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Ensured:
    """What ensure says of one share; None and empty mean unchanged."""

    export_locations: tuple[Location, ...] | None = None
    status: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    reapply_access_rules: bool = False


@dataclass(frozen=True, slots=True)
class RuleUpdate:
    """What a driver says of one rule."""

    state: str | None = None  # active | error
    access_key: str | None = None
    reason: str | None = None  # of an error; its owner is told


def _junk(what: str, value: object) -> NoReturn:
    raise errors.InvalidShareInstance(reason=f"the driver returned {what}: {value!r:.200}")


def _one_of(value: object, known: frozenset[str], what: str) -> str:
    """The value, if it is one of the known ones; it may be of any type, even unhashable."""
    if not isinstance(value, str) or value not in known:
        _junk(f"a {what} that is not one of {sorted(known)}", value)
    return value


def _texts(value: object) -> dict[str, str]:
    """Metadata: str -> str."""
    if not value:
        return {}
    if not isinstance(value, Mapping):
        _junk("metadata that is no mapping", value)
    return {str(key): str(item) for key, item in value.items()}


def _location(value: object) -> Location:
    if isinstance(value, Location):
        return value
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, Mapping):
        _junk("an export location that is neither text nor mapping", value)
    path = value.get("path")
    if not isinstance(path, str) or not path.strip() or not path.isprintable():
        _junk("an export location without a usable path", value)
    return Location(
        path=path,
        is_admin_only=bool(value.get("is_admin_only")),
        metadata=_texts(value.get("metadata")),
    )


def export_locations(value: object) -> list[Location]:
    """Export locations from text, a mapping or a list of either; None is an empty list.

    A path that comes twice is kept once.  Anything else is InvalidShareInstance.
    """
    if value is None:
        return []
    if isinstance(value, str | Mapping | Location):
        return [_location(value)]
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray):
        _junk("export locations of a wrong type", value)
    return list({location.path: location for location in map(_location, value)}.values())


def _optional_locations(value: Mapping[str, Any]) -> tuple[Location, ...] | None:
    if value.get("export_locations") is None:
        return None
    return tuple(export_locations(value["export_locations"]))


def _is_model(value: object) -> bool:
    """A mapping with a status or locations, as against a mapping that is one location."""
    return isinstance(value, Mapping) and "path" not in value


def create_result(value: object, from_snapshot: bool = False) -> Created:
    """The result of create_share, or with `from_snapshot` of create_share_from_snapshot."""
    if not (from_snapshot and _is_model(value)):
        return Created("available", tuple(export_locations(value)))
    assert isinstance(value, Mapping)
    status = _one_of(value.get("status"), CREATED, "status")
    locations = tuple(export_locations(value.get("export_locations")))
    if status == "available" and not locations:
        _junk("an available share without export locations", dict(value))
    return Created(status, locations)


def snapshot_result(value: object) -> Snapshotted:
    """The result of create_snapshot and manage_existing_snapshot."""
    if value is None:
        return Snapshotted()
    if not isinstance(value, Mapping):
        _junk("a snapshot update that is no mapping", value)
    location = value.get("provider_location")
    size, status = value.get("size"), value.get("status") or "available"
    if not isinstance(status, str):
        _junk("a snapshot status that is no text", status)
    return Snapshotted(
        status=status,
        provider_location=None if location is None else str(location),
        export_locations=_optional_locations(value),
        size=None if size is None else _size(size),
    )


def status_result(value: object) -> Polled:
    """The result of get_share_status."""
    if not isinstance(value, Mapping):
        _junk("a share status that is no mapping", value)
    progress = value.get("progress")
    return Polled(
        status=_one_of(value.get("status"), POLLED, "share status"),
        progress=None if progress is None else str(progress),
        export_locations=_optional_locations(value),
    )


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 2**53:
        _junk("a size that is not a number of GiB from 1", value)
    return -int(-value // 1)  # part of a GiB counts as a whole one


def manage_result(value: object) -> Managed:
    """The result of manage_existing and manage_existing_with_server."""
    if not isinstance(value, Mapping):
        _junk("no mapping for a managed share", value)
    return Managed(_size(value.get("size")), _optional_locations(value))


def revert_result(value: object) -> Reverted:
    """The result of revert_to_snapshot."""
    if value is None:
        return Reverted()
    if isinstance(value, Mapping):
        if value.get("status") != "reverting_to_snapshot":
            _junk("a status that is not reverting_to_snapshot", dict(value))
        return Reverted(done=False)
    return Reverted(size=_size(value))


def ensure_result(value: object) -> dict[str, Ensured]:
    """The result of ensure_shares, by instance id."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _junk("ensured shares that are no mapping", value)
    return {str(key): _ensured(update) for key, update in value.items() if update}


def _ensured(update: object) -> Ensured:
    if not isinstance(update, Mapping):
        _junk("an ensured share that is no mapping", update)
    status = update.get("status")
    if status is not None and not isinstance(status, str):
        _junk("a status that is no text", status)
    return Ensured(
        export_locations=_optional_locations(update),
        status=status,
        metadata=_texts(update.get("metadata")),
        reapply_access_rules=update.get("reapply_access_rules") is True,
    )


def access_updates(result: object, rules: Iterable[Mapping[str, Any]]) -> dict[str, RuleUpdate]:
    """The result of update_access, keyed by access_id, whichever of access_id and id it used.

    Updates of rules that were not given are dropped.
    """
    if not result:
        return {}
    if not isinstance(result, Mapping):
        _junk("access updates that are no mapping", result)
    by_key: dict[str, str] = {}
    for rule in rules:
        access_id = str(rule.get("access_id") or rule["id"])
        by_key.setdefault(str(rule.get("id") or access_id), access_id)
        by_key[access_id] = access_id
    return {
        by_key[str(key)]: _rule_update(update)
        for key, update in result.items()
        if str(key) in by_key
    }


def _rule_update(update: object) -> RuleUpdate:
    if update is None:
        return RuleUpdate()
    if not isinstance(update, Mapping):
        _junk("a rule update that is no mapping", update)
    state, key = update.get("state"), update.get("access_key")
    if state is not None:
        state = _one_of(state, RULE_STATES, "rule state")
    reason = update.get("reason")
    return RuleUpdate(state, *(None if text is None else str(text) for text in (key, reason)))
