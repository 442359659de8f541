"""kill -9 of the manager at every commit and every driver call of every operation: after a restart
everything is as it was asked for, without a human."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from abaca.drivers.fake.backend import FakeBackend
from abaca.model.context import Context
from abaca.model.errors import NotFound
from abaca.service import access, services, shares, shares_create, shares_resize, snapshots
from abaca.service.bootstrap import DEFAULT_TYPE, ensure_default_type
from abaca.service.env import Env, Settings
from abaca.store import migrate
from abaca.store.engine import Store
from abaca.testing import crash
from abaca.testing.invariants import violations

CTX = Context(project_id="p" * 32, user_id="u" * 32, roles=("member",))
ADMIN = Context(project_id="p" * 32, user_id="u" * 32, roles=("admin",), is_admin=True)
KILLED = -9


@dataclass
class World:
    """A database, an array, and a share in it."""

    env: Env
    url: str
    folder: Path
    array: FakeBackend
    share_id: str = ""
    rule_id: str = ""
    snapshot_id: str = ""

    def manage(self, crash_at: int | None = None, ask: Callable[[], object] | None = None) -> int:
        return crash.run_manager(self.url, self.folder, crash_at=crash_at, ask=ask, seconds=30.0)

    def share(self, size: int = 2) -> str:
        wanted = shares_create.NewShare(share_proto="NFS", size=size, name="s")
        return shares_create.create(self.env, CTX, wanted).id

    def allow(self, to: str) -> str:
        rule = access.allow(self.env, CTX, self.share_id, access_type="ip", access_to=to)
        return rule.id


def _exists(world: World) -> str:
    return shares.get(world.env, CTX, world.share_id).status


def _share_gone(world: World) -> bool:
    with pytest.raises(NotFound):
        shares.get(world.env, CTX, world.share_id)
    return world.array.shares() == {}


def _created(world: World) -> bool:
    return _exists(world) == "available" and len(world.array.shares()) == 1


def _sized(size: int) -> Callable[[World], bool]:
    return lambda world: (
        _exists(world) == "available"
        and shares.get(world.env, CTX, world.share_id).size == size
        and [s["size"] for s in world.array.shares().values()] == [size]
    )


def _rules(*wanted: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        (instance,) = world.array.shares()
        there = [rule["access_to"] for rule in world.array.rules(instance)]
        rules, _ = access.of_share(world.env, CTX, world.share_id)
        return sorted(there) == sorted(wanted) == sorted(r.access_to for r in rules) and {
            rule.state for rule in rules
        } <= {"active"}

    return check


def _levels(*wanted: str) -> Callable[[World], bool]:
    def check(world: World) -> bool:
        (instance,) = world.array.shares()
        there = [rule["access_level"] for rule in world.array.rules(instance)]
        rules, _ = access.of_share(world.env, CTX, world.share_id)
        known = [rule.access_level for rule in rules if rule.state == "active"]
        return there == known == list(wanted)

    return check


def _replace_rule(world: World) -> None:
    access.deny(world.env, CTX, world.share_id, world.rule_id)
    world.allow("10.0.0.3")


def _extend_and_delete(world: World) -> None:
    shares_resize.extend(world.env, CTX, world.share_id, 5)
    shares.delete(world.env, ADMIN, world.share_id, force=True)


def _snapshots(count: int) -> Callable[[World], bool]:
    return lambda world: (
        len(world.array.snapshots()) == count
        and _exists(world) == "available"
        and all(s.status == "available" for s in _found_snapshots(world))
        and len(_found_snapshots(world)) == count
    )


def _found_snapshots(world: World) -> list[object]:
    from abaca.store import snapshots as store

    with world.env.store.read() as tx:
        return list(store.of_share(tx, world.share_id))


@dataclass
class Case:
    """What must be there before, what is asked for, what must be true in the end."""

    before: tuple[str, ...]
    ask: Callable[[World], object]
    right: Callable[[World], bool]
    cold: bool = False  # asked before the manager starts: its first steps are cut at, too


def _ask_create(world: World) -> None:
    world.share_id = world.share()


CASES = {
    "create": Case((), _ask_create, _created, cold=True),
    "delete": Case(("share",), lambda w: shares.delete(w.env, CTX, w.share_id), _share_gone),
    "delete with rules": Case(
        ("share", "rule"), lambda w: shares.delete(w.env, CTX, w.share_id), _share_gone
    ),
    "extend": Case(
        ("share",), lambda w: shares_resize.extend(w.env, CTX, w.share_id, 5), _sized(5)
    ),
    "shrink": Case(
        ("share",), lambda w: shares_resize.shrink(w.env, CTX, w.share_id, 1), _sized(1)
    ),
    "allow": Case(("share",), lambda w: w.allow("10.0.0.2"), _rules("10.0.0.2")),
    "deny": Case(
        ("share", "rule"),
        lambda w: access.deny(w.env, CTX, w.share_id, w.rule_id),
        _rules(),
    ),
    "change level": Case(
        ("share", "rule"),
        lambda w: access.set_level(w.env, ADMIN, w.rule_id, "ro"),
        _levels("ro"),
    ),
    "deny and allow": Case(("share", "rule"), _replace_rule, _rules("10.0.0.3")),
    "force delete while extending": Case(("share", "rule"), _extend_and_delete, _share_gone),
    "ensure": Case(
        ("share", "rule"),
        lambda w: services.ensure_shares(w.env, ADMIN, crash.HOST),
        _rules("10.0.0.1"),
    ),
    "snapshot create": Case(
        ("share",),
        lambda w: snapshots.create(w.env, CTX, share_id=w.share_id, name="n"),
        _snapshots(1),
    ),
    "snapshot delete": Case(
        ("share", "snapshot"),
        lambda w: snapshots.delete(w.env, CTX, w.snapshot_id),
        _snapshots(0),
    ),
}


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """A world on this database, which may be a copy that has been made of another world's."""
    with contextlib.ExitStack() as stack:

        def make(url: str) -> World:
            store = Store(url, pool_size=2)
            stack.callback(store.close)
            folder = tmp_path / f"array {uuid.uuid4()}"
            env = Env(store, Settings(default_share_type=DEFAULT_TYPE))
            return World(env, url, folder, FakeBackend(folder))

        yield make


