"""How a share of this backend is mounted for copying."""

from __future__ import annotations

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Share, ShareServer
from abaca.drivers.local.base import LocalBase
from abaca.drivers.local.shares import export_name


class Mounting(LocalBase):
    """The mount command names the port: only the first server has the standard one."""

    def _get_mount_command(
        self, context: AnyContext, share: Share, share_server: ShareServer | None = None
    ) -> str:
        command = super()._get_mount_command(context, share, share_server)
        options = self.exporter(share["share_proto"]).mount_options(export_name(share["id"]))
        return command.replace("%(options)s", f"-o {options} %(options)s") if options else command
