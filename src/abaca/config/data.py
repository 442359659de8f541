"""[DEFAULT]: copying data: host-assisted migration and backups."""

from __future__ import annotations

from .options import Mark, flag, lists, pairs, seconds, text, words

_MOUNT = "mount -vt %(proto)s %(options)s %(export)s %(path)s"
_UNMOUNT = "umount -v %(path)s"

DATA = (
    text("mount_tmp_location", "/tmp/", "directory under which shares are mounted to copy"),
    text("backup_mount_tmp_location", "/tmp/", "directory under which backups are mounted"),
    flag("check_hash", False, "compare checksums after a copy"),
    seconds("data_access_wait_access_rules_timeout", 180, "longest wait for access to a share"),
    words("data_node_access_ips", (), "addresses of this node on the storage network"),
    text("data_node_access_cert", None, "certificate name of this node for cert access"),
    text("data_node_access_admin_user", None, "user name of this node for user access"),
    pairs("data_node_mount_options", {}, "mount options per protocol"),
    words("data_manager_backup_supported_share_protocols", ("NFS",), "protocols of backups"),
    text(
        "backup_driver",
        "manila.data.drivers.nfs.NFSBackupDriver",
        "where backups go; the NFS driver is translated",
        mark=Mark.MAPPED,
    ),
    text("backup_share_mount_template", _MOUNT, "command that mounts the share"),
    text("backup_share_unmount_template", _UNMOUNT, "command that unmounts the share"),
    words("backup_ignore_files", ("lost+found",), "names not copied"),
    lists("backup_protocol_access_mapping", {"ip": ["nfs"]}, "access types per protocol"),
    seconds("backup_continue_update_interval", 10, "seconds between looks at a backup"),
    seconds("restore_continue_update_interval", 10, "seconds between looks at a restore"),
    text("backup_mount_template", _MOUNT, "command that mounts the backup store"),
    text("backup_unmount_template", _UNMOUNT, "command that unmounts the backup store"),
    text("backup_mount_export", None, "export location of the backup store"),
    text("backup_mount_proto", "nfs", "protocol of the backup store"),
    text("backup_mount_options", "", "mount options of the backup store"),
)
