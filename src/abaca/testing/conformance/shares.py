"""Shares: every mutating call twice, deletion of the absent, sizes already reached."""

from __future__ import annotations

import pytest

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.contract.results import Location, create_result, ensure_result, export_locations
from abaca.testing.conformance.kit import Kit


class ShareConformance(Kit):
    def test_setup_can_be_repeated(self, driver: ShareDriver, context: AnyContext) -> None:
        for _ in range(2):
            driver.do_setup(context)
            driver.check_for_setup_error()

    def test_create_gives_export_locations(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        assert share.export_locations, "a share needs at least one export location"
        assert any(not location.is_admin_only for location in share.export_locations)
        self.assert_exists(driver, share)

    def test_new_share_lets_nobody_in(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_hook("rules_in_force")
        assert self.rules_in_force(driver, self.create(driver, context)) == set()

    def test_create_again_gives_the_same(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        if self.has_hook("write", "read"):
            self.write(driver, share, "kept", b"data")
        again = create_result(self.call(driver.create_share, context, share))
        assert set(map(_path, again.export_locations)) == _paths(share.export_locations)
        if self.has_hook("write", "read"):
            assert self.read(driver, share, "kept") == b"data", "creating again lost data"

    def test_delete_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        self.delete(driver, context, share)
        self.assert_exists(driver, share, False)
        self.delete(driver, context, share)

    def test_delete_of_the_absent(self, driver: ShareDriver, context: AnyContext) -> None:
        self.delete(driver, context, self.new_share(status="error"))

    def test_delete_with_rules_in_force(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        rule = self.rule(share)
        self.set_access(driver, context, share, [rule], add_rules=[rule])
        self.delete(driver, context, share)
        self.assert_exists(driver, share, False)

    def test_create_after_delete(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        if self.has_hook("write", "read"):
            self.write(driver, share, "old", b"secret")
        self.delete(driver, context, share)
        made = create_result(self.call(driver.create_share, context, share))
        share = self.located(share, made.export_locations)
        if self.has_hook("write", "read"):
            assert self.read(driver, share, "old") is None, "a new share shows old data"
        self.assert_rules(driver, share, [])

    def test_odd_texts_do_no_harm(self, driver: ShareDriver, context: AnyContext) -> None:
        odd = "../../etc/passwd\n; $(touch /tmp/x) \" ' \\ {Export_Id=1;} ü" + "x" * 10000
        share = self.create(
            driver, context, display_name=odd, display_description=odd, metadata={"k": odd[:255]}
        )
        assert share.export_locations

    def test_unknown_protocol_is_refused(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.new_share(share_proto="CARRIERPIGEON")
        self.on_end(self.delete, driver, context, share)
        with pytest.raises(ManilaException) as caught:
            self.call(driver.create_share, context, share)
        assert is_a(caught.value, "InvalidShare"), "an unknown protocol is InvalidShare"

    def test_extend_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "extend_share")
        share = self.create(driver, context)
        self.call(driver.extend_share, share, 2)
        self.call(driver.extend_share, share, 2)
        self.call(driver.extend_share, share.replace(size=2), 2)

    def test_extend_of_the_absent_fails(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "extend_share")
        with pytest.raises(ManilaException):
            self.call(driver.extend_share, self.new_share(), 2)

    def test_shrink_twice(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "shrink_share")
        share = self.create(driver, context, size=3)
        self.call(driver.shrink_share, share, 1)
        self.call(driver.shrink_share, share, 1)
        self.call(driver.shrink_share, share.replace(size=1), 1)

    def test_shrink_never_loses_data(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "shrink_share")
        self.need_hook("fill")
        share = self.create(driver, context, size=3)
        self.fill(driver, share, 1)
        with pytest.raises(ManilaException) as caught:
            self.call(driver.shrink_share, share, 1)
        assert is_a(caught.value, "ShareShrinkingPossibleDataLoss")
        self.call(driver.shrink_share, share, 3)

    def test_ensure_all(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "ensure_shares")
        shares = [self.create(driver, context) for _ in range(3)]
        gone = self.located(self.new_share(), (Location("192.0.2.1:/nothing"),))
        for _ in range(2):  # one that is gone must not keep the others from being ensured
            updates = ensure_result(driver.ensure_shares(context, [*shares, gone]))
            for share in shares:
                self.assert_exists(driver, share)
                update = updates.get(share.id)
                assert update is None or update.status in (None, "available")
                if update and update.export_locations is not None:
                    assert {x.path for x in update.export_locations} == _paths(
                        share.export_locations
                    )

    def test_ensure_one(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "ensure_share")
        share = self.create(driver, context)
        for _ in range(2):
            locations = export_locations(self.call(driver.ensure_share, context, share))
            assert not locations or {x.path for x in locations} == _paths(share.export_locations)

    def test_backend_info_is_flat_and_stable(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        self.need_method(driver, "get_backend_info")
        info = driver.get_backend_info(context)
        assert all(isinstance(v, str | int | float | bool | None) for v in info.values())
        self.create(driver, context)
        assert driver.get_backend_info(context) == info

    def test_used_size(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "update_share_usage_size")
        share, gone = self.create(driver, context), self.new_share()
        sizes = {u["id"]: u for u in driver.update_share_usage_size(context, [share, gone])}
        assert sizes[share.id]["used_size"] >= 0
        assert sizes[share.id]["gathered_at"]

    def test_pool_of_a_share(self, driver: ShareDriver, context: AnyContext) -> None:
        self.need_method(driver, "get_pool")
        pool = driver.get_pool(self.create(driver, context))
        assert pool is None or pool in {
            p["pool_name"] for p in driver.get_share_stats(refresh=True).get("pools") or []
        }

    def test_connection_info(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        info = self.call(driver.connection_get_info, context, share)
        assert "%(path)s" in info["mount"] and "%(options)s" in info["mount"]
        assert "%(path)s" in info["unmount"]
        assert all(isinstance(protocols, list) for protocols in info["access_mapping"].values())

    def test_different_shares_at_once(self, driver: ShareDriver, context: AnyContext) -> None:
        def life(number: int) -> set[str]:
            share = self.create(driver, context)
            rule = self.rule(share)
            self.set_access(driver, context, share, [rule], add_rules=[rule])
            self.assert_rules(driver, share, [rule])
            if number % 2:
                self.delete(driver, context, share)
                self.assert_exists(driver, share, False)
            return _paths(share.export_locations)

        paths = self.together(life, 2 * self.threads)
        everything = [path for found in paths for path in found]  # type: ignore[attr-defined]
        assert len(everything) == len(set(everything)), "two shares have the same export path"


def _path(location: Location) -> str:
    return location.path


def _paths(locations: object) -> set[str]:
    return {location.path for location in export_locations(locations)}
