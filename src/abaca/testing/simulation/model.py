"""What abaca promises, small enough to be believed.

The model knows what was acknowledged and how each operation ended, nothing else.  From that it says
which requests must be accepted now (None: it cannot know, because it depends on how far something
is), how much quota is in use, and what must be there in the end.  Sizes are GiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DONE, LIVE = "done", ("queued", "running")
ENSURE = "ensure_driver_resources"
# kind of an operation that failed -> the statuses that tell the truth about its resource
FAILED: dict[str, tuple[str, ...]] = {
    "create_share_instance": ("error",),
    "delete_share_instance": ("error_deleting",),
    "extend_share": ("extending_error", "available"),
    "shrink_share": ("shrinking_error", "available"),
    "revert_to_snapshot": ("reverting_error",),
    "create_snapshot": ("error",),
    "delete_snapshot": ("error_deleting",),
    "manage_share": ("manage_error",),
    "unmanage_share": ("unmanage_error",),
}
GOES = ("delete_share_instance", "delete_snapshot", "unmanage_share")  # what it is done to
RULES_CHANGE = ("available", "error", "error_deleting", "extending_error", "shrinking_error",
                "reverting_error", "manage_error", "unmanage_error")  # fmt: skip


@dataclass(frozen=True)
class Op:
    """An operation that a request has put on record."""

    id: int
    kind: str
    resource_id: str
    instance_id: str


@dataclass
class Rule:
    id: str
    to: str
    level: str
    denied: bool = False


@dataclass
class Thing:
    """A share or a snapshot."""

    id: str
    instance_id: str
    size: int
    status: str
    op: Op | None = None  # that owns it
    rules: dict[str, Rule] = field(default_factory=dict)
    updates: set[int] = field(default_factory=set)  # live operations on its rules
    forced: bool = False  # its deletion ends with it gone, whatever the backend says

    binned: bool = False  # in the recycle bin

    @property
    def idle(self) -> bool:
        return self.status == "available" and self.op is None and not self.binned

    def rule_to(self, to: str) -> Rule | None:
        return next((rule for rule in self.rules.values() if rule.to == to), None)


@dataclass
class Share(Thing):
    project: str = ""
    path: str = ""  # where it is found on the backend when it is no longer managed
    source: str | None = None  # the snapshot it is made from
    target: int = 0  # the size it will have when its operation is done
    booked: int = 0  # taken in advance for that
    restoring: str | None = None  # the snapshot that it goes back to
    snapshots: dict[str, Snapshot] = field(default_factory=dict)  # oldest first


@dataclass
class Snapshot(Thing):
    pass


@dataclass(frozen=True)
class Left:
    """What is on the backend and no longer managed."""

    path: str
    size: int


class Model:
    def __init__(self, limits: Mapping[str, int] | None) -> None:
        self.limits = dict(limits or {})
        self.shares: dict[str, Share] = {}
        self.left: list[Left] = []
        self.forced: set[str] = set()  # instances that go, even if the backend keeps something
        self.ensuring = False  # a round over all shares is going on: none is surely idle
        self.superseded: set[int] = set()  # operations whose end no longer counts
        self.denied: dict[str, tuple[str, int]] = {}  # rule -> its instance, the denying operation

    # --- what is there ----------------------------------------------------------------------------
    def in_use(self, project: str) -> dict[str, int]:
        # one that is being managed counts when its size is known
        mine = [s for s in self.shares.values() if s.project == project and s.size]
        snapshots = [each for share in mine for each in share.snapshots.values()]
        return {
            "shares": len(mine),
            "gigabytes": sum(share.size + share.booked for share in mine),
            "snapshots": len(snapshots),
            "snapshot_gigabytes": sum(each.size for each in snapshots),
        }

    def fits(self, project: str, **more: int) -> bool:
        """Whether the quota allows so much more."""
        used = self.in_use(project)
        return all(
            delta <= 0 or used[name] + delta <= self.limits.get(name, 1_000_000)
            for name, delta in more.items()
        )

    def things(self) -> list[Thing]:
        found: list[Thing] = []
        for share in self.shares.values():
            found += [share, *share.snapshots.values()]
        return found

    def being_cloned(self, snapshot: Snapshot) -> bool:
        return any(
            share.source == snapshot.id and share.op is not None and share.status == "creating"
            for share in self.shares.values()
        )

    def sure(self, expected: bool) -> bool | None:
        """While a round over all shares goes on, any of them may be busy."""
        return None if self.ensuring else expected

    # --- how operations end -----------------------------------------------------------------------
    def learn(
        self, states: Mapping[int, tuple[str, str]], statuses: Mapping[str, str]
    ) -> list[str]:
        """states: operation -> (kind, state).  statuses: instance -> status, where one of several
        is right.  What was not as promised."""
        wrong = []
        self.ensuring = any(kind == ENSURE and state in LIVE for kind, state in states.values())
        for share in list(self.shares.values()):
            for thing in (*share.snapshots.values(), share):
                thing.updates = {op for op in thing.updates if states[op][1] in LIVE}
                if thing.op is not None and states[thing.op.id][1] not in LIVE:
                    wrong += self._ended(share, thing, states[thing.op.id][1], statuses)
        return wrong

    def _ended(
        self, share: Share, thing: Thing, state: str, statuses: Mapping[str, str]
    ) -> list[str]:
        op, thing.op = thing.op, None
        assert op is not None
        if isinstance(thing, Share):
            self._release(thing, state == DONE)
        if op.kind in GOES and (state == DONE or thing.forced):
            if op.kind == "unmanage_share" and share.path and share.size:
                self.left.append(Left(share.path, share.size))
            self._forget(share, thing)
            return []
        if state == DONE:
            thing.status = "available"
            return []
        right = FAILED[op.kind]
        found = statuses.get(thing.instance_id, "gone")
        thing.status = found if found in right else right[0]
        return [] if found in right else [f"{op.kind} of {thing.id} failed: it is {found}"]

    def _release(self, share: Share, done: bool) -> None:
        """The end of what was asked of a share's size and snapshot."""
        if done and share.target:
            share.size = share.target
        share.target = share.booked = 0
        restored = share.snapshots.get(share.restoring or "")
        if restored is not None:
            restored.status = "available"
        share.restoring = None

    def _forget(self, share: Share, thing: Thing) -> None:
        if isinstance(thing, Share):
            del self.shares[thing.id]
        else:
            del share.snapshots[thing.id]

    # --- what requests change ---------------------------------------------------------------------
    def force(self, thing: Thing) -> None:
        """It is to go, whatever goes on with it and whatever the backend says."""
        if thing.op is not None:
            self.superseded.add(thing.op.id)
        if isinstance(thing, Share):
            self._release(thing, done=False)
        thing.op, thing.forced = None, True
        self.forced.add(thing.instance_id)
