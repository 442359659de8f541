"""Directories and addresses: what may be part of a path, how export locations are written."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from abaca.drivers.contract import errors
from abaca.drivers.vast.array import Pool

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_PART = re.compile(r"[^/\x00-\x1f\x7f]{1,255}\Z")
MOST_ADDRESSES: Final = 1024  # of a pool; a range of more is a slip of the pen

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def root_directory(option: str | None) -> str:
    """The directory above all shares, with one slash in front; the cluster's root is none."""
    parts = [part for part in str(option or "").split("/") if part]
    if not parts or any(part in (".", "..") or not _PART.match(part) for part in parts):
        raise errors.BadConfigurationException(
            reason=f"vast_root_export is {option!r}; name a directory, such as manila"
        )
    return "/" + "/".join(parts)


def share_directory(root: str, share_id: str) -> str:
    """Where a share made by abaca is."""
    return f"{root}/manila-{checked_id(share_id)}"


def checked_id(share_id: object) -> str:
    if not isinstance(share_id, str) or not _ID.match(share_id):
        raise errors.InvalidShare(reason=f"{share_id!r:.80} cannot name an object on the array")
    return share_id


def exported_directory(root: str, location: str) -> str | None:
    """The directory of an export location `<address>:<path>`; None unless it is right below the
    root directory: nothing else is taken over, so nothing else can ever be deleted."""
    _, colon, path = location.rpartition(":/")
    parent, _, name = f"/{path}".rstrip("/").rpartition("/")
    good = colon and parent == root and name not in (".", "..") and _PART.match(name)
    return f"{root}/{name}" if good else None


def addresses(pool: Pool) -> list[Address]:
    """All addresses of a pool.  Raises VastDriverException if there is none, or no end of them."""
    try:
        found = list(islice(_all(pool.ip_ranges), MOST_ADDRESSES + 1))
    except ValueError as error:
        raise errors.VastDriverException(reason=f"VIP pool {pool.name}: {error}") from error
    if not 0 < len(found) <= MOST_ADDRESSES:
        count = f"more than {MOST_ADDRESSES} addresses" if found else "no address"
        raise errors.VastDriverException(reason=f"VIP pool {pool.name} has {count}")
    return list(dict.fromkeys(found))


def _all(ranges: Iterable[tuple[str, str]]) -> Iterator[Address]:
    for first, last in ranges:
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        if low.version != high.version:
            raise ValueError(f"range {first} to {last} is of two kinds")
        for number in range(int(low), int(high) + 1):
            yield type(low)(number)


def locations(pool: Pool, directory: str) -> list[str]:
    """How clients mount a directory: one location for each address of the pool."""
    return [f"[{a}]:{directory}" if a.version == 6 else f"{a}:{directory}" for a in addresses(pool)]
