"""How a share is mounted for copying its data (moves and backups made by the data service)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.lifecycle import LifeCycle
from abaca.drivers.contract.records import Share, ShareServer


class _Later(dict[str, str]):
    """Leaves %(key)s of unknown keys in place, to be filled in later."""

    def __missing__(self, key: str) -> str:
        return f"%({key})s"


class MountMethods(LifeCycle):
    """The pieces may be overridden one by one."""

    def connection_get_info(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> dict[str, Any]:
        """{mount, unmount, access_mapping}.  `mount` still holds %(path)s and %(options)s,
        `unmount` %(path)s; the mapping is {access type: [protocols]}."""
        return {
            "mount": self._get_mount_command(context, share, share_server),
            "unmount": self._get_unmount_command(context, share, share_server),
            "access_mapping": self._get_access_mapping(context, share, share_server),
        }

    def _get_mount_command(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> str:
        template: str = self._option("share_mount_template")
        export = self._get_mount_export(context, share, share_server)
        return template % _Later(proto=share["share_proto"].lower(), export=export)

    def _get_mount_export(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> str:
        path: str = share["export_locations"][0]["path"]
        return path

    def _get_unmount_command(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> str:
        template: str = self._option("share_unmount_template")
        return template % _Later()

    def _get_access_mapping(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> Mapping[str, list[str]]:
        mapping: Mapping[str, list[str]] = self._option("protocol_access_mapping")
        return mapping
