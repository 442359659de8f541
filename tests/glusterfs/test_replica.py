"""Three machines with a copy of everything on each: one of them may die at any moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from glusterfs import lab as labs
from glusterfs.kit import CONTEXT, Backend, new_share, rule

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Backend]:
    """Replica 3; answers are given up after 1 s instead of 42."""
    reason = labs.why_not()
    if reason:
        pytest.skip(reason)
    with labs.running(machines=3) as lab:
        lab.volume("vol")
        lab.machines[0].gluster("volume", "set", "vol", "network.ping-timeout", "1")
        backend = Backend(lab, local=True)
        backend.start()
        yield backend


def test_a_machine_dies_while_clients_write_and_shares_are_made(cluster: Backend) -> None:
    share, others = cluster.share(), [new_share() for _ in range(4)]
    cluster.allow(share, rule(cluster.lab.address))
    half, dead = threading.Event(), threading.Event()

    def crash() -> None:
        half.wait(60)
        cluster.lab.machines[2].crash()
        dead.set()

    killer = threading.Thread(target=crash)
    killer.start()
    with cluster.mount(share) as client:
        for number in range(16):
            client.write(f"/{number}", bytes([number]) * MIB)
            if number == 7:
                half.set()  # from here on the machine dies, some time during the next writes
        for other in others[:2]:
            cluster.again(cluster.driver.create_share, CONTEXT, other)
        assert dead.wait(60)
        killer.join()
        for number in range(16):
            assert client.read(f"/{number}") == bytes([number]) * MIB
    # every call once more, with the machine surely away
    for other in others[2:]:
        cluster.again(cluster.driver.create_share, CONTEXT, other)
    cluster.again(cluster.driver.extend_share, others[0], 2)
    cluster.again(cluster.driver.shrink_share, others[0], 1)
    cluster.again(cluster.allow, others[0], rule(cluster.lab.address))
    with cluster.mount(others[0]) as client:
        client.write("/x", b"x")
    assert set(cluster.driver.ensure_shares(CONTEXT, others)) == {o["id"] for o in others}
    assert cluster.driver.get_share_stats(refresh=True)["free_capacity_gb"] > 0
    held = {item["id"]: item for item in cluster.driver.get_inventory(CONTEXT)}
    assert {o["id"] for o in (share, *others)} <= set(held)
    for other in others:
        cluster.again(cluster.delete, other)
    assert cluster.trash_is_empty()
    kept = {item["id"] for item in cluster.driver.get_inventory(CONTEXT)}
    assert kept == {share["id"]}
