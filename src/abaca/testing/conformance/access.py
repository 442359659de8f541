"""Access rules: batches, recovery, repeats, rules that cannot be honoured."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.records import AccessRule, Share
from abaca.testing.conformance.kit import Kit

HOSTILE = (
    "192.0.2.1; }",
    "192.0.2.1\nroot_squash",
    "192.0.2.1 *(rw)",
    "$(touch /tmp/pwned)",
    "*",
    "",
    "192.0.2.300",
    "192.0.2.0/33",
    "../../etc",
    "fe80::1%eth0",
)


class AccessConformance(Kit):
    def test_rule_added_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        rule = self.rule(share)
        for _ in range(2):
            self._accepted(driver, context, share, [rule], add_rules=[rule])

    def test_rule_deleted_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        kept, gone = self.rule(share, 0), self.rule(share, 1)
        self._accepted(driver, context, share, [kept, gone], add_rules=[kept, gone])
        for _ in range(2):
            self._accepted(driver, context, share, [kept], delete_rules=[gone])

    def test_unknown_rule_deleted(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        never = self.rule(share)
        updates = self.set_access(driver, context, share, [], delete_rules=[never])
        assert never.access_id not in updates, "a deleted rule has no state"

    def test_unsupported_rule_deleted(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        bad = [self.any_rule(share, kind, to) for kind, to in self.bad_rules]
        self.set_access(driver, context, share, [], delete_rules=bad)

    def test_add_and_delete_in_one_batch(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        old, new = self.rule(share, 0), self.rule(share, 1)
        self._accepted(driver, context, share, [old], add_rules=[old])
        self._accepted(driver, context, share, [new], add_rules=[new], delete_rules=[old])

    def test_same_client_denied_and_allowed_again(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        share = self.create(driver, context)
        old, new = self.rule(share, 0), self.rule(share, 0, "ro")
        self._accepted(driver, context, share, [old], add_rules=[old])
        self._accepted(driver, context, share, [new], add_rules=[new], delete_rules=[old])

    def test_level_updated(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        rule = self.rule(share, 0, "rw")
        self._accepted(driver, context, share, [rule], add_rules=[rule])
        less = rule.replace(access_level="ro", state="updating")
        for _ in range(2):
            self._accepted(driver, context, share, [less], update_rules=[less])

    def test_recovery_makes_rules_equal(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        stale, kept, lost = (self.rule(share, number) for number in range(3))
        self._accepted(driver, context, share, [stale, kept], add_rules=[stale, kept])
        for _ in range(2):
            self._accepted(driver, context, share, [kept, lost])

    def test_recovery_to_nothing(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        rule = self.rule(share)
        self._accepted(driver, context, share, [rule], add_rules=[rule])
        self._accepted(driver, context, share, [])

    def test_recovery_of_a_new_share(self, driver: ShareDriver, context: AnyContext) -> None:
        self._accepted(driver, context, self.create(driver, context), [])

    def test_overlapping_rules(self, driver: ShareDriver, context: AnyContext) -> None:
        if self.good_rules[0][0] != "ip":
            pytest.skip("driver's good_rules have no access type ip")
        share = self.create(driver, context)
        wide = self.any_rule(share, "ip", "203.0.113.0/24", "ro")
        narrow = self.any_rule(share, "ip", "203.0.113.5", "rw")
        self._accepted(driver, context, share, [wide, narrow], add_rules=[wide, narrow])
        self._accepted(driver, context, share, [wide], delete_rules=[narrow])

    def test_ipv6_rule(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need(driver, "ipv6_support")
        if self.good_rules[0][0] != "ip":
            pytest.skip("driver's good_rules have no access type ip")
        share = self.create(driver, context)
        rules = [self.any_rule(share, "ip", to) for to in ("2001:db8::7", "2001:db8:1::/48")]
        self._accepted(driver, context, share, rules, add_rules=rules)

    def test_unsupported_rule_gets_state_error(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        share = self.create(driver, context)
        good = self.rule(share)
        bad = [self.any_rule(share, kind, to) for kind, to in self.bad_rules]
        updates = self.set_access(driver, context, share, [good, *bad], add_rules=[good, *bad])
        for rule in bad:
            assert rule.access_id in updates, f"no state for {rule.access_type}:{rule.access_to}"
            assert updates[rule.access_id].state == "error"
        assert good.access_id not in updates or updates[good.access_id].state != "error"
        self.assert_rules(driver, share, [good])

    @pytest.mark.parametrize("to", HOSTILE)
    def test_hostile_address_lets_nobody_in(
        self, driver: ShareDriver, context: AnyContext, to: str
    ) -> None:
        if self.good_rules[0][0] != "ip":
            pytest.skip("driver's good_rules have no access type ip")
        share = self.create(driver, context)
        good, bad = self.rule(share), self.any_rule(share, "ip", to)
        updates = self.set_access(driver, context, share, [good, bad], add_rules=[good, bad])
        assert bad.access_id in updates, f"address {to!r} was accepted"
        assert updates[bad.access_id].state == "error"
        self.assert_rules(driver, share, [good])

    def _accepted(
        self,
        driver: ShareDriver,
        context: AnyContext,
        share: Share,
        rules: list[AccessRule],
        **changes: list[AccessRule],
    ) -> None:
        updates = self.set_access(driver, context, share, rules, **changes)
        refused = [key for key, update in updates.items() if update.state == "error"]
        assert not refused, "rules the driver claims to support were refused"
        self.assert_rules(driver, share, rules)
