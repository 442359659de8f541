"""Standard extra specs of share types, as data: what each may say, who sees it.

A spec that is not listed is free text, for the scheduler or for a driver, and hidden from users.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

TRUE_WORDS = frozenset({"1", "t", "true", "on", "y", "yes"})
FALSE_WORDS = frozenset({"0", "f", "false", "off", "n", "no"})
MOST_GIB = 2**31 - 1

Rule = tuple[Callable[[str], bool], str]  # is this value right, and how a right one looks


def truth(value: str) -> bool | None:
    """'yes', '<is> True', ... as a boolean; None when it is none."""
    word = value.strip().lower()
    if word.startswith("<is>"):
        word = word.removeprefix("<is>").strip()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def _size(value: str) -> bool:
    digits = value.strip()
    return (
        digits.isascii() and digits.isdigit() and len(digits) <= 10 and 1 <= int(digits) <= MOST_GIB
    )


def _one_of(*words: str) -> Rule:
    return (lambda value: value in words, f"one of {', '.join(words)}")


PLAIN_BOOLEAN: Rule = (lambda v: v.strip().lower() in TRUE_WORDS | FALSE_WORDS, "True or False")
BOOLEAN: Rule = (lambda v: truth(v) is not None, "True or False, or '<is> True' or '<is> False'")
SIZE: Rule = (_size, f"a whole number of GiB from 1 to {MOST_GIB}")
ZONES: Rule = (
    lambda v: all(part.strip() for part in v.split(",")),
    "zone names with commas between",
)
TEXT: Rule = (lambda v: True, "text")


class Spec(msgspec.Struct, frozen=True):
    name: str
    rule: Rule
    required: bool = False
    inferred: str | None = None  # users see false where it is absent, from this version on
    may_be_empty: bool = False


STANDARD: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec("driver_handles_share_servers", PLAIN_BOOLEAN, required=True),
        Spec("snapshot_support", BOOLEAN, inferred="2.24"),
        Spec("create_share_from_snapshot_support", BOOLEAN, inferred="2.24"),
        Spec("revert_to_snapshot_support", BOOLEAN, inferred="2.24"),
        Spec("mount_snapshot_support", BOOLEAN, inferred="2.24"),
        Spec("snapshot_inherit_share_access_support", BOOLEAN, inferred="2.99"),
        Spec("mount_point_name_support", BOOLEAN),
        Spec("replication_type", _one_of("writable", "readable", "dr")),
        Spec("availability_zones", ZONES),
        Spec("encryption_support", _one_of("share", "share_server")),
        Spec("provisioning:max_share_size", SIZE),
        Spec("provisioning:min_share_size", SIZE),
        Spec("provisioning:max_share_extend_size", SIZE),
        Spec("provisioning:mount_point_prefix", TEXT, may_be_empty=True),
        Spec("default_qos_type", TEXT, may_be_empty=True),
    )
}
REQUIRED = tuple(spec.name for spec in STANDARD.values() if spec.required)
# before 2.24 every type had this one: it was set to True when missing, and could not be deleted
ONCE_REQUIRED = "snapshot_support"


def wrong(name: str, value: str) -> str | None:
    """What a value of this spec must be, if this one is not."""
    spec = STANDARD.get(name)
    if spec is None:
        return None
    fits, described = spec.rule
    return None if fits(value) else described


def stored(name: str, value: str) -> str:
    """The value as it is kept: blanks around zone names go."""
    if name == "availability_zones":
        return ",".join(part.strip() for part in value.split(","))
    return value
