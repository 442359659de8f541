"""Two requests at once: one wins, none is an accident."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from abaca.store.engine import Store
from support.shares import HOST, Answer, World

AT_ONCE = 8


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def together(act: Callable[[int], Answer]) -> list[int]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(answer.status for answer in pool.map(act, range(AT_ONCE)))


def test_one_extension(world: World) -> None:
    share = world.share()
    codes = together(lambda n: world.member.act(share, "extend", {"new_size": 2 + n}))
    assert codes == [202] + [400] * (AT_ONCE - 1)
    size = world.operation(share).payload["new_size"]
    assert world.used()["gigabytes"] == size


def test_one_deletion(world: World) -> None:
    share = world.share()
    codes = together(lambda n: world.member("DELETE", f"/shares/{share}"))
    assert codes == [202] + [403] * (AT_ONCE - 1)
    world.operation(share)


def test_one_rule(world: World) -> None:
    share = world.share()
    forms = ["10.0.0.1", "10.0.0.1/32"]

    def allow(n: int) -> Answer:
        given = {"access_type": "ip", "access_to": forms[n % 2]}
        return world.member.act(share, "allow_access", given)

    assert together(allow) == [200] + [400] * (AT_ONCE - 1)


def test_one_mount_point(world: World) -> None:
    specs = {"driver_handles_share_servers": "False", "mount_point_name_support": "True"}
    world.type("named", specs)
    body = {
        "share": {"size": 1, "share_proto": "NFS", "share_type": "named", "mount_point_name": "m"}
    }
    codes = together(lambda n: world.member("POST", "/shares", body))
    assert codes == [200] + [400] * (AT_ONCE - 1)
    assert world.used()["shares"] == 1


def test_one_manager_of_a_path(world: World) -> None:
    body = {"share": {"export_path": "10.0.0.1:/x", "service_host": HOST, "protocol": "NFS"}}
    codes = together(lambda n: world.admin("POST", "/shares/manage", body))
    assert codes == [200] + [409] * (AT_ONCE - 1)


def test_metadata_is_whole(world: World) -> None:
    place = f"/shares/{world.share()}/metadata"

    def write(n: int) -> Answer:
        pairs = {"who": str(n), f"only{n}": "x"}
        return world.member("PUT" if n % 2 else "POST", place, {"metadata": pairs})

    assert together(write) == [200] * AT_ONCE
    left = world.member.get(place)["metadata"]
    assert f"only{left['who']}" in left


def test_quota_holds(world: World) -> None:
    body = {"share": {"size": 300, "share_proto": "NFS"}}
    codes = together(lambda n: world.member("POST", "/shares", body))
    assert codes == [200] * 3 + [413] * (AT_ONCE - 3)
    assert world.used() == {"shares": 3, "gigabytes": 900}


def test_the_bin_and_the_end(world: World) -> None:
    share = world.share()

    def act(n: int) -> Answer:
        if n % 2:
            return world.member.act(share, "soft_delete")
        return world.member("DELETE", f"/shares/{share}")

    codes = together(act)
    assert set(codes) <= {202, 403}
    assert len(world.operations(share)) <= 1
