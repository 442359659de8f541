"""Access rules of shares and of mountable snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.drivers import rules
from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import AccessRule, Share, ShareServer
from abaca.drivers.local.shares import Shares, export_name
from abaca.drivers.local.snapshots import snapshot_export_name


class Access(Shares):
    """The complete wanted set is put in force every time, in one step of the server."""

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
        name = export_name(share["id"])
        exporter = self.exporter(share["share_proto"])
        if not self._path(share).exists():
            if not access_rules:  # whatever serves it still
                exporter.withdraw(name)
                exporter.withdraw(snapshot_export_name(share["id"]))
            raise errors.ShareResourceNotFound(share_id=share["id"])
        read_only = bool(share.get("cast_rules_to_readonly"))
        types, project = exporter.rule_types, share.get("project_id")
        wanted = rules.read(access_rules, types, read_only, project=project)
        if not exporter.has(name):
            self._export(share)
        additions = exporter.allow(name, wanted)
        states: dict[str, dict[str, Any]] = dict(wanted.states(access_rules))
        for key, addition in additions.items():
            states[key] = {**states.get(key, {}), **addition}
        return states
