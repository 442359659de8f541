"""Who gets in: only the rules of the database, whatever was there before."""

from __future__ import annotations

import pytest

from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.vast.driver import VastShareDriver
from abaca.testing.vms import Array, Running
from vast.kit import CONTEXT, allow, in_force, make_driver, new_share, rule


@pytest.mark.parametrize("usual", [["*"], ["10.0.0.0/8"], []])
def test_a_new_share_lets_nobody_in_whatever_the_arrays_default_is(
    driver: VastShareDriver, array: Array, usual: list[str]
) -> None:
    array.configure(default_hosts=usual)
    share = new_share()
    driver.create_share(CONTEXT, share)
    assert in_force(array, share) == {}


def test_no_view_is_ever_behind_a_policy_that_lets_anybody_in(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An array that ignores empty lists is found out before there is anything to reach."""
    share = new_share()
    real = driver.array.session.request

    def stubborn(method: str, path: str, body: object = None, query: object = None) -> object:
        if path.startswith("viewpolicies") and isinstance(body, dict):
            body = {name: value for name, value in body.items() if value}
        return real(method, path, body, query)

    monkeypatch.setattr(driver.array.session, "request", stubborn)
    with pytest.raises(ManilaException, match="does not hold what was written"):
        driver.create_share(CONTEXT, share)
    assert array.objects("views") == []


CASES = [
    # rules, lists of the policy
    ([("192.0.2.7", "rw")], {"nfs_read_write": ["192.0.2.7"]}),
    ([("192.0.2.7/32", "ro")], {"nfs_read_only": ["192.0.2.7"]}),
    ([("10.0.0.0/8", "rw")], {"nfs_read_write": ["10.0.0.0/8"]}),
    ([("0.0.0.0/0", "rw")], {"nfs_read_write": ["0.0.0.0/0"]}),
    ([("::/0", "ro")], {"nfs_read_only": ["::/0"]}),
    ([("10.1.2.3/8", "rw")], {"nfs_read_write": ["10.0.0.0/8"]}),
    ([("2001:db8::7", "rw")], {"nfs_read_write": ["2001:db8::7"]}),
    ([("2001:DB8:0::/48", "ro")], {"nfs_read_only": ["2001:db8::/48"]}),
    (
        [("10.0.0.0/8", "ro"), ("10.1.0.0/16", "rw"), ("10.1.2.3", "ro")],
        {"nfs_read_write": ["10.1.0.0/16"], "nfs_read_only": ["10.1.2.3", "10.0.0.0/8"]},
    ),
    (  # one network twice: the stricter one
        [("10.1.2.3", "rw"), ("10.1.2.3/32", "ro")],
        {"nfs_read_only": ["10.1.2.3"]},
    ),
]


@pytest.mark.parametrize(("given", "wanted"), CASES, ids=[str(case[0]) for case in CASES])
def test_rules_as_lists(
    driver: VastShareDriver,
    array: Array,
    given: list[tuple[str, str]],
    wanted: dict[str, list[str]],
) -> None:
    share = new_share()
    driver.create_share(CONTEXT, share)
    updates = allow(driver, share, *(rule(*each) for each in given))
    assert {update["state"] for update in updates.values()} == {"active"}
    everybody = [host for hosts in wanted.values() for host in hosts]
    assert in_force(array, share) == {**wanted, "nfs_no_squash": everybody}


def test_root_squash_is_an_option(vms: Running, array: Array) -> None:
    driver, share = make_driver(vms, vast_root_squash=True), new_share()
    driver.create_share(CONTEXT, share)
    allow(driver, share, rule("192.0.2.7"))
    hosts = ["192.0.2.7"]
    assert in_force(array, share) == {"nfs_read_write": hosts, "nfs_root_squash": hosts}


@pytest.mark.parametrize(
    "bad",
    [
        rule("alice", kind="user"),
        rule("client", kind="cert"),
        rule("192.0.2.1", level="admin"),
        rule("192.0.2.1' OR '1'='1"),
        rule('192.0.2.1", "*'),
        rule("*"),
        rule("@everybody"),
        rule("10.*.*.*"),
        rule("fe80::1%eth0"),
        rule("192.0.2.0/33"),
        rule("192.0.2.1 "),
        rule(""),
    ],
    ids=lambda bad: f"{bad.access_type}:{bad.access_to}:{bad.access_level}",
)
def test_a_rule_that_cannot_be_honoured_is_in_error_by_itself(
    driver: VastShareDriver, array: Array, bad: object
) -> None:
    share, good = new_share(), rule("192.0.2.9")
    driver.create_share(CONTEXT, share)
    updates = allow(driver, share, good, bad)
    assert updates[bad.access_id]["state"] == "error" and updates[bad.access_id]["reason"]
    assert updates[good.access_id] == {"state": "active"}
    assert in_force(array, share)["nfs_read_write"] == ["192.0.2.9"]


def test_add_and_delete_in_one_call_are_one_write(driver: VastShareDriver, array: Array) -> None:
    share, old, new = new_share(), rule("192.0.2.1"), rule("192.0.2.2")
    driver.create_share(CONTEXT, share)
    allow(driver, share, old)
    before = len(array.requests())
    driver.update_access(CONTEXT, share, [new], [new], [old], [])
    assert in_force(array, share)["nfs_read_write"] == ["192.0.2.2"]
    assert [r["method"] for r in array.requests()[before:]] == ["GET", "PATCH", "GET"]


def test_recovery_removes_what_should_not_be_there(driver: VastShareDriver, array: Array) -> None:
    share, kept = new_share(), rule("192.0.2.1", "ro")
    driver.create_share(CONTEXT, share)
    array.change("viewpolicies", share.id, nfs_read_write=["*"], nfs_read_only=["203.0.113.9"])
    driver.update_access(CONTEXT, share, [kept], [], [], [])
    assert in_force(array, share) == {
        "nfs_read_only": ["192.0.2.1"],
        "nfs_no_squash": ["192.0.2.1"],
    }
    driver.update_access(CONTEXT, share, [], [], [], [])
    assert in_force(array, share) == {}


def test_rules_in_force_already_are_not_written_again(
    driver: VastShareDriver, array: Array
) -> None:
    share, same = new_share(), rule("192.0.2.1")
    driver.create_share(CONTEXT, share)
    allow(driver, share, same)
    before = len(array.requests())
    allow(driver, share, same)
    assert [r["method"] for r in array.requests()[before:]] == ["GET"]


def test_an_array_may_write_lists_in_its_own_way(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    share, rules = new_share(), [rule("192.0.2.1"), rule("2001:db8::/32"), rule("10.0.0.0/8")]
    driver.create_share(CONTEXT, share)
    allow(driver, share, *rules)
    own = ["10.0.0.0/8", "2001:0db8::/32", "192.0.2.1/32"]
    array.change("viewpolicies", share.id, nfs_read_write=own, nfs_no_squash=own[::-1])
    before = len(array.requests())
    allow(driver, share, *rules)
    assert [r["method"] for r in array.requests()[before:]] == ["GET"]


def test_a_thousand_rules(driver: VastShareDriver, array: Array) -> None:
    share = new_share()
    driver.create_share(CONTEXT, share)
    hosts = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1000)]
    before = len(array.requests())
    allow(driver, share, *map(rule, hosts))
    assert sorted(in_force(array, share)["nfs_read_write"]) == sorted(hosts)
    assert len(array.requests()) - before == 3


def test_a_read_only_copy_gets_read_only_rules(driver: VastShareDriver, array: Array) -> None:
    share = new_share(cast_rules_to_readonly=True)
    driver.create_share(CONTEXT, share)
    allow(driver, share, rule("192.0.2.1", "rw"))
    assert in_force(array, share)["nfs_read_only"] == ["192.0.2.1"]
    assert "nfs_read_write" not in in_force(array, share)


def test_rules_of_a_share_that_is_gone(driver: VastShareDriver) -> None:
    with pytest.raises(ManilaException) as caught:
        allow(driver, new_share(), rule("192.0.2.1"))
    assert is_a(caught.value, "ShareResourceNotFound")
