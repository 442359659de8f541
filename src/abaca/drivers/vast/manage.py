"""Taking over directories that are exported already, and letting them go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share, Snapshot
from abaca.drivers.vast import names
from abaca.drivers.vast.array import POLICIES, QUOTAS, SNAPSHOTS, VIEWS, Policy, Quota, View, plain
from abaca.drivers.vast.base import DIRECTORY, GIB
from abaca.drivers.vast.exports import is_behind
from abaca.drivers.vast.snapshots import SNAPSHOT, Snapshots

OPTIONS: Final = ("size",)
LARGEST: Final = 1 << 33  # GiB


class Manage(Snapshots):
    """The directory stays where it is; quota, view and policy get the share's name."""

    def manage_existing(self, share: Share, driver_options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The view at the path of the export location.  Driver option `size`: GiB, for a
        directory without a quota."""
        share_id, view = names.checked_id(share["id"]), self._view_to_manage(share)
        directory = plain(view.path)
        quota = self._quota_to_manage(share_id, directory)
        size = _size(quota, driver_options)
        self._own(share_id, directory)
        policy = self._policy_to_manage(share_id, view)
        if quota is None:
            self.array.make(
                QUOTAS, share_id, path=directory, create_dir=False, hard_limit=size * GIB
            )
        elif (quota.name, quota.hard_limit) != (share_id, size * GIB):
            self.array.change(QUOTAS, quota, name=share_id, hard_limit=size * GIB)
        if view.name != share_id or not is_behind(view, policy):
            self.array.change(VIEWS, view, name=share_id, policy_id=policy.id)
        return {"size": size, "export_locations": names.locations(self._pool(), directory)}

    def _view_to_manage(self, share: Share) -> View:
        given = next((location["path"] for location in share["export_locations"]), "")
        directory = names.exported_directory(self.root, given)
        if directory is None:
            raise errors.ManageInvalidShare(
                reason=f"{given!r:.200} is not <address>:{self.root}/<directory>"
            )
        view = self.array.at(VIEWS, directory)
        if view is None:
            raise errors.ManageInvalidShare(reason=f"the array has no view of {directory}")
        if "NFS" not in view.protocols:
            raise errors.ManageInvalidShare(reason=f"the view of {directory} does not serve NFS")
        self._refuse_owned(view.name, share["id"], directory)
        return view

    def _quota_to_manage(self, share_id: str, directory: str) -> Quota | None:
        quota = self.array.at(QUOTAS, directory)
        if quota is not None:
            self._refuse_owned(quota.name, share_id, directory)
        return quota

    def _refuse_owned(self, name: str | None, share_id: str, directory: str) -> None:
        """Two shares must never own one directory."""
        if name != share_id and name in self._storage.find(DIRECTORY):
            raise errors.ManageInvalidShare(reason=f"{directory} belongs to share {name} already")

    def _policy_to_manage(self, share_id: str, view: View) -> Policy:
        """That of an unmanaged share is the share's own and goes on; one that other views may
        use is left alone, and the view gets a policy that lets nobody in."""
        found = self.array.find(POLICIES, share_id)
        if found is None and view.name and view.policy == view.name:
            old = self.array.find(POLICIES, view.name)
            if old is not None:
                self.array.change(POLICIES, old, name=share_id)
                return old
        return found or self._policy(share_id)

    def unmanage(self, share: Share) -> None:
        """Nothing changes on the array; the directory may be taken over again."""
        self._storage.delete(names.checked_id(share["id"]))

    def manage_existing_snapshot(
        self, snapshot: Snapshot, driver_options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The snapshot whose name is `provider_location`, if it is one of the share's directory."""
        name = str(snapshot.get("provider_location") or "")
        found = self.array.find(SNAPSHOTS, name) if name.isprintable() and name else None
        directory = self._directory(snapshot["share_instance_id"])
        if found is None or plain(found.path) != directory:
            raise errors.ManageInvalidShareSnapshot(
                reason=f"{directory} has no snapshot {name!r:.200} on the array"
            )
        owned = self._storage.find(SNAPSHOT)
        if any(kept == name and other != snapshot["id"] for other, kept in owned.items()):
            raise errors.ManageInvalidShareSnapshot(reason=f"{name} is managed already")
        self._storage.update(snapshot["id"], {SNAPSHOT: name})
        return {"size": snapshot["size"], "provider_location": found.name}

    def unmanage_snapshot(self, snapshot: Snapshot) -> None:
        """Nothing changes on the array."""
        self._storage.delete(snapshot["id"])


def _size(quota: Quota | None, options: Mapping[str, Any]) -> int:
    """GiB: what is asked for, else the limit there is."""
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise errors.ManageInvalidShare(
            reason=f"driver option {unknown[0]!r:.60} is not known; size is"
        )
    used = math.ceil(((quota and quota.used_effective_capacity) or 0) / GIB)
    given = options.get("size")
    if given is None:
        if quota is None or not quota.hard_limit:
            raise errors.ManageInvalidShare(
                reason="the directory has no quota; say its size in GiB: --driver_options size=10"
            )
        return max(1, used, math.ceil(quota.hard_limit / GIB))
    text = str(given)
    if not text.isascii() or not text.isdigit() or not max(1, used) <= int(text) < LARGEST:
        raise errors.ManageInvalidShare(
            reason=f"size {text!r:.40} is not a number of GiB that holds the data ({used})"
        )
    return int(text)
