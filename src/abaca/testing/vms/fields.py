"""What each kind of object looks like: the fields a request may hold, and what they must be.

An array refuses fields it does not know, and values of a wrong kind; so does this one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Check = Callable[[object], bool]


def text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1024 and value.isprintable()


def flag(value: object) -> bool:
    return isinstance(value, bool)


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def path(value: object) -> bool:
    """An absolute path; never with .. in it."""
    return text(value) and str(value).startswith("/") and ".." not in str(value).split("/")


def words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def nullable(check: Check) -> Check:
    return lambda value: value is None or check(value)


_WILDCARD = re.compile(r"(\d{1,3}|\*)(\.(\d{1,3}|\*)){0,3}\Z", re.ASCII)


def _host(item: object) -> bool:
    """An address, a network, a netgroup `@name`, or octets with `*`."""
    if not isinstance(item, str) or item.startswith("@"):
        return isinstance(item, str) and len(item) > 1
    try:
        ipaddress.ip_network(item)
    except ValueError:
        return "*" in item and _WILDCARD.match(item) is not None
    return "%" not in item


def hosts(value: object) -> bool:
    return isinstance(value, list) and all(map(_host, value))


def ranges(value: object) -> bool:
    return isinstance(value, list) and all(
        words(pair) and len(pair) == 2 and all(map(_host, pair)) for pair in value
    )


HOST_LISTS: Final = (
    "nfs_read_write",
    "nfs_read_only",
    "nfs_no_squash",
    "nfs_root_squash",
    "nfs_all_squash",
    "trash_access",
)


@dataclass(frozen=True)
class Resource:
    """One kind of object."""

    noun: str
    fields: Mapping[str, Check]  # of the object, as far as requests may set them
    create: tuple[str, ...] = ()  # further words of a POST that are not kept
    required: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()  # within a tenant
    defaults: Mapping[str, Any] = field(default_factory=dict)
    methods: tuple[str, ...] = ("GET", "POST", "PATCH", "DELETE")


RESOURCES: Final[Mapping[str, Resource]] = {
    "vippools": Resource(
        "VIP pool",
        {
            "name": text,
            "ip_ranges": ranges,
            "enabled": flag,
            "vlan": nullable(whole),
            "subnet_cidr": nullable(whole),
            "role": text,
            "state": text,
            "tenant_id": nullable(whole),
        },
        required=("name", "ip_ranges"),
        unique=("name",),
        defaults={
            "enabled": True,
            "vlan": 0,
            "subnet_cidr": 24,
            "role": "PROTOCOLS",
            "state": "OK",
        },
        methods=("GET",),
    ),
    "viewpolicies": Resource(
        "view policy",
        {"name": text, "flavor": text, "tenant_id": whole, **dict.fromkeys(HOST_LISTS, hosts)},
        required=("name",),
        unique=("name",),
        defaults={"flavor": "NFS", "nfs_all_squash": [], "trash_access": []},
    ),
    "quotas": Resource(
        "quota",
        {
            "name": text,
            "path": path,
            "hard_limit": nullable(whole),
            "soft_limit": nullable(whole),
            "tenant_id": whole,
        },
        create=("create_dir",),
        required=("name", "path"),
        unique=("path",),
        defaults={"hard_limit": None, "soft_limit": None},
    ),
    "views": Resource(
        "view",
        {
            "name": text,
            "path": path,
            "policy_id": whole,
            "protocols": words,
            "alias": text,
            "tenant_id": whole,
        },
        create=("create_dir",),
        required=("path", "policy_id"),
        unique=("path",),
        defaults={"protocols": ["NFS"], "alias": "", "name": ""},
    ),
    "snapshots": Resource(
        "snapshot",
        {
            "name": text,
            "path": path,
            "expiration_time": nullable(text),
            "indestructible": flag,
            "tenant_id": whole,
        },
        required=("name", "path"),
        unique=("name",),
        defaults={
            "expiration_time": None,
            "indestructible": False,
            "locked": False,
            "state": "AVAILABLE",
        },
    ),
    "globalsnapstreams": Resource(
        "global snapshot stream",
        {"name": text, "enabled": flag},
        unique=("name",),
        methods=("GET", "DELETE"),
    ),
}
