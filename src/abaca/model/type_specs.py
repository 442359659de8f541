"""Standard extra specs of share types, as data: what each may say, who sees it.

A spec that is not listed is free text, for the scheduler or for a driver, and hidden from users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

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


def is_owned(owned: object, name: str) -> bool:
    """Whether the extra spec has the prefix of the driver that reports this."""
    return _known(owned, name) is not None


def unknown(owned: object, specs: Iterable[str]) -> str | None:
    """The first extra spec with the prefix of a driver that the driver does not know, if any.

    owned: {prefix: {full name: values that it can honour, None: any}}, as a driver reports it.
    """
    for name in specs:
        known = _known(owned, name)
        if known is not None and name not in known:
            return name
    return None


def refusal(owned: object, specs: Mapping[str, str]) -> str | None:
    """Why a backend cannot honour the extra specs with its driver's prefix; None if it can."""
    strange = unknown(owned, specs)
    if strange is not None:
        listed = ", ".join(_known(owned, strange) or ()) or "none of that prefix"
        return f"it does not know the extra spec {strange[:60]!a}; it knows {listed}"
    for name, value in specs.items():
        fitting = (_known(owned, name) or {}).get(name)
        if isinstance(fitting, list | tuple) and value not in fitting:
            has = ", ".join(map(str, fitting)) or "not set"
            return f"its {name} is {has}, the share type demands {value[:60]!a}"
    return None


def _known(owned: object, name: str) -> Mapping[str, object] | None:
    """What the driver to whose prefix the name belongs knows; None: it is nobody's."""
    prefix, colon, _ = name.partition(":")
    known = owned.get(prefix.strip().lower()) if colon and isinstance(owned, Mapping) else None
    return known if isinstance(known, Mapping) else None


def stored(name: str, value: str) -> str:
    """The value as it is kept: blanks around zone names go."""
    if name == "availability_zones":
        return ",".join(part.strip() for part in value.split(","))
    return value
