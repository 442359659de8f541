"""A driver beside a simulated array, for every test of this folder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from abaca.drivers.contract import DictConfiguration, DriverContext, MemoryPrivateStorage
from abaca.drivers.contract.private_storage import PrivateStorage, PrivateStorageBase
from abaca.drivers.contract.records import (
    AccessRule,
    Share,
    Snapshot,
    access_record,
    export_location_record,
    share_record,
    snapshot_record,
)
from abaca.drivers.vast.driver import VastShareDriver
from abaca.model.context import Context

if TYPE_CHECKING:  # processes that are killed import this, and live only for milliseconds
    from abaca.testing.vms import Array, Running

CONTEXT = DriverContext(Context(user_id="u", project_id="p", is_admin=True))
POOL = (("192.0.2.10", "192.0.2.11"), ("2001:db8::10", "2001:db8::10"))
GIB = 1 << 30


class Where(NamedTuple):
    """What a driver must know of an array; a Running is one too."""

    host: str
    port: int
    ca: Path


def options(vms: Where | Running, **more: Any) -> dict[str, Any]:
    """The backend's section for this array."""
    return {
        "driver_handles_share_servers": False,
        "vast_mgmt_host": vms.host,
        "vast_mgmt_port": vms.port,
        "vast_vippool_name": "pool",
        "vast_root_export": "manila",
        "vast_mgmt_user": "admin",
        "vast_mgmt_password": "123456",
        "vast_ssl_ca": str(vms.ca),
        **more,
    }


def make_driver(
    vms: Where | Running, private_storage: PrivateStorage | None = None, **more: Any
) -> VastShareDriver:
    """A driver that is set up."""
    driver = VastShareDriver(
        configuration=DictConfiguration(options(vms, **more)),
        private_storage=private_storage or MemoryPrivateStorage(),
    )
    driver.do_setup(CONTEXT)
    driver.check_for_setup_error()
    return driver


class FilePrivateStorage(PrivateStorageBase):
    """Kept in files, so that it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def read(self, entity_id: str) -> Mapping[str, str]:
        path = self._folder / entity_id
        found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def write(self, entity_id: str, details: Mapping[str, str], replace: bool) -> None:
        kept = {} if replace else self.read(entity_id)
        fresh = self._folder / f"{entity_id}.new"
        fresh.write_text(json.dumps({**kept, **details}))
        fresh.replace(self._folder / entity_id)

    def remove(self, entity_id: str, key: str | None) -> None:
        (self._folder / entity_id).unlink(missing_ok=True)

    def find(self, key: str) -> dict[str, str]:
        kept = {entity: self.read(entity) for entity in self.entities()}
        return {entity: values[key] for entity, values in kept.items() if key in values}

    def entities(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if path.suffix != ".new")


# --- records --------------------------------------------------------------------------------------
def new_share(path: str | None = None, **values: Any) -> Share:
    given = {"id": str(uuid.uuid4()), "size": 1, "share_proto": "NFS", **values}
    if path is not None:
        given["export_locations"] = [export_location_record(path=path)]
    return share_record(**given)


def new_snapshot(share: Share, **values: Any) -> Snapshot:
    return snapshot_record(id=str(uuid.uuid4()), share=share, **values)


def rule(to: str, level: str = "rw", kind: str = "ip") -> AccessRule:
    return access_record(
        id=str(uuid.uuid4()), access_type=kind, access_to=to, access_level=level, state="applying"
    )


# --- what is there --------------------------------------------------------------------------------
def created(driver: VastShareDriver, **values: Any) -> Share:
    share = new_share(**values)
    driver.create_share(CONTEXT, share)
    return share


def many(driver: VastShareDriver, array: Array, count: int) -> list[Share]:
    """Shares that are on the array already."""
    shares = [new_share() for _ in range(count)]
    with array.state.write():
        for share in shares:
            place = {"name": share.id, "path": f"/manila/manila-{share.id}"}
            policy = array.add("viewpolicies", name=share.id, nfs_read_only=["192.0.2.1"])
            array.add("quotas", **place, hard_limit=GIB)
            array.add("views", **place, policy_id=policy["id"])
    return shares


def foreign(array: Array, path: str = "/manila/theirs", **view: Any) -> str:
    policy = array.add("viewpolicies", name="shared by all", nfs_read_write=["*"])
    array.add("views", **{"name": "v", "path": path, "policy_id": policy["id"], **view})
    return f"192.0.2.10:{path}"


# --- calls ----------------------------------------------------------------------------------------
def allow(driver: VastShareDriver, share: Share, *rules: AccessRule) -> Any:
    """These rules, and no others."""
    return driver.update_access(CONTEXT, share, list(rules), list(rules), [], [])


def in_force(array: Array, share: Share) -> dict[str, list[str]]:
    """{list: hosts} of the policy that is in front of the share; empty lists are left out."""
    view = array.named("views", share["id"])
    assert view is not None
    policy = array.named("viewpolicies", view["policy"])
    assert policy is not None
    lists = ("nfs_read_write", "nfs_read_only", "nfs_no_squash", "nfs_root_squash")
    return {name: policy[name] for name in lists if policy[name]}
