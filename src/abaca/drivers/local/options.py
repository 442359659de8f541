"""Options of the local driver, in the section of its backend."""

from __future__ import annotations

import os
from typing import Final

from oslo_config import cfg

DEFAULT_STATE = "/var/lib/abaca"

LOCAL_OPTS: Final = [
    cfg.StrOpt(
        "local_state_path",
        help="Directory for pools and exports of all local backends, each in a sub-directory of "
        "its name. Default: state_path.",
    ),
    cfg.StrOpt(
        "local_pool_path",
        help="A file: the pool is this sparse image, made if absent. A directory: it is on an "
        "existing btrfs file system and used as it is. Default: pool.img in the backend's state.",
    ),
    cfg.IntOpt(
        "local_pool_size_gb",
        default=100,
        help="GiB; the size of a pool image that is made. It takes disk space as it fills.",
    ),
    cfg.StrOpt(
        "local_quota_mode",
        default="auto",
        choices=["auto", "simple", "full"],
        help="Kind of btrfs quotas of a pool that has none yet; one that has keeps its kind. "
        "full (and auto): a share is charged for what is in it, and snapshots for themselves. "
        "simple: cheaper with many snapshots, but a share stays charged for data that its "
        "snapshots hold, and a clone for the data that it began with.",
    ),
    cfg.ListOpt(
        "local_export_ips",
        default=[],
        help="Addresses (v4, v6) that clients reach this host at, the preferred one first. "
        "Default: my_ip, else 127.0.0.1.",
    ),
    cfg.ListOpt(
        "local_protocols", default=["NFS", "CIFS"], help="Which protocols to serve: NFS, CIFS."
    ),
    cfg.PortOpt(
        "local_nfs_port",
        default=2049,
        help="NFS port of the first Ganesha; the next ones use the ports above. Give each local "
        "backend a range of its own.",
    ),
    cfg.PortOpt(
        "local_mount_port",
        default=20048,
        help="Port of the NFSv3 MOUNT protocol; counted like local_nfs_port.",
    ),
    cfg.IntOpt(
        "local_exports_per_ganesha",
        default=500,
        min=1,
        max=10000,
        help="After so many exports another Ganesha is started; 1000 take 9 s to restart.",
    ),
    cfg.StrOpt(
        "local_isolation",
        default="project",
        choices=["project", "none"],
        help="project: each project has Ganeshas of its own, which see no other project's shares; "
        "one takes about 3.5 MiB of memory and a port. none: projects share them.",
    ),
    cfg.StrOpt(
        "local_nfs_squash",
        default="No_Root_Squash",
        choices=["No_Root_Squash", "Root_Squash", "All_Squash"],
        help="What clients' users become.",
    ),
    cfg.IntOpt("local_nfs_grace_period", default=10, min=1, max=180, help="Seconds."),
    # Ganesha looks every half lease, in whole seconds, whether the grace period is over; with a
    # lease of one second it never looks again, and one client that stays away keeps all others out.
    cfg.IntOpt("local_nfs_lease", default=10, min=2, max=120, help="Seconds."),
    cfg.BoolOpt(
        "local_firewall",
        default=True,
        help="Refuse connections to the NFS and SMB ports from addresses that no rule names, and "
        "limit those of each client, by a table of nftables. Without it every address can connect.",
    ),
    cfg.IntOpt(
        "local_connections_per_client",
        default=64,
        min=1,
        max=10000,
        help="Connections of one address to one NFS or SMB server; clients behind one NAT are one "
        "address. An IPv6 /64 may have 16 times as many.",
    ),
    cfg.IntOpt(
        "local_nfs_connections",
        default=4096,
        min=16,
        max=9000,  # Ganesha takes 10000
        help="Connections of all clients to one Ganesha.",
    ),
    cfg.IntOpt(
        "local_smb_connections",
        default=512,
        min=16,
        max=100000,
        help="Connections of all clients to Samba, which has a process for each.",
    ),
    cfg.PortOpt("local_smb_port", default=445, help="TCP port of Samba."),
    cfg.BoolOpt(
        "local_smb_create_users",
        default=False,
        help="A rule of a project for the user ann makes the Samba user ann.3f2a91c0 (the first 8 "
        "characters of the project's id), whose password is the rule's access key. Otherwise rules "
        "name users that the administrator made with pdbedit.",
    ),
]


def default_state_path() -> str:
    """Where abaca keeps its state on this machine."""
    return os.environ.get("ABACA_STATE_DIR") or DEFAULT_STATE
