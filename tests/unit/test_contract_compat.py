"""Drivers of every age can be called."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import (
    DictConfiguration,
    NetworkInfo,
    ShareDriver,
    accepts,
    call,
    call_update_access,
)
from abaca.drivers.contract.records import access_record

OLD = access_record(id="m1", access_id="old", access_type="ip", access_to="10.0.0.1")
NEW = access_record(id="m2", access_id="new", access_type="ip", access_to="10.0.0.2")
LESS = access_record(id="m3", access_id="less", access_type="ip", access_to="10.0.0.3")


def make(cls):
    return cls(False, configuration=DictConfiguration({"driver_handles_share_servers": False}))


class Current(ShareDriver):
    def update_access(
        self, context, share, access_rules, add_rules, delete_rules, update_rules, share_server=None
    ):
        self.seen = (access_rules, add_rules, delete_rules, update_rules)
        return {"m2": {"state": "error"}, "less": {"access_key": "k"}}


class SeedEra(ShareDriver):
    def update_access(self, ctx, shr, rules, add_rules, delete_rules, share_server=None):
        self.seen = (rules, add_rules, delete_rules)


class OneByOne(ShareDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def allow_access(self, context, share, access, share_server=None):
        self.seen.append(("allow", access["access_id"]))
        if access["access_id"] == "old":
            raise type("ShareAccessExists", (Exception,), {})()
        return "key"

    def deny_access(self, context, share, access):
        self.seen.append(("deny", access["access_id"]))


def test_current_driver_gets_all_lists_and_may_answer_by_either_key():
    driver = make(Current)
    updates = call_update_access(driver, None, {}, [NEW, LESS], [NEW], [OLD], [LESS])
    assert driver.seen == ([NEW, LESS], [NEW], [OLD], [LESS])
    assert updates["new"].state == "error" and updates["less"].access_key == "k"


def test_seed_era_driver_gets_updates_as_delete_and_add():
    driver = make(SeedEra)
    assert call_update_access(driver, None, {}, [NEW, LESS], [NEW], [OLD], [LESS]) == {}
    assert driver.seen == ([NEW, LESS], [NEW, LESS], [OLD, LESS])
    call_update_access(driver, None, {}, [NEW])
    assert driver.seen == ([NEW], [], [])


def test_one_by_one_denials_first():
    driver = make(OneByOne)
    updates = call_update_access(driver, None, {}, [NEW, LESS], [NEW], [OLD], [LESS])
    assert driver.seen == [
        ("deny", "old"),
        ("deny", "less"),
        ("allow", "new"),
        ("allow", "less"),
    ]
    assert updates["new"].access_key == "key"


def test_one_by_one_recovery_allows_all_and_passes_over_those_that_exist():
    driver = make(OneByOne)
    call_update_access(driver, None, {}, [OLD, NEW])
    assert driver.seen == [("allow", "old"), ("allow", "new")]


def test_driver_without_access_rules():
    with pytest.raises(NotImplementedError):
        call_update_access(make(ShareDriver), None, {}, [NEW], [NEW])


def test_unknown_keywords_are_left_out():
    def short(context, share):
        return (context, share)

    assert call(short, 1, 2, share_server=3) == (1, 2)
    assert call(lambda context, **kw: kw, 1, share_server=3) == {"share_server": 3}
    assert accepts(make(Current).update_access, "update_rules")
    assert not accepts(make(SeedEra).update_access, "update_rules")


def test_network_info_reads_as_list_and_as_dictionary():
    info = NetworkInfo([{"server_id": "s", "cidr": "10/8"}, {"server_id": "t"}])
    assert info["server_id"] == "s" and info.get("cidr") == "10/8" and info.get("x", 1) == 1
    assert info[1]["server_id"] == "t" and len(info) == 2 and isinstance(info, list)
    assert "cidr" in info and "x" not in info and info[:1] == [info[0]]
    assert NetworkInfo().get("x") is None and "x" not in NetworkInfo()
