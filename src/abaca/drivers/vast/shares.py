"""Shares: create, delete, resize, used sizes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer
from abaca.drivers.vast import names
from abaca.drivers.vast.array import POLICIES, POOLS, QUOTAS, STREAMS, VIEWS, Quota, Stream
from abaca.drivers.vast.base import GIB
from abaca.drivers.vast.exports import Exports
from abaca.drivers.vast.streams import is_running


class Shares(Exports):
    """Named by the id of the share instance, so that every call may be repeated."""

    def create_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> list[str]:
        """An empty directory that nobody can reach yet."""
        need_nfs(share)
        directory, pool = self._directory(share["id"]), self._pool()
        locations = names.locations(pool, directory)
        self._own(share["id"], directory)
        self._provide(share["id"], directory, int(share["size"]) * GIB, new=True)
        return locations

    def delete_share(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> None:
        """Stop clients first, then the data goes to the trash, then what described it."""
        try:
            directory = self._directory(share["id"])
        except errors.InvalidShare:
            return  # such a share cannot have been made
        self._end_stream(share["id"])
        if view := self.array.find(VIEWS, share["id"]):
            self.array.remove(VIEWS, view)
        self.array.remove_directory(directory, self._tenant_id())
        if quota := self.array.find(QUOTAS, share["id"]):
            self.array.remove(QUOTAS, quota)
        if policy := self.array.find(POLICIES, share["id"]):
            self.array.remove(POLICIES, policy)
        self._storage.delete(share["id"])

    def _end_stream(self, share_id: str) -> None:
        """A share that is or was copied from a snapshot: the copying ends, its result stays."""
        stream = self.array.find(STREAMS, share_id)
        if stream is None:
            return
        if is_running(stream):
            self._stop(stream)
        self.array.remove(STREAMS, stream, {"remove_dir": False})

    def _stop(self, stream: Stream) -> None:
        """It may end by itself meanwhile; then there is nothing to stop."""
        try:
            self.array.stop(stream)
        except errors.VastApiException:
            now = self.array.find(STREAMS, str(stream.name))
            if now is not None and is_running(now):
                raise

    def extend_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Raise the limit; clients see it at once."""
        self._resize(self._existing_quota(share), new_size)

    def shrink_share(
        self, share: Share, new_size: int, share_server: ShareServer | None = None
    ) -> None:
        """Lower the limit, unless more is in use."""
        quota = self._existing_quota(share)
        if (quota.used_effective_capacity or 0) > int(new_size) * GIB:
            raise errors.ShareShrinkingPossibleDataLoss(share_id=share["id"])
        self._resize(quota, new_size)

    def _resize(self, quota: Quota, gigabytes: int) -> None:
        limit = int(gigabytes) * GIB
        if quota.hard_limit != limit:
            self.array.change(QUOTAS, quota, hard_limit=limit)

    def _existing_quota(self, share: Mapping[str, Any]) -> Quota:
        found = self.array.find(QUOTAS, share["id"])
        if found is None:
            raise errors.VastShareNotFound(name=share["id"], share_id=share["id"])
        return found

    def _tenant_id(self) -> int | None:
        """Of the pool, where there is one that says it: a share is deleted without a pool too."""
        pool = self.array.find(POOLS, self._option("vast_vippool_name"))
        return pool.tenant_id if pool else None

    def update_share_usage_size(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> list[dict[str, Any]]:
        """Used GiB, as the quotas count them."""
        quotas = self.array.all(QUOTAS)
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()
        return [
            {
                "id": share["id"],
                "used_size": round((quotas[share["id"]].used_effective_capacity or 0) / GIB, 3),
                "gathered_at": now,
            }
            for share in shares
            if share["id"] in quotas
        ]


def need_nfs(share: Mapping[str, Any]) -> None:
    if str(share["share_proto"]).upper() != "NFS":
        raise errors.InvalidShare(
            reason=f"protocol {share['share_proto']!r:.40} is not served here; possible: NFS"
        )
