"""Backups in the fake array."""

from __future__ import annotations

from typing import Any

from abaca.drivers.contract import AnyContext
from abaca.drivers.contract.errors import BackupException
from abaca.drivers.contract.records import Backup, Share, ShareServer
from abaca.drivers.fake.base import FakeBase
from abaca.drivers.fake.effects import (
    Tx,
    copy_files,
    drop_task,
    effect,
    find_task,
    start_task,
    task_progress,
    the_share,
)


@effect
def create_backup(tx: Tx, backup_id: str, share_id: str, seconds: float) -> None:
    if find_task(tx, "backup", backup_id) is None:
        the_share(tx, share_id)
        start_task(tx, "backup", backup_id, share_id, seconds)
        copy_files(tx, share_id, backup_id)


@effect
def create_backup_continue(tx: Tx, backup_id: str) -> int:
    return task_progress(tx, "backup", backup_id)


@effect
def delete_backup(tx: Tx, backup_id: str) -> None:
    drop_task(tx, "backup", backup_id)
    drop_task(tx, "restore", backup_id)
    tx.execute("DELETE FROM files WHERE owner = ?", (backup_id,))


@effect
def restore_backup(tx: Tx, backup_id: str, share_id: str, seconds: float) -> None:
    if find_task(tx, "backup", backup_id) is None:
        raise BackupException(reason=f"backup {backup_id} is not on the backend")
    the_share(tx, share_id)
    start_task(tx, "restore", backup_id, share_id, seconds)
    copy_files(tx, backup_id, share_id)


@effect
def restore_backup_continue(tx: Tx, backup_id: str) -> int:
    return task_progress(tx, "restore", backup_id)


class FakeBackups(FakeBase):
    """Copies are there at once; their progress takes `fake_copy_seconds`."""

    def create_backup(
        self,
        context: AnyContext,
        share_instance: Share,
        backup: Backup,
        share_server: ShareServer | None = None,
    ) -> None:
        self._call(
            "create_backup",
            backup["id"],
            context,
            backup_id=backup["id"],
            share_id=share_instance["id"],
            seconds=self._copy_seconds,
        )

    def create_backup_continue(
        self,
        context: AnyContext,
        share_instance: Share,
        backup: Backup,
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        return self._progress("create_backup_continue", context, backup)

    def delete_backup(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        self._call("delete_backup", backup["id"], context, backup_id=backup["id"])

    def restore_backup(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> None:
        self._call(
            "restore_backup",
            backup["id"],
            context,
            backup_id=backup["id"],
            share_id=share_instance["id"],
            seconds=self._copy_seconds,
        )

    def restore_backup_continue(
        self,
        context: AnyContext,
        backup: Backup,
        share_instance: Share,
        share_server: ShareServer | None = None,
    ) -> dict[str, Any]:
        return self._progress("restore_backup_continue", context, backup)

    def _progress(self, method: str, context: AnyContext, backup: Backup) -> dict[str, Any]:
        percent = self._call(method, backup["id"], context, backup_id=backup["id"])
        return {"total_progress": str(percent)}
