"""Access rules: who may reach a share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import AccessRule, Share, ShareServer


class AccessMethods:
    """`update_access` is the method to implement; allow and deny are its predecessors."""

    def update_access(
        self,
        context: AnyContext,
        share: Share,
        access_rules: Sequence[AccessRule],
        add_rules: Sequence[AccessRule],
        delete_rules: Sequence[AccessRule],
        update_rules: Sequence[AccessRule],
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Make the rules in force equal `access_rules`, the complete wanted set.

        add and update are parts of it, delete is disjoint from it.  All three empty: make the
        backend equal `access_rules`, whatever it has now (recovery).  A rule to add that exists is
        accepted, a rule to delete that does not exist is passed over.  Returns None or
        {access_id: {access_key?, state?: active | error, reason?}}: a rule the backend cannot
        honour gets state error, and its owner is told the reason.  An exception puts every rule of
        the batch in error.
        """
        raise NotImplementedError

    def allow_access(
        self,
        context: AnyContext,
        share: Share,
        access: AccessRule,
        share_server: ShareServer | None = None,
    ) -> Any:
        """Older form: add one rule; tolerates repeats.  May return an access key."""
        raise NotImplementedError

    def deny_access(
        self,
        context: AnyContext,
        share: Share,
        access: AccessRule,
        share_server: ShareServer | None = None,
    ) -> Any:
        """Older form: remove one rule; absent is success."""
        raise NotImplementedError
