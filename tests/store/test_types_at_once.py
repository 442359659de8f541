"""Administrators who do the same thing at once: one gets it, the other a clear answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from abaca.model.context import Context
from abaca.model.errors import AbacaError, Conflict
from abaca.service import quotas, types
from abaca.service.env import Env
from abaca.store.engine import Store

CTX = Context(user_id="root", project_id="p", is_admin=True)
SPECS = {"driver_handles_share_servers": "False"}
AT_ONCE = 6


def together(action: Callable[[int], object]) -> list[object]:
    """What each of several threads got, or the error of abaca's own that it met."""
    ready = Barrier(AT_ONCE)

    def run(n: int) -> object:
        ready.wait()
        try:
            return action(n)
        except AbacaError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def test_one_name(store: Store) -> None:
    env = Env(store=store)
    got = together(lambda n: types.create(env, CTX, name="gold", extra_specs=SPECS))
    assert sum(isinstance(one, Conflict) for one in got) == AT_ONCE - 1
    assert len(types.find(env, CTX)) == 1


def test_renamed_to_one_name(store: Store) -> None:
    env = Env(store=store)
    ids = [types.create(env, CTX, name=f"t{n}", extra_specs=SPECS).id for n in range(AT_ONCE)]
    got = together(lambda n: types.update(env, CTX, ids[n], {"name": "gold"}))
    assert sum(isinstance(one, Conflict) for one in got) == AT_ONCE - 1


def test_specs_and_access(store: Store) -> None:
    env = Env(store=store)
    made = types.create(env, CTX, name="gold", extra_specs=SPECS, is_public=False)
    got = together(lambda n: types.set_specs(env, CTX, made.id, {"a": str(n), "b": "1"}))
    assert got == [None] * AT_ONCE
    got = together(lambda n: types.allow(env, CTX, made.id, "project"))
    assert sum(isinstance(one, Conflict) for one in got) == AT_ONCE - 1
    found = types.get(env, CTX, made.id)
    assert found.projects == ("project",) and set(found.extra_specs) == {*SPECS, "a", "b"}


def test_changed_while_deleted(store: Store) -> None:
    env = Env(store=store)
    made = types.create(env, CTX, name="gold", extra_specs=SPECS)

    def change(n: int) -> None:
        if n == 0:
            types.delete(env, CTX, made.id)
        else:
            types.set_specs(env, CTX, made.id, {f"k{n}": "1"})

    got = together(change)
    assert got[0] is None
    assert types.find(env, CTX) == []


def test_limits(store: Store) -> None:
    env = Env(store=store)
    whose = quotas.Whose(project_id="p")
    together(lambda n: quotas.update(env, CTX, whose, {"shares": n, "gigabytes": n}))
    limits = quotas.show(env, CTX, whose).limits
    assert limits["shares"] == limits["gigabytes"]
    got = together(lambda n: quotas.update_class(env, CTX, "default", {"shares": 9}))
    assert not any(isinstance(one, AbacaError) for one in got)
