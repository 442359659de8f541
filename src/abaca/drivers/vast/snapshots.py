"""Snapshots, and shares made from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer, Snapshot
from abaca.drivers.vast import array as objects
from abaca.drivers.vast import names, streams
from abaca.drivers.vast.array import SNAPSHOTS, STREAMS, VIEWS, Stream, plain
from abaca.drivers.vast.base import GIB
from abaca.drivers.vast.shares import Shares, need_nfs

SNAPSHOT: Final = "snapshot"  # key of the private storage: the snapshot's name on the array


class Snapshots(Shares):
    """A snapshot is known by its name on the array, which is its `provider_location`."""

    def create_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """Of the share's directory."""
        self._storage.update(snapshot["id"], {SNAPSHOT: snapshot["name"]})
        found = self._find(snapshot)
        if found is None:
            directory = self._directory(snapshot["share_instance_id"])
            found = self.array.make(SNAPSHOTS, snapshot["name"], path=f"{directory}/")
        return {"provider_location": found.name}

    def delete_snapshot(
        self, context: AnyContext, snapshot: Snapshot, share_server: ShareServer | None = None
    ) -> None:
        """Absent is success."""
        if found := self._find(snapshot):
            self.array.remove(SNAPSHOTS, found)
        self._storage.delete(snapshot["id"])

    def _find(self, snapshot: Mapping[str, Any]) -> objects.Snapshot | None:
        name = snapshot.get("provider_location") or snapshot["name"]
        return self.array.find(SNAPSHOTS, name)

    # Shares from snapshots

    def create_share_from_snapshot(
        self,
        context: AnyContext,
        share: Share,
        snapshot: Snapshot,
        share_server: ShareServer | None = None,
        parent_share: Share | None = None,
    ) -> Mapping[str, Any]:
        """The array copies in the background, if it has not done it already."""
        need_nfs(share)
        directory, pool = self._directory(share["id"]), self._pool()
        self._own(share["id"], directory)
        if self.array.find(STREAMS, share["id"]) is None:
            source = self._find(snapshot)
            if source is None:
                raise errors.SnapshotResourceNotFound(name=snapshot["name"])
            self.array.clone(source, share["id"], directory, pool.tenant_id)
        now = self.get_share_status(share)
        if now["status"] == "error":
            raise errors.VastDriverException(reason=f"the copy for share {share['id']} failed")
        return now

    def get_share_status(
        self, share: Share, share_server: ShareServer | None = None
    ) -> Mapping[str, Any]:
        """A copy that is complete becomes a share here."""
        stream = self.array.find(STREAMS, share["id"])
        if stream is None:
            return self._status_without_stream(share)
        if streams.is_running(stream):
            return {"status": "creating_from_snapshot", "progress": streams.progress(stream)}
        if stream.condition not in streams.FINISHED:
            return {"status": "error"}
        return self._finish(share, stream)

    def _finish(self, share: Share, stream: Stream) -> Mapping[str, Any]:
        directory = self._directory(share["id"])
        if plain(stream.loanee_root_path) != directory:
            raise errors.VastDriverException(
                reason=f"stream {stream.name} fills {stream.loanee_root_path}, not {directory}"
            )
        self._provide(share["id"], directory, int(share["size"]) * GIB, new=False)
        return self._available(directory)

    def _status_without_stream(self, share: Share) -> Mapping[str, Any]:
        if self.array.find(VIEWS, share["id"]) is None:
            return {"status": "error"}
        return self._available(self._directory(share["id"]))

    def _available(self, directory: str) -> Mapping[str, Any]:
        locations = names.locations(self._pool(), directory)
        return {"status": "available", "progress": "100%", "export_locations": locations}
