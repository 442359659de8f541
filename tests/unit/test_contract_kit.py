"""The conformance kit finds what is wrong: each broken driver fails the check that is meant."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import DictConfiguration, DriverContext
from abaca.drivers.contract import errors as e
from abaca.drivers.fake import FakeShareDriver
from abaca.model.context import system_context
from abaca.testing.conformance import DriverConformance

CONTEXT = DriverContext(system_context())


class Kit(DriverConformance):
    """As of the fake driver."""

    __test__ = False

    def __init__(self):
        self._made = []

    def write(self, driver, share, name, data):
        driver.backend.write_file(share.id, name, data)

    def read(self, driver, thing, name):
        return driver.backend.read_file(thing.id, name)

    def fill(self, driver, share, gib):
        driver.backend.set_used(share.id, gib + 0.5)

    def exists(self, driver, thing):
        return thing.id in {*driver.backend.shares(), *driver.backend.snapshots()}

    def rules_in_force(self, driver, thing):
        rules = driver.backend.rules(thing.id)
        return {(r["access_type"], r["access_to"], r["access_level"]) for r in rules}


class EmptiesOnCreate(FakeShareDriver):
    def create_share(self, context, share, share_server=None):
        self.delete_share(context, share)
        return super().create_share(context, share)


class RefusesToDeleteTheAbsent(FakeShareDriver):
    def delete_share(self, context, share, share_server=None):
        if share.id not in self.backend.shares():
            raise e.ShareBackendException(msg="absent")
        super().delete_share(context, share)


class KeepsShares(FakeShareDriver):
    def delete_share(self, context, share, share_server=None):
        pass


class KeepsRules(FakeShareDriver):
    def update_access(
        self, context, share, access_rules, add_rules, delete_rules, update_rules, share_server=None
    ):
        return super().update_access(context, share, access_rules, access_rules, [], update_rules)


class NoRecovery(FakeShareDriver):
    def update_access(
        self, context, share, access_rules, add_rules, delete_rules, update_rules, share_server=None
    ):
        if add_rules or delete_rules or update_rules:
            return super().update_access(
                context, share, access_rules, add_rules, delete_rules, update_rules
            )
        return {}


class RaisesForBadRules(FakeShareDriver):
    def _refused(self, share, rules):
        refused = super()._refused(share, rules)
        if refused:
            raise e.InvalidShareAccess(reason="no")
        return refused


class ExtendsOnce(FakeShareDriver):
    def extend_share(self, share, new_size, share_server=None):
        if self.backend.shares()[share.id]["size"] >= new_size:
            raise e.ShareExtendingError(share_id=share.id, reason="not greater")
        super().extend_share(share, new_size)


class ShrinksAnything(FakeShareDriver):
    def shrink_share(self, share, new_size, share_server=None):
        pass


class SnapshotsAnew(FakeShareDriver):
    def create_snapshot(self, context, snapshot, share_server=None):
        self.delete_snapshot(context, snapshot)
        return super().create_snapshot(context, snapshot)


class ManagesTwice(FakeShareDriver):
    def manage_existing(self, share, driver_options):
        return {"size": 1}


class LiesAboutCapacity(FakeShareDriver):
    def _update_share_stats(self, data=None):
        super()._update_share_stats({"pools": None, "free_capacity_gb": "much"})


class OddSignature(FakeShareDriver):
    def extend_share(self, context, share, new_size, share_server):
        pass


CASES = [
    (EmptiesOnCreate, "test_create_again_gives_the_same"),
    (RefusesToDeleteTheAbsent, "test_delete_twice"),
    (RefusesToDeleteTheAbsent, "test_delete_of_the_absent"),
    (KeepsShares, "test_delete_twice"),
    (KeepsRules, "test_rule_deleted_twice"),
    (NoRecovery, "test_recovery_makes_rules_equal"),
    (RaisesForBadRules, "test_unsupported_rule_gets_state_error"),
    (ExtendsOnce, "test_extend_twice"),
    (ShrinksAnything, "test_shrink_never_loses_data"),
    (SnapshotsAnew, "test_snapshot_again_keeps_its_content"),
    (ManagesTwice, "test_managed_share_is_not_managed_twice"),
    (LiesAboutCapacity, "test_stats_capacity"),
    (OddSignature, "test_methods_can_be_called"),
]


@pytest.mark.parametrize(("broken", "check"), CASES)
def test_broken_driver_is_caught(tmp_path, broken, check):
    options = {"driver_handles_share_servers": False, "fake_state_path": str(tmp_path)}
    kit, driver = Kit(), broken(configuration=DictConfiguration(options))
    method = getattr(kit, check)
    takes_context = "context" in method.__code__.co_varnames
    with pytest.raises((AssertionError, e.ManilaException, TypeError, pytest.fail.Exception)):
        method(driver, CONTEXT) if takes_context else method(driver)
