"""Share types send shares to each kind of storage; one that is dead keeps nobody else waiting."""

from __future__ import annotations

import pytest

from together.trio import KINDS, Trio, wait

pytestmark = [pytest.mark.storage, pytest.mark.slow, pytest.mark.xdist_group("together")]
BACKLOG = {"vast": 10, "glusterfs": 3}  # shares that are changed meanwhile; ten: more than threads


def test_a_client_sees_no_difference(trio: Trio) -> None:
    seen = [_seen_by_a_client(trio, kind) for kind in KINDS]
    assert seen[0] == seen[1] == seen[2]


def _seen_by_a_client(trio: Trio, kind: str) -> list[object]:
    """What the commands show, without ids, names, addresses and times."""
    cli, name = trio.cli, f"a {kind}"
    made = cli("share", "create", "NFS", "1", "--name", name, "--share-type", kind, "--wait")
    assert made["host"].startswith(f"node@{kind}#")
    rule = cli("share", "access", "create", name, "ip", "192.0.2.0/24", "--wait")
    (listed,) = cli("share", "access", "list", name)
    (location, *_) = cli("share", "export", "location", "list", name)
    cli.text("share", "resize", name, "2", "--wait")
    cli.text("share", "resize", name, "1", "--wait")
    (row,) = cli("share", "list", "--name", name)
    shown = cli("share", "show", name)
    cli.text("share", "access", "delete", name, rule["id"], "--wait")
    cli.text("share", "delete", name, "--wait")
    left = cli("share", "list", "--name", name)
    return [
        made["status"], sorted(made), listed["State"], sorted(listed), sorted(location),
        row["Status"], row["Size"], sorted(row), shown["size"], sorted(shown), left,
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["vast: killed", "vast: hangs", "glusterfs: no glusterd"])
def test_a_dead_backend_keeps_only_its_own_waiting(trio: Trio, way: str) -> None:
    dead, (lose, bring_back) = way.partition(":")[0], trio.ways[way]
    others = [kind for kind in KINDS if kind != dead]
    there = [trio.create(dead) for _ in range(BACKLOG[dead])]
    for share in there:
        trio.available(share)
    usual = {kind: trio.life(kind) for kind in others}
    lose()
    try:
        new = trio.create(dead)  # nobody knows of the loss yet: its pool is still chosen
        for share in there:
            trio.shares.resize_share(share.id, 2)
        for _ in range(2):  # while it is found out, and after it is known
            for kind in others:
                assert trio.life(kind) < 5 * usual[kind] + 10
            wait(lambda: trio.pools() == set(others), "the loss")
        row = trio.service(dead)
        assert (row["State"], row["Status"]) == ("down", "enabled")
        assert "has not answered" in row["Disabled Reason"]
        said = trio.site.run("status").stdout
        assert f"backend node@{dead} is left alone: it has not answered" in said
        assert {trio.service(kind)["State"] for kind in others} == {"up"}
        now = {trio.shares.get_share(share.id).status for share in (new, *there)}
        assert now == {"creating", "extending"}
    finally:
        bring_back()
    trio.available(new)
    for share in there:
        trio.available(share, 2)
    trio.delete(new, *there)
    wait(lambda: trio.pools() == set(KINDS), "its return")
    assert trio.service(dead)["State"] == "up"
