"""Snapshots: life, clones, revert, mounting."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.errors import ManilaException
from abaca.drivers.contract.records import (
    Share,
    Snapshot,
    share_group_record,
    share_group_snapshot_record,
)
from abaca.drivers.contract.results import revert_result
from abaca.testing.conformance.kit import Kit


class SnapshotConformance(Kit):
    def _with_data(
        self, driver: ShareDriver, context: AnyContext, *capabilities: str
    ) -> tuple[Share, Snapshot]:
        """A share with file a=1, a snapshot of it, and then a=2 and b=2."""
        self.need(driver, "snapshot_support", *capabilities)
        self.need_hook("write", "read")
        share = self.create(driver, context)
        self.write(driver, share, "a", b"1")
        snapshot = self.snapshot(driver, context, share)
        self.write(driver, share, "a", b"2")
        self.write(driver, share, "b", b"2")
        return share, snapshot

    def test_snapshot_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support")
        snapshot = self.snapshot(driver, context, self.create(driver, context))
        again = self.snapshot_again(driver, context, snapshot)
        assert again.provider_location == snapshot.provider_location
        self.assert_exists(driver, snapshot)

    def test_snapshot_again_keeps_its_content(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        needed = "create_share_from_snapshot_support"
        share, snapshot = self._with_data(driver, context, needed)
        self.snapshot_again(driver, context, snapshot)
        assert self.read(driver, self.clone(driver, context, snapshot, share), "a") == b"1"

    def test_snapshot_deleted_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support")
        snapshot = self.snapshot(driver, context, self.create(driver, context))
        for _ in range(2):
            self.delete_snapshot(driver, context, snapshot)
            self.assert_exists(driver, snapshot, False)

    def test_absent_snapshot_deleted(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support")
        self.delete_snapshot(driver, context, self.new_snapshot(self.create(driver, context)))

    def test_snapshot_of_an_absent_share_fails(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        self.need(driver, "snapshot_support")
        with pytest.raises(ManilaException):
            self.snapshot(driver, context, self.new_share())

    def test_snapshots_of_one_share(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support")
        share = self.create(driver, context)
        one, two = (self.snapshot(driver, context, share) for _ in range(2))
        self.delete_snapshot(driver, context, one)
        self.assert_exists(driver, two)
        self.assert_exists(driver, share)

    def test_clone(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support", "create_share_from_snapshot_support")
        share = self.create(driver, context)
        snapshot = self.snapshot(driver, context, share)
        clone = self.clone(driver, context, snapshot, share)
        assert clone.export_locations
        paths = {location.path for location in share.export_locations}
        assert paths.isdisjoint(location.path for location in clone.export_locations)
        self.assert_rules(driver, clone, [])

    def test_clone_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        share, snapshot = self._with_data(driver, context, "create_share_from_snapshot_support")
        clone = self.clone(driver, context, snapshot, share)
        self.write(driver, clone, "mine", b"3")
        again = self.clone_again(driver, context, clone, snapshot, share)
        assert {x.path for x in again.export_locations} == {x.path for x in clone.export_locations}
        assert self.read(driver, clone, "mine") == b"3", "cloning again lost data"

    def test_clone_has_the_snapshots_content(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        share, snapshot = self._with_data(driver, context, "create_share_from_snapshot_support")
        clone = self.clone(driver, context, snapshot, share)
        assert self.read(driver, clone, "a") == b"1"
        assert self.read(driver, clone, "b") is None
        self.write(driver, clone, "a", b"3")
        assert self.read(driver, share, "a") == b"2", "the clone writes into its source"

    def test_clone_bigger_than_its_snapshot(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support", "create_share_from_snapshot_support")
        share = self.create(driver, context)
        snapshot = self.snapshot(driver, context, share)
        clone = self.clone(driver, context, snapshot, share, size=2)
        assert clone.export_locations
        self.call(driver.extend_share, clone, 3)

    def test_revert_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        share, snapshot = self._with_data(driver, context, "revert_to_snapshot_support")
        rule = self.rule(share)
        self.set_access(driver, context, share, [rule], add_rules=[rule])
        for _ in range(2):
            self._revert(driver, context, share, snapshot, [rule])
            assert self.read(driver, share, "a") == b"1"
            assert self.read(driver, share, "b") is None
        self.assert_exists(driver, snapshot)
        self.assert_rules(driver, share, [rule])

    def _revert(
        self,
        driver: ShareDriver,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        rules: object,
    ) -> None:
        result = revert_result(self.call(driver.revert_to_snapshot, context, snapshot, rules, []))
        if not result.done:
            self.wait(driver, share.replace(status="reverting"))

    def test_mountable_snapshot(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support", "mount_snapshot_support")
        share = self.create(driver, context)
        snapshot = self.snapshot(driver, context, share)
        rule = self.rule(share, 0, "ro")
        for add, delete in (([rule], []), ([rule], []), ([], [rule]), ([], [rule])):
            self.call(
                driver.snapshot_update_access,
                context,
                snapshot,
                add,
                add_rules=add,
                delete_rules=delete,
            )
            self.assert_rules(driver, snapshot, add)
        if self.has_hook("write", "read"):
            self.write(driver, share, "late", b"x")
            assert self.read(driver, snapshot, "late") is None

    def test_group_snapshot(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "snapshot_support")
        shares = [self.create(driver, context) for _ in range(2)]
        members = [self.new_snapshot(share) for share in shares]
        group = share_group_record(id=shares[0].share_id, shares=shares)
        taken = share_group_snapshot_record(
            id=members[0].snapshot_id,
            share_group_id=group.id,
            share_group_snapshot_members=members,
        )
        for _ in range(2):
            self.call(driver.create_share_group_snapshot, context, taken)
        for member in members:
            self.assert_exists(driver, member)
        for _ in range(2):
            self.call(driver.delete_share_group_snapshot, context, taken)
        for member in members:
            self.assert_exists(driver, member, False)
