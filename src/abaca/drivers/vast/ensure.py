"""All shares at once, at start: what is missing is made again, in a bounded number of requests.

Healthy shares are known from three lists; only what differs costs requests of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share
from abaca.drivers.vast import names
from abaca.drivers.vast.array import (
    POLICIES,
    QUOTAS,
    VIEWS,
    Array,
    Policy,
    Pool,
    Quota,
    View,
    plain,
)
from abaca.drivers.vast.base import DIRECTORY, GIB
from abaca.drivers.vast.exports import is_behind
from abaca.drivers.vast.shares import Shares

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class There:
    """What the array has of shares, by name."""

    policies: Mapping[str, Policy]
    quotas: Mapping[str, Quota]
    views: Mapping[str, View]
    unread: Mapping[str, str]  # why a part of a share cannot be read

    @classmethod
    def on(cls, array: Array) -> There:
        (policies, bad), (quotas, worse), (views, worst) = (
            array.survey(POLICIES),
            array.survey(QUOTAS),
            array.survey(VIEWS),
        )
        return cls(policies, quotas, views, {**bad, **worse, **worst})

    def is_complete(self, share_id: str, directory: str, limit: int) -> bool:
        """Whether nothing of a share has to be made or changed."""
        policy, view = self.policies.get(share_id), self.views.get(share_id)
        quota = self.quotas.get(share_id)
        if policy is None or view is None or quota is None:
            return False
        return (
            plain(view.path) == plain(quota.path) == directory
            and is_behind(view, policy)
            and quota.hard_limit == limit
        )

    def is_closed(self, share_id: str) -> bool:
        """Whether its policy lets nobody in: there are no rules, or they were lost with an earlier
        policy by a run that ended before they were applied again."""
        policy = self.policies.get(share_id)
        return policy is None or not (policy.nfs_read_write or policy.nfs_read_only)


class Ensure(Shares):
    """One bad share does not keep the others from being looked after."""

    def ensure_shares(
        self, context: AnyContext, shares: Sequence[Share]
    ) -> dict[str, dict[str, Any]]:
        """Policy, quota and view as they shall be.  A share whose data is gone is in error; one
        that the array refuses to repair is as it was, and is looked after the next time."""
        pool, there = self._pool(), There.on(self.array)
        owned = self._storage.find(DIRECTORY)
        updates: dict[str, dict[str, Any]] = {}
        for share in shares:
            try:
                updates[share["id"]] = self._ensure(share, pool, there, owned.get(share["id"]))
            except errors.VastShareNotFound as error:
                log.error("%s", error)
                updates[share["id"]] = {"status": "error"}
            except (errors.VastApiException, errors.VastDriverException) as error:
                log.error("share %s cannot be repaired: %s", share["id"], error)
        return updates

    def _ensure(self, share: Share, pool: Pool, there: There, owned: str | None) -> dict[str, Any]:
        """What is missing is made around data that is there; never an empty share in its place."""
        limit = int(share["size"]) * GIB
        directory = owned or names.share_directory(self.root, share["id"])
        complete = there.is_complete(share["id"], directory, limit)
        if not complete and not self.array.has_directory(directory, pool.tenant_id):
            raise errors.VastShareNotFound(name=share["id"], share_id=share["id"])
        if not owned:
            self._own(share["id"], directory)
        if not complete:
            self._provide(share["id"], directory, limit, new=False, resize=True)
        locations = names.locations(pool, directory)
        reapply = not complete or there.is_closed(share["id"])
        return {"export_locations": locations, "reapply_access_rules": reapply}