class Template:
    """A world as a case needs it, made once and copied for each point."""

    def __init__(
        self, database: str, make: Callable[[str], World], request: pytest.FixtureRequest
    ) -> None:
        self._make = make
        self._postgres = None
        self._folder: Path = request.getfixturevalue("tmp_path")
        if database == "postgresql":
            self._postgres = request.getfixturevalue("postgres")
        self.world = make(self._database())
        migrate.upgrade(self.world.env.store)
        ensure_default_type(self.world.env.store)

    def _database(self) -> str:
        if self._postgres is None:
            return f"sqlite:///{self._folder}/{uuid.uuid4()}.sqlite"
        return str(self._postgres.database())

    def seal(self) -> None:
        self.world.env.store.close()
        self.world.array.state.close()

    def copy(self) -> World:
        world = self._make(self._copy_of_database())
        old = self.world
        if old.folder.exists():
            shutil.copytree(old.folder, world.folder)
        return replace(
            world, share_id=old.share_id, rule_id=old.rule_id, snapshot_id=old.snapshot_id
        )

    def _copy_of_database(self) -> str:
        old = sa.make_url(self.world.url)
        assert old.database is not None
        if self._postgres is None:
            url = self._database()
            target = sa.make_url(url).database
            for tail in ("", "-wal"):
                if Path(old.database + tail).exists():
                    shutil.copy(old.database + tail, f"{target}{tail}")
            return url
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._postgres.admin_dsn, autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}" TEMPLATE "{old.database}"')
        return old.set(database=name).render_as_string(hide_password=False)


def _prepare(world: World, what: tuple[str, ...]) -> None:
    if "share" in what:
        world.share_id = world.share()
    if what:
        assert world.manage() == 0
    if "rule" in what:
        world.rule_id = world.allow("10.0.0.1")
    if "snapshot" in what:
        made = snapshots.create(world.env, CTX, share_id=world.share_id, name="n")
        world.snapshot_id = made.id
    if set(what) - {"share"}:
        assert world.manage() == 0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", CASES)
def test_killed_at_any_point_it_ends_as_it_was_asked_for(
    name: str,
    database: str,
    make_world: Callable[[str], World],
    request: pytest.FixtureRequest,
) -> None:
    kill_everywhere(CASES[name], database, make_world, request)


def kill_everywhere(
    case: Case,
    database: str,
    make_world: Callable[[str], World],
    request: pytest.FixtureRequest,
    prepare: Callable[[World, tuple[str, ...]], None] = _prepare,
) -> None:
    """In one world after the other, until a run has no more points to be killed at."""
    template = Template(database, make_world, request)
    prepare(template.world, case.before)
    template.seal()
    seen, slowest = 0, 0.0
    while True:
        world = template.copy()
        ended = _run_to(world, case, point=seen + 1)
        assert ended in (KILLED, 0), f"point {seen + 1}: the manager ended with {ended}"
        begun = time.monotonic()
        if ended == KILLED:
            assert world.manage() == 0, f"point {seen + 1}: it did not settle after the restart"
            slowest = max(slowest, time.monotonic() - begun)
        assert violations(world.env.store, world.array) == [], f"point {seen + 1}"
        assert case.right(world), f"point {seen + 1}"
        world.env.store.close()
        world.array.state.close()
        if ended == 0:
            break  # the run has no such point: all were cut at
        seen += 1
    assert seen >= 6, f"only {seen} points: the seams are not where they should be"
    request.node.user_properties.append(("points", (seen, round(slowest, 2))))


def _run_to(world: World, case: Case, point: int) -> int:
    """Ask, and kill the manager at this point; how it ended."""
    if case.cold:
        case.ask(world)
        return world.manage(crash_at=point)
    asked: list[object] = []
    ended = world.manage(crash_at=point, ask=lambda: asked.append(case.ask(world)))
    assert asked, "the manager did not come up"
    return ended
