"""Backups made by the driver.  Start and return; the `continue` methods are polled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.records import Backup, Share, ShareServer


class BackupMethods:
    """Progress is text, "0" to "100"; "100" is the end."""

    def create_backup(
        self,
        context: AnyContext,
        share_instance: Share,
        backup: Backup,
        share_server: ShareServer | None = None,
    ) -> None:
        """Begin."""
        raise NotImplementedError

    def create_backup_continue(
        self,
        context: AnyContext,
        share_instance: Share,
        backup: Backup,
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Any]:
        """{total_progress: "0".."100"}."""
        raise NotImplementedError

    def delete_backup(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        """Absent is success."""
        raise NotImplementedError

    def restore_backup(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        """Begin; to another share only with attribute `restore_to_target_support`."""
        raise NotImplementedError

    def restore_backup_continue(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> Mapping[str, Any]:
        """{total_progress: "0".."100"}."""
        raise NotImplementedError
