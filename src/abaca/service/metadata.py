"""Metadata of whatever has it: who may write which keys, and how many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from abaca.model.errors import BadRequest, NotFound

MayWrite = Callable[[], None]  # raises Forbidden unless the caller may write admin-only keys

MOST_PAIRS = 128  # of one share, snapshot, access rule or export location


def check_room(current: Mapping[str, str], then: Mapping[str, str]) -> None:
    """Raise BadRequest if there would be too many pairs.  Who has more already may keep them."""
    if len(then) > max(MOST_PAIRS, len(current)):
        raise BadRequest(
            f"There would be {len(then)} metadata pairs; one resource has at most {MOST_PAIRS}. "
            "Delete some first."
        )


def merged(
    current: Mapping[str, str],
    given: Mapping[str, str],
    protected: Collection[str],
    may_write: MayWrite,
) -> dict[str, str]:
    """The pairs to write, when `given` is added.  A pair that stays as it is needs no right."""
    changed = {key: value for key, value in given.items() if current.get(key) != value}
    if any(key in protected for key in changed):
        may_write()
    return changed


def gone(
    current: Mapping[str, str], given: Mapping[str, str], protected: Collection[str], may: bool
) -> list[str]:
    """The keys that go, when `given` replaces everything; protected ones stay for others."""
    return [key for key in current if key not in given and (may or key not in protected)]


def one(current: Mapping[str, str], key: str) -> str:
    """The value of a key.  Raises NotFound."""
    try:
        return current[key]
    except KeyError:
        raise NotFound(noun="Metadata key", id=ascii(key)[1:-1][:255]) from None
