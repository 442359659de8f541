"""What every part of the kit uses: records, calls as the manager makes them, clean-up, hooks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from abaca.drivers.contract import AnyContext, DriverContext, ShareDriver, compat, overrides
from abaca.drivers.contract.records import (
    AccessRule,
    Share,
    ShareServer,
    Snapshot,
    access_record,
    export_location_record,
    share_record,
    snapshot_record,
)
from abaca.drivers.contract.results import (
    Location,
    RuleUpdate,
    create_result,
    export_locations,
    snapshot_result,
    status_result,
)
from abaca.model.context import Context

Rules = set[tuple[str, str, str]]


class Kit:
    """Class attributes and hooks that a driver's test may override."""

    protocol: ClassVar[str] = "NFS"
    host: ClassVar[str] = "conformance@backend"  # with #pool if the driver has several
    share_server: ClassVar[ShareServer | None] = None
    # Rules the driver can honour for this protocol: (type, to)
    good_rules: ClassVar[tuple[tuple[str, str], ...]] = (
        ("ip", "192.0.2.7"),
        ("ip", "192.0.2.8"),
        ("ip", "198.51.100.0/24"),
    )
    # Rules it cannot: reported per rule, never by an exception that spoils the batch
    bad_rules: ClassVar[tuple[tuple[str, str], ...]] = (("carrier-pigeon", "coop"),)
    patience: ClassVar[float] = 60.0  # seconds for asynchronous work
    threads: ClassVar[int] = 8

    @pytest.fixture
    def driver(self) -> ShareDriver:
        """The driver, set up.  Every test class must give it."""
        raise NotImplementedError("give a `driver` fixture that returns a driver ready to use")

    # Hooks: what only the outside of a driver can tell.  A test that needs one is skipped
    # without it.

    def write(self, driver: ShareDriver, share: Share, name: str, data: bytes) -> None:
        """A client writes a file into the share."""
        raise NotImplementedError

    def read(self, driver: ShareDriver, thing: Share | Snapshot, name: str) -> bytes | None:
        """A client reads a file; None when it is not there."""
        raise NotImplementedError

    def fill(self, driver: ShareDriver, share: Share, gib: float) -> None:
        """More than `gib` GiB of the share are in use."""
        raise NotImplementedError

    def exists(self, driver: ShareDriver, thing: Share | Snapshot) -> bool:
        """Whether the object is on the backend."""
        raise NotImplementedError

    def rules_in_force(self, driver: ShareDriver, thing: Share | Snapshot) -> Rules:
        """{(type, to, level)}: who may reach it right now."""
        raise NotImplementedError

    # Skips and calls

    @pytest.fixture
    def context(self) -> AnyContext:
        return DriverContext(Context(user_id="u", project_id="p", is_admin=True))

    @pytest.fixture(autouse=True)
    def _clean(self, driver: ShareDriver, context: AnyContext) -> Iterator[None]:
        self._made: list[Callable[[], object]] = []
        yield
        for undo in reversed(self._made):
            undo()

    def need(self, driver: ShareDriver, *capabilities: str) -> None:
        """Skip unless the statistics declare it."""
        stats = driver.get_share_stats(refresh=True)
        pools = stats.get("pools") or [{}]
        for name in capabilities:
            if not (stats.get(name) or pools[0].get(name)):
                pytest.skip(f"driver does not declare capability {name}")

    def need_method(self, driver: ShareDriver, *names: str) -> None:
        """Skip unless the driver brings the methods."""
        for name in names:
            if not overrides(driver, name):
                pytest.skip(f"driver does not implement {name}")

    def has_hook(self, *names: str) -> bool:
        return all(getattr(type(self), name) is not getattr(Kit, name) for name in names)

    def need_hook(self, *names: str) -> None:
        """Skip unless the test class has the hooks."""
        for name in names:
            if not self.has_hook(name):
                pytest.skip(f"test class has no hook {name}")

    def call(self, method: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        return compat.call(method, *args, share_server=self.share_server, **keywords)

    # Shares

    def new_share(self, **values: Any) -> Share:
        """A share that is not made yet."""
        defaults: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "share_id": str(uuid.uuid4()),
            "size": 1,
            "share_proto": self.protocol,
            "host": self.host,
            "status": "creating",
            "project_id": "p",
            "user_id": "u",
            "share_server": self.share_server,
        }
        return share_record(**{**defaults, **values})

    def create(self, driver: ShareDriver, context: AnyContext, **values: Any) -> Share:
        """A share, removed after the test."""
        share = self.new_share(**values)
        self.on_end(self.delete, driver, context, share)
        made = self.call(driver.create_share, context, share)
        return self.located(share, create_result(made).export_locations)

    def on_end(self, undo: Callable[..., object], *args: Any) -> None:
        self._made.append(lambda: undo(*args))

    def delete(self, driver: ShareDriver, context: AnyContext, share: Share) -> None:
        self.call(driver.delete_share, context, share)

    def located(self, share: Share, locations: tuple[Location, ...]) -> Share:
        """The share as the database would have it: available, with its export locations."""
        records = [
            export_location_record(
                id=str(uuid.uuid4()),
                path=location.path,
                is_admin_only=location.is_admin_only,
                metadata=dict(location.metadata),
                share_instance_id=share.id,
            )
            for location in locations
        ]
        return share.replace(status="available", export_locations=records)

    def clone(
        self,
        driver: ShareDriver,
        context: AnyContext,
        snapshot: Snapshot,
        parent: Share,
        **values: Any,
    ) -> Share:
        """A share from a snapshot, waited for, removed after the test."""
        share = self.new_share(snapshot_id=snapshot.snapshot_id, **values)
        self.on_end(self.delete, driver, context, share)
        return self.clone_again(driver, context, share, snapshot, parent)

    def clone_again(
        self,
        driver: ShareDriver,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        parent: Share,
    ) -> Share:
        value = self.call(
            driver.create_share_from_snapshot, context, share, snapshot, parent_share=parent
        )
        made = create_result(value, from_snapshot=True)
        if made.status == "available":
            return self.located(share, made.export_locations)
        return self.wait(driver, share.replace(status=made.status))

    def wait(self, driver: ShareDriver, share: Share) -> Share:
        """Poll get_share_status until the share is available."""
        end = time.monotonic() + self.patience
        while True:
            polled = status_result(self.call(driver.get_share_status, share))
            if polled.status == "available":
                known = tuple(export_locations(share.export_locations))
                return self.located(share, polled.export_locations or known)
            assert "error" not in polled.status, f"background work ended in {polled.status}"
            assert time.monotonic() < end, f"still {polled.status} after {self.patience} s"
            time.sleep(0.02)

    # Snapshots

    def new_snapshot(self, share: Share, **values: Any) -> Snapshot:
        defaults = {"id": str(uuid.uuid4()), "snapshot_id": str(uuid.uuid4()), "share": share}
        return snapshot_record(**{**defaults, "status": "creating", **values})

    def snapshot(self, driver: ShareDriver, context: AnyContext, share: Share) -> Snapshot:
        """A snapshot, removed after the test."""
        snapshot = self.new_snapshot(share)
        self.on_end(self.delete_snapshot, driver, context, snapshot)
        return self.snapshot_again(driver, context, snapshot)

    def snapshot_again(
        self, driver: ShareDriver, context: AnyContext, snapshot: Snapshot
    ) -> Snapshot:
        made = snapshot_result(self.call(driver.create_snapshot, context, snapshot))
        location = made.provider_location or snapshot.provider_location
        return snapshot.replace(status=made.status, provider_location=location)

    def delete_snapshot(self, driver: ShareDriver, context: AnyContext, snapshot: Snapshot) -> None:
        self.call(driver.delete_snapshot, context, snapshot)

    # Rules

    def rule(self, share: Mapping[str, Any], which: int = 0, level: str = "rw") -> AccessRule:
        kind, to = self.good_rules[which]
        return self.any_rule(share, kind, to, level)

    def any_rule(
        self, share: Mapping[str, Any], kind: str, to: str, level: str = "rw"
    ) -> AccessRule:
        return access_record(
            id=str(uuid.uuid4()),
            access_id=str(uuid.uuid4()),
            share_id=share.get("share_id"),
            share_instance_id=share["id"],
            access_type=kind,
            access_to=to,
            access_level=level,
            state="applying",
        )

    def set_access(
        self,
        driver: ShareDriver,
        context: AnyContext,
        share: Share,
        rules: list[AccessRule],
        **changes: list[AccessRule],
    ) -> dict[str, RuleUpdate]:
        """update_access, as the manager calls it; returns the updates by access_id."""
        return compat.call_update_access(
            driver, context, share, rules, share_server=self.share_server, **changes
        )

    def assert_rules(
        self, driver: ShareDriver, share: Share | Snapshot, rules: list[AccessRule]
    ) -> None:
        """With the hook: exactly these rules are in force."""
        if self.has_hook("rules_in_force"):
            wanted = {(r.access_type, r.access_to, r.access_level) for r in rules}
            assert self.rules_in_force(driver, share) == wanted

    def assert_exists(
        self, driver: ShareDriver, thing: Share | Snapshot, wanted: bool = True
    ) -> None:
        """With the hook: whether it is on the backend."""
        if self.has_hook("exists"):
            assert self.exists(driver, thing) is wanted

    def together(self, work: Callable[[int], object], count: int) -> list[object]:
        """Run in several threads; the first error is raised."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, range(count)))
