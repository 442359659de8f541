"""Access rules: the lists of the share's view policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers import rules
from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import AccessRule, Share, ShareServer
from abaca.drivers.vast.array import POLICIES
from abaca.drivers.vast.exports import Exports
from abaca.drivers.vast.policy import policy_payload


class Access(Exports):
    """The complete wanted set is written in one request, and read back."""

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
        wanted = rules.read(access_rules, ["ip"], bool(share.get("cast_rules_to_readonly")))
        policy = self.array.find(POLICIES, share["id"])
        if policy is None:
            raise errors.VastShareNotFound(name=share["id"], share_id=share["id"])
        squash = bool(self._option("vast_root_squash"))
        self._set_policy(policy, policy_payload(wanted.clients, squash))
        return wanted.states(access_rules)
