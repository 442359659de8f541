"""GlusterfsShareDriver: NFS shares on a GlusterFS cluster.

| part | module |
|---|---|
| options, construction, checks at start | options.py, base.py |
| the gluster command and its answers | address.py, manager.py, replies.py, quota.py |
| a share is a directory | layout_directory.py with mount.py, trash.py |
| a share is a volume | layout_volume.py |
| access by NFS-Ganesha, by Gluster-NFS | ganesha_helper.py, gluster_helper.py |
| native access by certificate | native.py, cert_helper.py |
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from abaca.drivers import rules
from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import (
    AccessRule,
    Share,
    ShareServer,
    Snapshot,
    access_record,
)
from abaca.drivers.glusterfs.base import GlusterfsBase
from abaca.drivers.glusterfs.exporter import Location, Rules
from abaca.drivers.glusterfs.layout_volume import GlusterfsVolumeMappedLayout
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import NAMED_BY_ID
from abaca.drivers.glusterfs.quota import GIB
from abaca.model import networks

OPTIONS = ("size",)


class GlusterfsShareDriver(GlusterfsBase):
    """Runs with driver_handles_share_servers = False."""

    # --- shares -----------------------------------------------------------------------------------
    def create_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[Location]:
        """An empty share that nobody can reach yet."""
        self._check_protocol(share)
        place = self.layout.create(share)
        self.exporter.export(place)
        return self.exporter.locations(place)

    def create_share_from_snapshot(
        self,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        share_server: ShareServer | None = None,
        parent_share: Share | None = None,
    ) -> list[Location]:
        """A writable clone (volume layout only)."""
        self._check_protocol(share)
        place = self.layout.create_from_snapshot(share, snapshot)
        self.exporter.export(place)
        return self.exporter.locations(place)

    def delete_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> None:
        """Out of sight and reach at once; its space comes back in the background."""
        try:
            self._withdraw(share)
        except errors.InvalidShare:
            return  # such a share cannot have been made
        self.layout.delete(share)

    def extend_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Raise the quota; clients see it at once."""
        self.layout.resize(share, int(new_size), shrink=False)

    def shrink_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Lower the quota, unless more is in use."""
        self.layout.resize(share, int(new_size), shrink=True)

    def ensure_shares(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> dict[str, dict[str, Any]]:
        """All at once.  A share whose data is gone is reported as in error."""
        self.exporter.reconcile()
        found = self.layout.ensure(shares)
        updates: dict[str, dict[str, Any]] = {}
        for share in shares:
            place = found.get(share["id"])
            if place is None:
                updates[share["id"]] = {"status": "error"}
                continue
            closed = self.exporter.export(place)
            updates[share["id"]] = {
                "export_locations": self.exporter.locations(place),
                "reapply_access_rules": closed,
            }
        return updates

    def get_backend_info(self, context: AnyContext) -> Mapping[str, Any]:
        """What locations and quotas depend on."""
        names = (
            "glusterfs_target glusterfs_servers glusterfs_volume_pattern glusterfs_share_layout "
            "glusterfs_nfs_server_type glusterfs_ganesha_server_ip ganesha_export_dir"
        )
        return {name: str(self._option(name) or "") for name in names.split()}

    def update_share_usage_size(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> list[dict[str, Any]]:
        """Used GiB, as the quota counts them."""
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()
        return [
            {"id": key, "used_size": round(used / GIB, 3), "gathered_at": now}
            for key, used in self.layout.used(shares).items()
        ]

    # --- access -----------------------------------------------------------------------------------
    def update_access(
        self,
        context: AnyContext,
        share: Share,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        update_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Mapping[str, Any]]:
        """Rules in force = access_rules.  What cannot be honoured gets state error, by itself."""
        try:
            place = self.layout.place(share)
        except errors.ShareResourceNotFound:
            if not access_rules:
                self.exporter.withdraw(None, str(share["name"]))
            raise
        read_only = bool(share.get("cast_rules_to_readonly"))
        wanted = rules.read(access_rules, self.exporter.rule_types, read_only, self.exporter.levels)
        self.exporter.export(place)
        self.exporter.allow(place, wanted, access_rules)
        return wanted.states(access_rules)

    def allow_access(
        self,
        context: AnyContext,
        share: Share,
        access: AccessRule,
        share_server: ShareServer | None = None,
    ) -> None:
        """The older form: one rule more, of one caller at a time.  InvalidShareAccess if it cannot
        be honoured."""
        wanted = [*self._in_force_beside(share, access), access]
        states = self.update_access(context, share, wanted, [access], [], [])
        if states[rules.rule_id(access)]["state"] == "error":
            raise errors.InvalidShareAccess(
                reason=f"{access['access_type']} {access['access_to']!r:.80} cannot be let in as "
                f"{access['access_level']}; the log says why"
            )

    def deny_access(
        self,
        context: AnyContext,
        share: Share,
        access: AccessRule,
        share_server: ShareServer | None = None,
    ) -> None:
        """The older form: one rule less; absent is success."""
        try:
            wanted = self._in_force_beside(share, access)
        except errors.ShareResourceNotFound:
            return
        self.update_access(context, share, wanted, [], [access], [])

    def _in_force_beside(self, share: Share, access: AccessRule) -> list[AccessRule]:
        """The rules in force, but for those about the same clients."""
        place = self.layout.place(share)
        subject = _subject(access["access_type"], access["access_to"])
        return [
            access_record(id=f"{kind} {to}", access_type=kind, access_to=to, access_level=level)
            for kind, to, level in self.exporter.held(place.manager).get(place.name, [])
            if _subject(kind, to) != subject
        ]

    # --- manage -----------------------------------------------------------------------------------
    def manage_existing(self, share: Share, driver_options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take over what the export location names: a top-level directory, or a volume.

        driver_options: size (GiB), if it shall be larger than its quota or its data.
        """
        self._check_protocol(share)
        unknown = sorted(set(driver_options) - set(OPTIONS))
        if unknown:
            raise errors.ManageInvalidShare(
                reason=f"driver option {unknown[0]!r:.60} is not known; size is"
            )
        size = _size(driver_options.get("size"))
        place, final = self.layout.manage(share, size, self.exporter.has)
        self.exporter.export(place)
        return {"size": final, "export_locations": self.exporter.locations(place)}

    def unmanage(self, share: Share) -> None:
        """Stop serving it; its data and quota stay, and can be managed by its old location."""
        self._withdraw(share)
        self.layout.unmanage(share)

    # --- what there is ----------------------------------------------------------------------------
    def get_inventory(self, context: AnyContext) -> list[dict[str, Any]]:
        """Directories or volumes of shares, and exports without any."""
        held = self.layout.held()
        volumes = {m.volume: m for m in (*self.layout.managers(), *(p.manager for _, p, _ in held))}
        served, unread = self._served(volumes.values())
        found: list[dict[str, Any]] = []
        for share_id, place, size in held:
            if place.manager.volume in unread:
                problem = unread[place.manager.volume]
                found.append({"kind": "share", "id": share_id, "problem": problem})
                continue
            rules_in_force = served.pop(place.name, None if self.exporter.explicit else [])
            found.append(
                {
                    "kind": "share",
                    "id": share_id,
                    "size": size,
                    "exported": rules_in_force is not None,
                    "rules": _as_mappings(rules_in_force),
                    "proto": self.protocol,
                    "path": self.exporter.locations(place)[0]["path"],
                }
            )
        if isinstance(self.layout, GlusterfsVolumeMappedLayout):
            keys = ("id", "share_id", "path")
            found += [
                {"kind": "snapshot", **dict(zip(keys, each, strict=True))}
                for each in self.layout.held_snapshots()
            ]
        orphans = (NAMED_BY_ID.search(name) for name in served)
        return [*found, *({"kind": "export", "id": match[0]} for match in orphans if match)]

    def _served(self, volumes: Iterable[GlusterManager]) -> tuple[dict[str, Rules], dict[str, str]]:
        """The rules in force by name; and of volumes that cannot be read, why."""
        served: dict[str, Rules] = {}
        unread: dict[str, str] = {}
        for manager in volumes:
            try:
                served.update(self.exporter.held(manager))
            except errors.GlusterfsException as problem:
                unread[manager.volume] = str(problem)
        return served, unread

    # --- snapshots --------------------------------------------------------------------------------
    def create_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """Volume layout only.  ShareSnapshotNotSupported where the bricks cannot."""
        return {"provider_location": self.layout.create_snapshot(snapshot)}

    def delete_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        """Absent is success."""
        self.layout.delete_snapshot(snapshot)

    # --- statistics -------------------------------------------------------------------------------
    def _update_share_stats(self, data: Mapping[str, Any] | None = None) -> None:
        reserved = self._option("reserved_share_percentage") or 0
        snapshots = self.layout.snapshots
        mine: dict[str, Any] = {
            "share_backend_name": self._option("share_backend_name") or "GlusterFS",
            "vendor_name": "Red Hat",
            "driver_version": "1.0",
            "storage_protocol": self.protocol,
            "max_over_subscription_ratio": self._option("max_over_subscription_ratio"),
            "reserved_percentage": reserved,
            "reserved_snapshot_percentage": (
                self._option("reserved_share_from_snapshot_percentage") or reserved
            ),
            "reserved_share_extend_percentage": (
                self._option("reserved_share_extend_percentage") or reserved
            ),
            "snapshot_support": snapshots,
            "create_share_from_snapshot_support": snapshots,
            "pools": None,
            **self.layout.stats(),
        }
        super()._update_share_stats({**mine, **(data or {})})

    def _withdraw(self, share: Share) -> None:
        try:
            manager = self.layout.place(share).manager
        except errors.ShareResourceNotFound:
            manager = None
        self.exporter.withdraw(manager, str(share["name"]))

    def _check_protocol(self, share: Share) -> None:
        if str(share["share_proto"]).upper() != self.protocol:
            raise errors.InvalidShare(
                reason=f"protocol {share['share_proto']!r:.40} is not served here; "
                f"possible: {self.protocol}"
            )


def _subject(kind: str, to: str) -> tuple[str, str]:
    """Whom a rule names, however it is written."""
    if kind == "ip":
        return kind, networks.plain(to)
    return kind, to


def _as_mappings(found: Rules | None) -> list[dict[str, str]] | None:
    keys = ("access_type", "access_to", "access_level")
    return None if found is None else [dict(zip(keys, rule, strict=True)) for rule in found]


def _size(given: object) -> int | None:
    if given is None:
        return None
    text = str(given)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) < 1 << 33:
        raise errors.ManageInvalidShare(reason=f"size {text!r:.40} is not a number of GiB")
    return int(text)
