"""What can be asked of a driver, each with what must be there before: for tests that disturb it.

A scene has fixed ids, so that the array can be compared with one that nothing disturbed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abaca.drivers.contract.records import Share, export_location_record
from abaca.drivers.vast.driver import VastShareDriver
from vast.kit import (
    CONTEXT,
    FilePrivateStorage,
    Where,
    allow,
    make_driver,
    new_share,
    new_snapshot,
    rule,
)

if TYPE_CHECKING:
    from abaca.testing.vms import Array


def _id(word: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, word))


SHARE = new_share(id=_id("share"), size=2)
CLONE = new_share(id=_id("clone"), size=2)
MANAGED = new_share("192.0.2.10:/manila/theirs", id=_id("managed"))
SNAPSHOT = new_snapshot(SHARE, provider_location=None).replace(
    id=_id("snapshot"), name=f"share-snapshot-{_id('snapshot')}"
)
NIGHTLY = SNAPSHOT.replace(id=_id("nightly"), provider_location="nightly")
OLD, NEW = rule("192.0.2.7"), rule("198.51.100.0/24", "ro")


@dataclass(frozen=True)
class Scene:
    """`call` is what is disturbed; `undo` takes away what it made."""

    call: Callable[[VastShareDriver], Any]
    prepare: Callable[[VastShareDriver, Array], Any] = lambda driver, array: None
    undo: Callable[[VastShareDriver], Any] | None = None


def _create(driver: VastShareDriver, share: Share = SHARE) -> Any:
    return driver.create_share(CONTEXT, share)


def _delete(driver: VastShareDriver, share: Share = SHARE) -> None:
    driver.delete_share(CONTEXT, share)


def _with_share(driver: VastShareDriver, array: Array) -> None:
    _create(driver)
    allow(driver, SHARE, OLD)


def _with_snapshot(driver: VastShareDriver, array: Array) -> None:
    _with_share(driver, array)
    driver.create_snapshot(CONTEXT, SNAPSHOT)


def _clone(driver: VastShareDriver) -> None:
    made = driver.create_share_from_snapshot(CONTEXT, CLONE, SNAPSHOT)
    while made["status"] == "creating_from_snapshot":
        made = driver.get_share_status(CLONE)
    assert made["status"] == "available", made


def _with_clone(driver: VastShareDriver, array: Array) -> None:
    _with_snapshot(driver, array)
    _clone(driver)


def _with_running_clone(driver: VastShareDriver, array: Array) -> None:
    _with_snapshot(driver, array)
    array.configure(clone_seconds=3600.0)
    driver.create_share_from_snapshot(CONTEXT, CLONE, SNAPSHOT)


def _with_foreign_view(driver: VastShareDriver, array: Array) -> None:
    policy = array.add("viewpolicies", name="theirs", nfs_read_write=["*"])
    array.add("quotas", name="their quota", path="/manila/theirs", hard_limit=3 << 30)
    array.add("views", name="their view", path="/manila/theirs", policy_id=policy["id"])


def _with_unmanaged(driver: VastShareDriver, array: Array) -> None:
    _with_share(driver, array)
    driver.unmanage(SHARE)


def _manage(driver: VastShareDriver) -> None:
    assert driver.manage_existing(MANAGED, {})["size"] == 3


def _manage_again(driver: VastShareDriver) -> None:
    path = export_location_record(path=f"192.0.2.10:/manila/manila-{SHARE.id}")
    assert driver.manage_existing(MANAGED.replace(export_locations=[path]), {})["size"] == 2


def _with_foreign_snapshot(driver: VastShareDriver, array: Array) -> None:
    _with_share(driver, array)
    array.add("snapshots", name="nightly", path=f"/manila/manila-{SHARE.id}")


def _inventory(driver: VastShareDriver) -> None:
    assert [held["id"] for held in driver.get_inventory(CONTEXT)] == [SHARE.id, SNAPSHOT.id]


def _with_damage(driver: VastShareDriver, array: Array) -> None:
    _with_share(driver, array)
    array.remove("views", SHARE.id)
    array.remove("quotas", SHARE.id)
    array.remove("viewpolicies", SHARE.id)


def _ensure(driver: VastShareDriver) -> None:
    updates = driver.ensure_shares(CONTEXT, [SHARE])
    assert updates.get(SHARE.id, {"status": "error"}).get("status") != "error", updates


def _change_rules(driver: VastShareDriver) -> None:
    driver.update_access(CONTEXT, SHARE, [NEW], [NEW], [OLD], [])


SCENES: Mapping[str, Scene] = {
    "create": Scene(_create, undo=_delete),
    "delete": Scene(_delete, _with_share),
    "extend": Scene(lambda driver: driver.extend_share(SHARE, 5), _with_share),
    "shrink": Scene(lambda driver: driver.shrink_share(SHARE, 1), _with_share),
    "change rules": Scene(_change_rules, _with_share),
    "snapshot": Scene(
        lambda driver: driver.create_snapshot(CONTEXT, SNAPSHOT),
        _with_share,
        lambda driver: driver.delete_snapshot(CONTEXT, SNAPSHOT),
    ),
    "delete snapshot": Scene(
        lambda driver: driver.delete_snapshot(CONTEXT, SNAPSHOT), _with_snapshot
    ),
    "clone": Scene(_clone, _with_snapshot, lambda driver: _delete(driver, CLONE)),
    "delete clone": Scene(lambda driver: _delete(driver, CLONE), _with_clone),
    "delete running clone": Scene(lambda driver: _delete(driver, CLONE), _with_running_clone),
    "ensure": Scene(_ensure, _with_damage),
    "manage": Scene(_manage, _with_foreign_view),
    "manage again": Scene(_manage_again, _with_unmanaged),
    "manage snapshot": Scene(
        lambda driver: driver.manage_existing_snapshot(NIGHTLY, {}), _with_foreign_snapshot
    ),
    "inventory": Scene(_inventory, _with_snapshot),
    "statistics": Scene(lambda driver: driver.get_share_stats(refresh=True)),
    "backend info": Scene(lambda driver: driver.get_backend_info(CONTEXT)),
    "used sizes": Scene(lambda driver: driver.update_share_usage_size(CONTEXT, [SHARE])),
    "check": Scene(lambda driver: driver.check_for_setup_error()),
}


def play(where: Where, folder: Path, scene: str, pipe: Connection) -> None:
    """In a process of its own: play the scene when told to."""
    driver = make_driver(where, FilePrivateStorage(folder))
    pipe.send("ready")
    pipe.recv()
    SCENES[scene].call(driver)
