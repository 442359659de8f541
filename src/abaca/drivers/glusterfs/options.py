"""Options of the GlusterFS drivers, with the names and defaults of manila.conf."""

from __future__ import annotations

from typing import Final

from oslo_config import cfg

DIRECTORY = "layout_directory.GlusterfsDirectoryMappedLayout"
VOLUME = "layout_volume.GlusterfsVolumeMappedLayout"

GLUSTERFS_OPTS: Final = [
    cfg.StrOpt(
        "glusterfs_target",
        help="[user@]host:/volume, whose top-level directories are the shares. With a user, "
        "gluster commands run on that host over SSH; without one, on this host.",
    ),
    cfg.StrOpt(
        "glusterfs_mount_point_base",
        default="$state_path/mnt",
        help="The volume is mounted in a directory of its name below this one.",
    ),
    cfg.StrOpt(
        "glusterfs_nfs_server_type",
        default="Gluster",
        choices=["Gluster", "Ganesha"],
        help="The NFS server in front: Gluster-NFS (v3, not in today's packages) or NFS-Ganesha.",
    ),
    cfg.StrOpt(
        "glusterfs_share_layout",
        choices=[DIRECTORY, VOLUME],
        help="What a share is: a directory of one volume (the default), or a volume.",
    ),
    cfg.StrOpt(
        "glusterfs_server_password", secret=True, help="SSH password of the GlusterFS nodes."
    ),
    cfg.StrOpt(
        "glusterfs_path_to_private_key",
        help="SSH key for the GlusterFS nodes. Without key and password: this account's keys.",
    ),
    cfg.StrOpt(
        "glusterfs_ganesha_server_ip",
        help="The node NFS-Ganesha runs on, reached over SSH. Default: this host.",
    ),
    cfg.StrOpt("glusterfs_ganesha_server_username", default="root", help="SSH login on that node."),
    cfg.StrOpt(
        "glusterfs_ganesha_server_password",
        secret=True,
        help="Its password. Default: glusterfs_path_to_private_key, or this account's keys.",
    ),
    cfg.BoolOpt(
        "glusterfs_ganesha_nfsv3",
        default=False,
        help="Export over NFSv3, too. Only for a Ganesha that checks the names in NFSv3 requests: "
        "with any other, a client of one share can reach the files of all shares of the volume. "
        "No release is known to check them.",
    ),
    cfg.ListOpt(
        "glusterfs_servers",
        default=[],
        help="Volume layout: [user@]host of each GlusterFS cluster whose volumes are used.",
    ),
    cfg.StrOpt(
        "glusterfs_volume_pattern",
        help="Volume layout: regular expression for the names of the volumes to use; #{size} in "
        "it stands for digits, the volume's size in GiB.",
    ),
]
