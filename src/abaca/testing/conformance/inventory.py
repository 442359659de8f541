"""The inventory: what was made is in it, as it was made; what is gone is not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.errors import passing_over
from abaca.drivers.contract.inventory import SHARE, SNAPSHOT, Held, Rule, inventory_result
from abaca.testing.conformance.kit import Kit


class InventoryConformance(Kit):
    def test_inventory_follows_a_share(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "get_inventory")
        share = self.create(driver, context)
        found = self._held(driver, context, share.id)
        assert found and found.kind == SHARE and found.exported is not False
        assert found.size in (None, share.size)
        assert not found.rules
        self.call(driver.extend_share, share, share.size + 1)
        found = self._held(driver, context, share.id)
        assert found and found.size in (None, share.size + 1)
        self.delete(driver, context, share)
        assert self._held(driver, context, share.id) is None, "nothing is left of it"

    def test_inventory_tells_rules(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "get_inventory")
        share = self.create(driver, context)
        rules = [self.rule(share, 0), self.rule(share, 2, "ro")]
        for wanted in (rules, rules[:1], rules[1:], []):
            self.set_access(driver, context, share, wanted)
            found = self._held(driver, context, share.id)
            assert found
            asked = ((r.access_type, r.access_to, r.access_level) for r in wanted)
            assert found.rules is None or _plain(found.rules) == _plain(asked)

    def test_inventory_follows_a_snapshot(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "get_inventory")
        self.need(driver, "snapshot_support")
        share = self.create(driver, context)
        snapshot = self.snapshot(driver, context, share)
        found = self._held(driver, context, snapshot.id)
        assert found and (found.kind, found.share_id) == (SNAPSHOT, share.id)
        self.delete_snapshot(driver, context, snapshot)
        assert self._held(driver, context, snapshot.id) is None

    def test_inventory_changes_nothing(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "get_inventory")
        share = self.create(driver, context)
        rule = self.rule(share)
        self.set_access(driver, context, share, [rule])
        first, second = (self._held(driver, context, share.id) for _ in range(2))
        assert first == second
        self.assert_exists(driver, share)
        self.assert_rules(driver, share, [rule])

    def test_what_is_unknown_is_withdrawn(self, driver: ShareDriver, context: AnyContext) -> None:
        """No rules at all for a share that does not exist: nobody reaches it, no other error."""
        share = self.new_share()
        with passing_over("ShareResourceNotFound"):
            self.set_access(driver, context, share, [])

    def _held(self, driver: ShareDriver, context: AnyContext, object_id: str) -> Held | None:
        found = inventory_result(driver.get_inventory(context))
        mine = [each for each in found if each.id == object_id]
        assert len(mine) < 2, "each object is listed once"
        return mine[0] if mine else None


def _plain(rules: Iterable[Rule]) -> set[Rule]:
    return {
        (kind, str(ipaddress.ip_network(to)) if kind == "ip" else to, level)
        for kind, to, level in rules
    }
