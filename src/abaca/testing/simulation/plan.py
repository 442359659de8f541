"""From a seed to a history: which actions, in which order, with which numbers.

Actions are data and hold no ids, so that one can be left out (shrinking) and the rest still makes
sense: their numbers are taken modulo of what there is when it is their turn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple


class Action(NamedTuple):
    verb: str
    a: int  # which share, process ...
    b: int  # how much
    c: int  # whether it goes wrong on the way, and where

    def __str__(self) -> str:
        return f"{self.verb}({self.a}, {self.b}, {self.c})"


@dataclass(frozen=True)
class Options:
    """What kind of world it is.  Each seed has some of all dangers, so that they do not always
    hide each other."""

    managers: int = 1
    together: bool = False  # the API is in the process of the first manager
    capacity: int = 100000  # GiB
    limits: Mapping[str, int] | None = None  # quotas
    clone_seconds: float = 0.0
    revert_seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    seed: int
    options: Options
    actions: tuple[Action, ...]

    def without(self, number: int) -> Plan:
        return replace(self, actions=self.actions[:number] + self.actions[number + 1 :])


# verb -> how often it is asked for, and what the driver then has to do
REQUESTS: dict[str, tuple[int, str]] = {
    "create": (3, "create_share"),
    "delete": (4, "delete_share"),
    "force_delete": (2, "delete_share"),
    "extend": (4, "extend_share"),
    "shrink": (3, "shrink_share"),
    "snapshot": (3, "create_snapshot"),
    "delete_snapshot": (4, "delete_snapshot"),
    "clone": (3, "create_share_from_snapshot"),
    "revert": (3, "revert_to_snapshot"),
    "allow": (4, "update_access"),
    "deny": (6, "update_access"),
    "set_level": (3, "update_access"),
    "allow_snapshot": (3, "snapshot_update_access"),
    "deny_snapshot": (3, "snapshot_update_access"),
    "ensure": (3, "ensure_shares"),
    "reset": (2, "delete_share"),
    "soft_delete": (3, "delete_share"),
    "restore": (3, "delete_share"),
    "unmanage_share": (4, "unmanage"),
    "manage_share": (5, "manage_existing"),
}
METHODS = (*dict.fromkeys(method for _, method in REQUESTS.values()), "get_share_status", "*")
# what a history is about: verbs that get in each other's way
THEMES: dict[str, tuple[str, ...]] = {
    "rules": ("allow", "deny", "set_level"),
    "levels": ("allow", "set_level"),
    "ensured rules": ("allow", "deny", "ensure"),
    "deleted rules": ("allow", "deny", "delete", "force_delete"),
    "sizes": ("extend", "shrink", "delete", "force_delete"),
    "lives": ("create", "delete", "force_delete", "reset"),
    "recycle bin": ("soft_delete", "restore", "delete", "extend", "allow"),
    "strangers": ("unmanage_share", "manage_share", "allow", "extend", "delete", "force_delete"),
    "clones": ("snapshot", "delete_snapshot", "clone"),
    "reverts": ("snapshot", "revert", "extend", "shrink"),
    "snapshots": ("snapshot", "delete_snapshot", "extend", "force_delete"),
    "snapshot rules": ("allow_snapshot", "deny_snapshot", "delete_snapshot"),
    "ensured shares": ("snapshot", "extend", "ensure", "force_delete"),
    "all": tuple(REQUESTS),
}
# some of these come first, each with time to finish
FIRST = {"clone": "snapshot", "revert": "snapshot", "delete_snapshot": "snapshot",
         "allow_snapshot": "snapshot", "deny_snapshot": "snapshot", "set_level": "allow",
         "ensure": "allow", "manage_share": "unmanage_share"}  # fmt: skip
# what happens after a request -> how often, in worlds that have such things
CALM = {"finish": 3, "race": 4, "linger": 2}
CRASHES = {"crash": 4}
LEASES = {"stall": 4}
LINGER = {"work": 30, "wait": 3, "settle": 2, "start": 2}
MOST_REQUESTS, MOST_STEPS = 5, 5
SMALL = {"shares": 2, "gigabytes": 5, "snapshots": 2, "snapshot_gigabytes": 3}


def plan(seed: int, theme: str | None = None) -> Plan:
    """The history of a seed.  It has one theme, so that its verbs meet each other often; the seed
    chooses it unless it is given."""
    chance = random.Random(seed)

    def flag(share: float) -> bool:
        return chance.random() < share

    verbs = THEMES[theme or chance.choice(list(THEMES))]
    crashes, managers = flag(0.6), 1 + flag(0.4)
    options = Options(
        managers=managers,
        together=flag(0.4),
        capacity=8 if flag(0.1) else 100000,
        limits=SMALL if flag(0.2) else None,
        clone_seconds=3.0 if flag(0.3) else 0.0,
        revert_seconds=3.0 if flag(0.3) else 0.0,
    )
    courses = CALM | (CRASHES if crashes else {}) | (LEASES if flag(0.3 * managers) else {})
    faulty = 0.35 * flag(0.5)
    first = ["create", *(verb for verb in dict.fromkeys(FIRST.values()) if flag(0.8))]
    asked = {"create", *(FIRST.get(verb, "") for verb in verbs)}
    actions = [
        step for verb in first if verb in asked for step in (_one(chance, {verb: 1}), _SETTLE)
    ]
    wishes = {verb: REQUESTS[verb][0] for verb in verbs}
    for _ in range(chance.randint(1, MOST_REQUESTS)):
        request = _one(chance, wishes, unlucky=crashes)
        if flag(faulty):
            actions.append(_fault(chance, REQUESTS[request.verb][1]))
        (course,) = chance.choices(list(courses), list(courses.values()))
        actions += [request, *_COURSES[course](chance)]
    return Plan(seed, options, tuple(actions))


_SETTLE = Action("settle", 0, 0, 99)


def _one(chance: random.Random, weights: Mapping[str, int], *, unlucky: bool = False) -> Action:
    (verb,) = chance.choices(list(weights), list(weights.values()))
    which = chance.choice((0, 0, chance.randrange(100)))  # the same one rather often
    return Action(verb, which, chance.randrange(100), chance.randrange(100) if unlucky else 99)


def _fault(chance: random.Random, method: str) -> Action:
    """Mostly of what is asked for next."""
    method = chance.choice((method, method, chance.choice(METHODS)))
    return Action("fault", METHODS.index(method), chance.randrange(100), 99)


# --- what happens after a request -----------------------------------------------------------------
def _work(chance: random.Random, points: int) -> Action:
    return Action("work", chance.randrange(2), chance.randrange(points), 99)


def _linger(chance: random.Random) -> list[Action]:
    return [_one(chance, LINGER) for _ in range(chance.randint(0, MOST_STEPS))]


def _crash(chance: random.Random) -> list[Action]:
    which = chance.randrange(2)
    crash = Action("crash", which, chance.randrange(24), chance.randrange(2))
    work = [_SETTLE] if chance.random() < 0.5 else [Action("work", which, chance.randrange(8), 99)]
    return [crash, *work, _one(chance, {"start": 1})]


_COURSES: dict[str, Callable[[random.Random], list[Action]]] = {
    "finish": lambda chance: [_SETTLE],
    "race": lambda chance: [_work(chance, 4)],
    "linger": _linger,
    "crash": _crash,
    "stall": lambda chance: [_work(chance, 5), Action("stall", chance.randrange(2), 0, 99)],
}
