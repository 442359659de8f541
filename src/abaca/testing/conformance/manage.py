"""Taking over what exists, and letting it go."""

from __future__ import annotations

import uuid

import pytest

from abaca.drivers.contract import AnyContext, ShareDriver
from abaca.drivers.contract.errors import ManilaException, is_a
from abaca.drivers.contract.records import Share
from abaca.drivers.contract.results import Location, Managed, manage_result, snapshot_result
from abaca.testing.conformance.kit import Kit

HOSTILE_PATHS = (
    "",
    "/",
    "/etc",
    "nothing-like-a-path",
    "192.0.2.1:/no/such/share",
    "192.0.2.1:/../../etc",
    "192.0.2.1:/..",
    "$(touch /tmp/pwned):/x",
    "x\n/y",
    "x" * 10000,
)


class ManageConformance(Kit):
    def _manage(self, driver: ShareDriver, share: Share) -> Managed:
        if driver.driver_handles_share_servers:
            value = self.call(driver.manage_existing_with_server, share, {})
        else:
            value = driver.manage_existing(share, {})
        return manage_result(value)

    def _unmanage(self, driver: ShareDriver, share: Share) -> None:
        if driver.driver_handles_share_servers:
            self.call(driver.unmanage_with_server, share)
        else:
            driver.unmanage(share)

    def _need_manage(self, driver: ShareDriver) -> None:
        handles_servers = driver.driver_handles_share_servers
        self.need_method(
            driver, "manage_existing_with_server" if handles_servers else "manage_existing"
        )

    def test_unmanage_and_manage_again(self, driver: ShareDriver, context: AnyContext) -> None:
        self._need_manage(driver)
        share = self.create(driver, context, size=2)
        if self.has_hook("write", "read"):
            self.write(driver, share, "kept", b"data")
        self._unmanage(driver, share)
        other = self.new_share(export_locations=share.export_locations[:1])
        self.on_end(self.delete, driver, context, other)
        managed = self._manage(driver, other)
        assert managed.size == 2
        assert managed == self._manage(driver, other), "managing again gives something else"
        other = other.replace(size=managed.size, status="available")
        if managed.export_locations is not None:
            other = self.located(other, managed.export_locations)
        if self.has_hook("write", "read"):
            assert self.read(driver, other, "kept") == b"data"
        self._fully_usable(driver, context, other)

    def _fully_usable(self, driver: ShareDriver, context: AnyContext, share: Share) -> None:
        rule = self.rule(share)
        self.set_access(driver, context, share, [rule], add_rules=[rule])
        self.assert_rules(driver, share, [rule])
        self.call(driver.extend_share, share, share.size + 1)
        self.delete(driver, context, share)
        self.assert_exists(driver, share, False)

    def test_unmanage_twice_keeps_data(self, driver: ShareDriver, context: AnyContext) -> None:
        share = self.create(driver, context)
        for _ in range(2):
            self._unmanage(driver, share)
        if self.has_hook("write", "read"):
            self.write(driver, share, "kept", b"data")
            assert self.read(driver, share, "kept") == b"data"

    @pytest.mark.parametrize("path", HOSTILE_PATHS, ids=lambda path: repr(path[:24]))
    def test_manage_of_what_is_not_a_share(
        self, driver: ShareDriver, context: AnyContext, path: str
    ) -> None:
        self._need_manage(driver)
        share = self.located(self.new_share(), (Location(path),))
        with pytest.raises(ManilaException) as caught:
            self._manage(driver, share)
        assert is_a(caught.value, "ManageInvalidShare"), "must be ManageInvalidShare"

    def test_managed_share_is_not_managed_twice(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        """Two shares of the service must never own one object of the backend."""
        self._need_manage(driver)
        share = self.create(driver, context)
        thief = self.new_share(export_locations=share.export_locations[:1])
        with pytest.raises(ManilaException) as caught:
            self._manage(driver, thief)
        assert is_a(caught.value, "ManageInvalidShare")
        self.assert_exists(driver, share)

    def test_snapshot_unmanaged_and_managed_again(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        self.need(driver, "snapshot_support")
        handles_servers = driver.driver_handles_share_servers
        name = "manage_existing_snapshot" + ("_with_server" if handles_servers else "")
        self.need_method(driver, name)
        share = self.create(driver, context)
        snapshot = self.snapshot(driver, context, share)
        for _ in range(2):
            self.call(getattr(driver, name.replace("manage_existing", "unmanage")), snapshot)
        other = self.new_snapshot(share, provider_location=snapshot.provider_location)
        self.on_end(self.delete_snapshot, driver, context, other)
        first = snapshot_result(self.call(getattr(driver, name), other, {}))
        assert first.size == share.size
        assert first == snapshot_result(self.call(getattr(driver, name), other, {}))
        other = other.replace(provider_location=first.provider_location or other.provider_location)
        self.delete_snapshot(driver, context, other)
        self.assert_exists(driver, other, False)

    def test_unknown_snapshot_is_not_managed(
        self, driver: ShareDriver, context: AnyContext
    ) -> None:
        self.need(driver, "snapshot_support")
        self.need_method(driver, "manage_existing_snapshot")
        share = self.create(driver, context)
        for location in ("", "/", "../..", f"share-snapshot-{uuid.uuid4()}"):
            other = self.new_snapshot(share, provider_location=location)
            with pytest.raises(ManilaException) as caught:
                driver.manage_existing_snapshot(other, {})
            assert is_a(caught.value, "ManageInvalidShareSnapshot")
