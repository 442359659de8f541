"""One history: act, let everything settle, and compare with what was promised."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import structlog

from abaca.model import clock, ids
from abaca.model.errors import RequestError
from abaca.store import seam

from . import checks
from .array import Array
from .database import Database
from .model import Model, Op
from .plan import METHODS, Action, Options, Plan, plan
from .requests import VERBS, Request
from .world import PATIENCE, Crashed, Process, Reached, World

UNLUCKY = 8  # of a hundred requests in a world with crashes lose their answer
SOON = 20  # rounds
STRIDE = 8  # points that a task passes at most before others have their turn
# What a backend does wrong: (kind, times, what it says)
FAULTS = (
    ("error", 1, "StorageCommunicationException"),
    ("error", 2, "StorageCommunicationException"),
    ("error", 1, "ShareBackendException"),
    ("error", 1, "RuntimeError"),
    ("lost", 1, "StorageCommunicationException"),
    ("lost", 1, "ShareBackendException"),
    ("late", 1, "StorageCommunicationException"),
)
LATE = 0.1  # seconds; before the call is tried again


@dataclass(frozen=True)
class Outcome:
    """How a history ended.  wrong: each broken promise in a sentence."""

    plan: Plan
    wrong: tuple[str, ...]
    lines: tuple[str, ...]
    operations: int
    reached: Counter[Reached]


class Stage:
    """What histories are played on, one after the other.  One for each process of the machine."""

    def __init__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        self.database = Database()
        self.array = Array()

    def play(self, history: Plan) -> Outcome:
        self.database.reset()
        self.array.reset()
        world = World(self.database, self.array, history.options)
        with _taken_over(world, history.seed):
            return History(world, history).run()

    @contextlib.contextmanager
    def improvise(self, options: Options) -> Iterator[History]:
        """A history whose actions somebody else chooses: begin, act ..., end."""
        self.database.reset()
        self.array.reset()
        world = World(self.database, self.array, options)
        with _taken_over(world, 0):
            yield History(world, Plan(0, options, ()))

    def seed(self, seed: int, theme: str | None = None) -> Outcome:
        return self.play(plan(seed, theme))

    def shrink(self, outcome: Outcome) -> Outcome:
        """As few actions as possible that still break a promise: each is left out that can be."""
        number = len(outcome.plan.actions) - 1
        while number >= 0:
            shorter = self.play(outcome.plan.without(number))
            if shorter.wrong:
                outcome = shorter
            number -= 1
        return outcome


@contextlib.contextmanager
def _taken_over(world: World, seed: int) -> Iterator[None]:
    """Time, ids and the points are the world's."""
    numbers = random.Random(f"ids of {seed}")
    clock.install(world.clock)
    ids.install(lambda: str(uuid.UUID(int=numbers.getrandbits(128), version=4)))
    seam.install(world.passing)
    try:
        yield
    finally:
        world.end()
        seam.install(None)
        ids.install(None)
        clock.install(None)


