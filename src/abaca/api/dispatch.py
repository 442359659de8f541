"""From method, path, action and version to a route, in a few dictionary look-ups.

The paths of the registry and of the full table become one tree, built once.  A literal segment
("/shares/detail") also carries what a variable in its place ("/shares/{id}") has below it, so that
a walk never goes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from abaca.api import absent
from abaca.api.registry import Route
from abaca.api.versions import MAX, MIN

ByVersion = list[Route | None]  # index: the minor version


class Slot:
    """One method at one place."""

    __slots__ = ("actions", "answer", "any_project", "plain")

    def __init__(self) -> None:
        self.plain: ByVersion | None = None
        self.actions: dict[str, ByVersion] | None = None
        self.answer = 404  # what an absent route answers
        self.any_project = False  # the project segment may be any text, not only hexadecimal


class Node:
    __slots__ = ("literals", "slots", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.variable: Node | None = None
        self.slots: dict[str, Slot] = {}


class Hit(msgspec.Struct, frozen=True):
    """A place that was found."""

    slot: Slot
    segments: list[str]  # of the path, without v2 and project
    project: str | None  # the project segment, if the URL has one


class Dispatcher:
    """All places of the API."""

    def __init__(self, routes: Iterable[Route], project_id_regex: str) -> None:
        self._project = re.compile(project_id_regex, re.ASCII)
        self._root = Node()
        self._positions: dict[str, list[tuple[str, int]]] = {}
        for row in absent.table().routes:
            slot = self._slot(row.method, row.path)
            slot.any_project = row.project_pattern == "any"
            _versions(slot, row.action)
        for dead in absent.table().dead:
            self._slot(dead.method, dead.path).answer = dead.answer
        for route in routes:
            found = _versions(self._slot(route.method, route.path), route.action)
            for version in range(route.versions.first, route.versions.last + 1):
                found[version] = route
            self._positions[route.id] = _positions(route.path)
        self._root = _spread(self._root)

    def _slot(self, method: str, path: str) -> Slot:
        node = self._root
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                node.variable = node = node.variable or Node()
            else:
                node = node.literals.setdefault(part, Node())
        return node.slots.setdefault(method, Slot())

    def find(self, method: str, path: str) -> Hit | None:
        """The place of a path that starts with /v2/; None when there is none."""
        segments = path.split("/")[2:]
        last = segments[-1]
        if last.endswith((".json", ".xml")):
            segments[-1] = last.rpartition(".")[0]
        if "" in segments:
            return None
        project = None
        if segments[0] not in self._root.literals:
            project = segments.pop(0)
        node: Node | None = self._root if segments else None
        for part in segments:
            if node is None:
                return None
            node = node.literals.get(part) or node.variable
        slot = node.slots.get(method) if node is not None else None
        if slot is None:
            return None
        if project is not None and not slot.any_project and not self._project.fullmatch(project):
            return None
        return Hit(slot, segments, project)

    def arguments(self, route: Route, segments: list[str]) -> dict[str, str]:
        """The variables of the path, by the names that the route gives them."""
        return {name: segments[at] for name, at in self._positions[route.id]}


def _versions(slot: Slot, action: str | None) -> ByVersion:
    fresh: ByVersion = [None] * (MAX - MIN + 1)
    if action is not None:
        slot.actions = slot.actions if slot.actions is not None else {}
        return slot.actions.setdefault(action, fresh)
    slot.plain = slot.plain or fresh
    return slot.plain


def _positions(path: str) -> list[tuple[str, int]]:
    parts = path.strip("/").split("/")
    return [(part[1:-1], at) for at, part in enumerate(parts) if part.startswith("{")]


def _spread(node: Node) -> Node:
    """The same tree with what is below a variable also below the literals beside it."""
    found = Node()
    found.slots = node.slots
    found.variable = _spread(node.variable) if node.variable else None
    for part, child in node.literals.items():
        merged = _merged(child, node.variable) if node.variable else child
        found.literals[part] = _spread(merged)
    return found


def _merged(first: Node, second: Node) -> Node:
    """Both trees in one; where both have a slot, the first wins."""
    found = Node()
    found.slots = second.slots | first.slots
    found.literals = second.literals | first.literals
    for part in first.literals.keys() & second.literals.keys():
        found.literals[part] = _merged(first.literals[part], second.literals[part])
    if first.variable and second.variable:
        found.variable = _merged(first.variable, second.variable)
    else:
        found.variable = first.variable or second.variable
    return found
