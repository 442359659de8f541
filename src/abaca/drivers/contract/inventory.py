"""What a backend holds: the method by which drift is found, and the typed form of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NoReturn

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.results import export_locations

SHARE, SNAPSHOT, EXPORT = "share", "snapshot", "export"
TEXTS = ("share_id", "proto", "path", "pool", "reverted_by")
KINDS = (SHARE, SNAPSHOT, EXPORT)
LONGEST_PROBLEM = 500  # characters
Rule = tuple[str, str, str]  # access_type, access_to, access_level


@dataclass(frozen=True, slots=True)
class Held:
    """One object on a backend; what is None was not told, and is not compared."""

    kind: str  # share, snapshot, or export: something served that has no data behind it
    id: str  # as the driver was given it: share["id"], snapshot["id"]
    problem: str | None = None  # why the rest could not be read; the object is there
    size: float | None = None  # GiB; 0: without a limit
    exported: bool | None = None  # of a share: clients with a rule can mount it
    rules: frozenset[Rule] | None = None  # in force
    share_id: str | None = None  # of a snapshot: the id of its share
    proto: str | None = None  # NFS, CIFS ...: an adopted share gets it
    path: str | None = None  # where it is, as manage_existing (of a snapshot) takes it
    pool: str | None = None
    reverted_by: str | None = None  # of a share: context.operation_id of its last revert
    export_locations: Any = None  # of a snapshot that can be mounted: as create_snapshot says it


class InventoryMethods:
    """Absent: drift of this backend cannot be found."""

    def get_inventory(self, context: AnyContext) -> Iterable[Mapping[str, Any]]:
        """Everything the driver has made and still knows, each as a mapping with the keys of Held.

        Only `kind` and `id` are needed.  `rules` is a list of access rules (mappings with
        access_type, access_to, access_level).  Look at the backend, not at what this object
        remembers; change nothing.  What is not in the list counts as gone: an object that is there
        but cannot be read is listed with its `problem`, and when it cannot be told what is there,
        raise.
        """
        raise NotImplementedError


def inventory_result(value: object) -> list[Held]:
    """The result of get_inventory; an object that cannot be understood has a problem.

    Raises InvalidShareInstance if it cannot be told which objects there are.
    """
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        _junk("an inventory that is no list", value)
    return [_held(item) for item in value]


def _held(item: object) -> Held:
    if not isinstance(item, Mapping):
        _junk("an object that is no mapping", item)
    kind, object_id = item.get("kind"), item.get("id")
    if kind not in KINDS or not isinstance(object_id, str) or not object_id:
        _junk("an object without a kind and an id", dict(item))
    try:
        return _described(kind, object_id, item)
    except errors.InvalidShareInstance as problem:
        return Held(kind, object_id, problem=str(problem)[:LONGEST_PROBLEM])


def _described(kind: str, object_id: str, item: Mapping[str, Any]) -> Held:
    if item.get("problem") is not None:
        return Held(kind, object_id, problem=str(item["problem"])[:LONGEST_PROBLEM])
    size = item.get("size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int | float)):
        _junk("a size that is not a number of GiB", size)
    exported = item.get("exported")
    rules = item.get("rules")
    if rules is not None and not isinstance(rules, Sequence | Set):
        _junk("rules that are no list", rules)
    texts = {key: _text(item.get(key)) for key in TEXTS}
    locations = item.get("export_locations")
    if locations is not None:
        export_locations(locations)  # or they are junk
    return Held(
        kind=kind,
        id=object_id,
        size=size,
        exported=None if exported is None else bool(exported),
        rules=None if rules is None else frozenset(_rule(rule) for rule in rules),
        export_locations=locations,
        **texts,
    )


def _rule(rule: object) -> Rule:
    if not isinstance(rule, Mapping):
        _junk("a rule that is no mapping", rule)
    kind, to, level = (str(rule.get(key)) for key in ("access_type", "access_to", "access_level"))
    return kind, to, level


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _junk(what: str, value: object) -> NoReturn:
    raise errors.InvalidShareInstance(reason=f"the driver returned {what}: {value!r:.200}")