class History:
    def __init__(self, world: World, history: Plan) -> None:
        self.world = world
        self.plan = history
        self.model = Model(history.options.limits)
        self.wrong: list[str] = []

    def run(self) -> Outcome:
        world = self.world
        self.begin()
        for action in self.plan.actions:
            self.act(action)
            if self.wrong:
                break
        self.end()
        rows = world.database.rows("SELECT count(*) FROM operations")
        return Outcome(
            self.plan,
            tuple(self.wrong),
            tuple(world.lines),
            rows[0][0],
            self._reached(),
        )

    def begin(self) -> None:
        for number in range(self.plan.options.managers):
            self._unless_it_dies(partial(self._up, number))

    def act(self, action: Action) -> None:
        self.world.say(f"-- {action}")
        self._unless_it_dies(partial(self._act, action))

    def _reached(self) -> Counter[Reached]:
        """What was asked, called and killed: how much of abaca this history has seen."""
        reached = self.world.reached
        for call in self.world.array.calls():
            reached["calls", call["method"], "calls"] += 1
            reached["calls", call["method"], "failed"] += call["outcome"] != "ok"
        return reached

    def _up(self, number: int) -> None:
        self.world.look(self.world.start(number))

    def _unless_it_dies(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(Crashed):
            action()

    def end(self) -> None:
        """No more misfortunes; then everything must come to its end."""
        world = self.world
        world.array.clear_faults()
        for process in [*world.alive, world.api]:
            process.dies_in = None
        world.start(0)
        world.say("-- the end")
        if not world.settle(PATIENCE):
            self.wrong += checks.stuck(world)
        if not self.wrong:
            self._learn()
            self.wrong += checks.check(world, self.model)
        for text in self.wrong:
            world.say(f"WRONG: {text}")

    # --- actions ----------------------------------------------------------------------------------
    def _act(self, action: Action) -> None:
        if action.verb in VERBS:
            self._learn()
            request = VERBS[action.verb](self.model, action.a, action.b)
            if request is not None:
                self._ask(action.verb, request, action.c)
            return
        getattr(self, f"_{action.verb}")(action)

    def _process(self, number: int) -> Process:
        """One of the managers that live; if none does, one is started."""
        alive = self.world.alive or [self.world.start(0)]
        return alive[number % len(alive)]

    def _work(self, action: Action) -> None:
        """A process goes on: it looks for work, or one of its tasks goes on for some points."""
        process = self._process(action.a)
        self.world.look(process)
        for _ in range(1 + action.b % STRIDE):
            if not process.tasks:
                break
            self.world.step(process, action.b)

    def _wait(self, action: Action) -> None:
        self.world.wait(action.b / 20)

    def _settle(self, action: Action) -> None:
        self._process(0)
        self.world.settle(SOON)

    def _crash(self, action: Action) -> None:
        """A process will die at one of the next points it passes, or of those at a call."""
        process = self._process(action.a)
        process.dies_at_call = bool(action.c % 2)
        process.dies_in = 1 + action.b % (3 if process.dies_at_call else 8)

    def _start(self, action: Action) -> None:
        self.world.start(action.a % len(self.world.managers))

    def _stall(self, action: Action) -> None:
        process = self._process(action.a)
        self.world.say(f"{process.name} stands still")
        self.world.stall(process)
        for other in self.world.alive:
            if other is not process:
                self.world.look(other)

    def _fault(self, action: Action) -> None:
        method = METHODS[action.a % len(METHODS)]
        kind, times, name = FAULTS[action.b % len(FAULTS)]
        more = {"seconds": LATE} if kind == "late" else {}
        self.world.array.set_fault(method, kind, times, None, name=name, **more)
        self.world.say(f"fault: {kind} of {method} x {times}, {name}")

    # --- requests ---------------------------------------------------------------------------------
    def _ask(self, verb: str, request: Request, luck: int) -> None:
        """Ask, see whether that was right, and note what is promised by now."""
        last = self._last_operation()
        said = self._answer(request, 1 + luck % 2 if luck < UNLUCKY else None)
        if said is None and request.repeats:
            self.world.say(f"{request.text}: no answer; once more, with the same key")
            said = self._answer(request, None)
            self.world.reached["requests", verb, "repeated"] += 1
        if said is None:
            traces = self.world.database.rows(request.trace) if request.trace else []
            said = "accepted" if traces or self._last_operation() > last else "lost"
            self.world.reached["requests", verb, "no answer"] += 1
        self.world.reached["requests", verb, "asked"] += 1
        self.world.reached["requests", verb, said.partition(":")[0]] += 1
        self.world.say(f"{request.text}: {said}")
        self._judge(request, said, last)

    def _answer(self, request: Request, dies_in: int | None) -> str | None:
        """What the client hears; None if the API dies before it says anything."""
        api = self.world.api
        if dies_in:
            api.dies_in, api.dies_at_call = dies_in, False
        try:
            self.world.inside(api, lambda: request.call(api.env))
        except RequestError as error:
            return f"refused: {error}"
        except Crashed:
            return None
        except Exception as error:  # noqa: BLE001 (nobody may ever see one of these)
            self.wrong.append(f"{request.text} ended in {type(error).__name__}: {error}")
            return "refused"
        finally:
            api.dies_in = None if dies_in else api.dies_in
        return "accepted"

    def _judge(self, request: Request, said: str, last: int) -> None:
        if request.allowed is False and said == "accepted":
            self.wrong.append(f"{request.text} was accepted and must be refused")
        if request.allowed is True and said.startswith("refused"):
            self.wrong.append(f"{request.text} was {said}; it must be accepted")
        if said != "accepted" or self.wrong:
            return
        new = self._operations(last)
        if len(new) > 1 or not (new or request.quiet):
            self.wrong.append(f"{request.text} was accepted with {len(new)} operations")
            return
        request.accepted(new[0] if new else None, self._newest_rule(request.rules_of))

    def _last_operation(self) -> int:
        return int(self.world.database.rows("SELECT coalesce(max(id), 0) FROM operations")[0][0])

    def _operations(self, after: int) -> list[Op]:
        stmt = (
            "SELECT id, kind, resource_id,"
            " coalesce(payload ->> 'instance_id', payload ->> 'snapshot_instance_id')"
            " FROM operations WHERE id > ?"
        )
        return [Op(*row) for row in self.world.database.rows(stmt, after)]

    def _newest_rule(self, of: str) -> str:
        stmt = (
            "SELECT id FROM access_rules WHERE share_id = ?1 UNION ALL"
            " SELECT id FROM snapshot_access_rules WHERE snapshot_id = ?1"
        )
        known = {rule for thing in self.model.things() for rule in thing.rules} | set(
            self.model.denied
        )
        found = [row[0] for row in self.world.database.rows(stmt, of)] if of else []
        return next((rule for rule in found if rule not in known), "")

    def _learn(self) -> None:
        """How operations have ended meanwhile."""
        look = self.world.database.rows
        states = {
            row[0]: (row[1], row[2]) for row in look("SELECT id, kind, state FROM operations")
        }
        statuses = dict(
            look(
                "SELECT id, status FROM share_instances UNION ALL"
                " SELECT id, status FROM snapshot_instances"
            )
        )
        self.wrong += self.model.learn(states, statuses)
