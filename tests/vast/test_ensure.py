"""What is damaged is seen and repaired, however many shares there are; no data is replaced."""

from __future__ import annotations

import pytest

from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.contract.inventory import inventory_result
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array
from vast.kit import CONTEXT, GIB, allow, created, foreign, in_force, many, new_snapshot, rule


def test_a_thousand_shares_are_ensured_in_few_requests(
    driver: VastShareDriver, array: Array
) -> None:
    shares = many(driver, array, 1000)
    before = len(array.requests())
    updates = driver.ensure_shares(CONTEXT, shares)
    assert len(updates) == 1000
    assert all(len(u["export_locations"]) == 3 and "status" not in u for u in updates.values())
    assert not any(update["reapply_access_rules"] for update in updates.values())
    assert len(array.requests()) - before == 7  # the pool, and three lists of two pages


DAMAGE = {
    "no view": lambda array, share: array.remove("views", share.id),
    "no quota": lambda array, share: array.remove("quotas", share.id),
    "no policy": lambda array, share: array.remove("viewpolicies", share.id),
    "another limit": lambda array, share: array.change("quotas", share.id, hard_limit=7),
    "another policy": lambda array, share: array.change(
        "views", share.id, policy_id=array.add("viewpolicies", name="open")["id"]
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_repaired(driver: VastShareDriver, array: Array, damage: str) -> None:
    share, sound = created(driver, size=2), created(driver)
    for each in (share, sound):
        allow(driver, each, rule("192.0.2.1"))
    DAMAGE[damage](array, share)
    updates = driver.ensure_shares(CONTEXT, [share, sound])
    assert updates[share.id]["reapply_access_rules"] is True
    assert updates[sound.id]["reapply_access_rules"] is False
    view, quota = array.named("views", share.id), array.named("quotas", share.id)
    assert view is not None and view["policy"] == share.id
    assert quota is not None and quota["hard_limit"] == 2 * GIB
    hosts = [] if damage == "no policy" else ["192.0.2.1"]
    assert in_force(array, share).get("nfs_read_write", []) == hosts


def test_rules_that_went_with_a_policy_are_asked_for_until_they_are_back(
    driver: VastShareDriver, array: Array
) -> None:
    """The first run makes the policy again, and its process is killed before it applies them."""
    share = created(driver)
    allow(driver, share, rule("192.0.2.1"))
    array.remove("viewpolicies", share.id)
    for _ in range(2):
        assert driver.ensure_shares(CONTEXT, [share])[share.id]["reapply_access_rules"] is True
    allow(driver, share, rule("192.0.2.1"))
    assert driver.ensure_shares(CONTEXT, [share])[share.id]["reapply_access_rules"] is False


def test_a_share_whose_data_is_gone_is_never_replaced_by_an_empty_one(
    driver: VastShareDriver, array: Array
) -> None:
    share, sound = created(driver), created(driver)
    for kind in ("views", "quotas"):
        array.remove(kind, share.id)
    array.remove_directory(f"/manila/manila-{share.id}")
    updates = driver.ensure_shares(CONTEXT, [share, sound])
    assert updates[share.id] == {"status": "error"}
    assert updates[sound.id]["export_locations"]
    assert array.named("views", share.id) is None


def test_a_share_that_cannot_be_repaired_keeps_its_status_and_the_others_are_repaired(
    driver: VastShareDriver, array: Array
) -> None:
    refused, other = created(driver), created(driver)
    for share in (refused, other):
        array.remove("views", share.id)
    array.fault("refused", method="POST", path="views/")
    updates = driver.ensure_shares(CONTEXT, [refused, other])
    assert updates.keys() == {other.id}
    assert array.named("views", other.id)
    assert driver.ensure_shares(CONTEXT, [refused]).keys() == {refused.id}
    assert array.named("views", refused.id)


def test_without_contact_no_share_is_said_to_be_in_error(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    array.remove("views", share.id)
    array.fault("cut", method="POST", times=None)
    with pytest.raises(ManilaException) as caught:
        driver.ensure_shares(CONTEXT, [share])
    assert is_a(caught.value, "StorageCommunicationException")


def test_a_pool_that_changed_is_a_change_of_the_backend(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    before = driver.get_backend_info(CONTEXT)
    array.add_pool("pool", ("198.51.100.7", "198.51.100.7"))
    assert driver.get_backend_info(CONTEXT) != before
    (update,) = driver.ensure_shares(CONTEXT, [share]).values()
    assert update["export_locations"] == [f"198.51.100.7:/manila/manila-{share.id}"]


def test_the_inventory_holds_what_is_abacas_and_nothing_else(
    driver: VastShareDriver, array: Array
) -> None:
    share, unmanaged = created(driver, size=3), created(driver)
    allow(driver, share, rule("192.0.2.1"), rule("10.0.0.0/8", "ro"))
    snapshot = new_snapshot(share)
    driver.create_snapshot(CONTEXT, snapshot)
    array.add("snapshots", name="theirs", path=f"/manila/manila-{share.id}")
    driver.unmanage(unmanaged)
    foreign(array)
    held, of_snapshot = inventory_result(driver.get_inventory(CONTEXT))
    assert (held.kind, held.id, held.size, held.exported) == ("share", share.id, 3, True)
    assert held.rules == {("ip", "192.0.2.1", "rw"), ("ip", "10.0.0.0/8", "ro")}
    assert held.path == f"192.0.2.10:/manila/manila-{share.id}"
    assert (of_snapshot.id, of_snapshot.share_id) == (snapshot.id, share.id)
    driver.delete_snapshot(CONTEXT, snapshot)
    driver.delete_share(CONTEXT, share)
    assert inventory_result(driver.get_inventory(CONTEXT)) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_inventory_shows_damage(driver: VastShareDriver, array: Array, damage: str) -> None:
    share = created(driver, size=2)
    DAMAGE[damage](array, share)
    (held,) = inventory_result(driver.get_inventory(CONTEXT))
    assert (held.exported, held.size) != (True, 2)


def test_a_share_that_is_gone_is_not_in_the_inventory(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    for kind in ("views", "quotas"):
        array.remove(kind, share.id)
    assert inventory_result(driver.get_inventory(CONTEXT)) == []


BROKEN = {
    "views": ("views", {"path": 7}),
    "quotas": ("quotas", {"hard_limit": "much"}),
    "viewpolicies": ("viewpolicies", {"nfs_read_write": "*"}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_object_that_cannot_be_read_is_the_problem_of_one_share(
    driver: VastShareDriver, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    bad, good = created(driver), created(driver)
    allow(driver, good, rule("192.0.2.1"))
    told, (noun, nonsense) = driver.array.session.pages, BROKEN[kind]

    def pages(path: str, query: object = None) -> list[object]:
        rows = [dict(row) for row in told(path)]
        hit = [path.startswith(noun) and row.get("name") == bad.id for row in rows]
        return [{**row, **nonsense} if h else row for row, h in zip(rows, hit, strict=True)]

    monkeypatch.setattr(driver.array.session, "pages", pages)
    held = {each.id: each for each in inventory_result(driver.get_inventory(CONTEXT))}
    assert held[bad.id].problem
    assert (held[good.id].problem, held[good.id].exported) == (None, True)
    assert held[good.id].rules == {("ip", "192.0.2.1", "rw")}


def test_a_policy_that_lets_everybody_in_is_told_as_it_is(
    driver: VastShareDriver, array: Array
) -> None:
    share = created(driver)
    array.change("viewpolicies", share.id, nfs_read_write=["*", "@hosts"])
    (held,) = inventory_result(driver.get_inventory(CONTEXT))
    assert held.rules == {("ip", "*", "rw"), ("ip", "@hosts", "rw")}
    allow(driver, share)
    (held,) = inventory_result(driver.get_inventory(CONTEXT))
    assert held.rules == frozenset()
