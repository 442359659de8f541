"""Options every driver has in its section, with the names and defaults of manila.conf."""

from __future__ import annotations

from typing import Final

from oslo_config import cfg, types

SHARE_OPTS: Final = [
    cfg.BoolOpt(
        "driver_handles_share_servers",
        help="Whether the driver makes a server per share network. There is no default: set it.",
    ),
    cfg.StrOpt("share_backend_name", help="The name share types select the backend by."),
    cfg.StrOpt("network_config_group", help="Section with the network plugin's options."),
    cfg.StrOpt("admin_network_config_group", help="Section of the plugin for admin networks."),
    cfg.StrOpt("replication_domain", help="Backends with the same text can replicate."),
    cfg.StrOpt("backend_availability_zone", help="The zone of this backend."),
    cfg.StrOpt("filter_function", help="Expression that decides whether the backend is fit."),
    cfg.StrOpt("goodness_function", help="Expression 0-100: how good a fit the backend is."),
    cfg.IntOpt("num_shell_tries", default=3, help="How often a failed command is tried."),
    cfg.IntOpt("reserved_share_percentage", default=0, help="Capacity kept free, percent."),
    cfg.IntOpt(
        "reserved_share_from_snapshot_percentage",
        default=0,
        help="Capacity kept free when creating from a snapshot, percent; 0: as for shares.",
    ),
    cfg.IntOpt(
        "reserved_share_extend_percentage",
        default=0,
        help="Capacity kept free when extending, percent; 0: as for shares.",
    ),
    cfg.FloatOpt("max_over_subscription_ratio", default=20.0, min=1.0, help="Thin provisioning."),
    cfg.ListOpt("migration_ignore_files", default=["lost+found"], help="Not copied by moves."),
    cfg.StrOpt(
        "share_mount_template",
        default="mount -vt %(proto)s %(options)s %(export)s %(path)s",
        help="Command that mounts a share for copying.",
    ),
    cfg.StrOpt(
        "share_unmount_template", default="umount -v %(path)s", help="Command that unmounts it."
    ),
    cfg.Opt(
        "protocol_access_mapping",
        type=types.Dict(types.List(types.String(), bounds=True)),
        default={"ip": ["nfs"], "user": ["cifs"]},
        help="Which access type is used to mount which protocols.",
    ),
    cfg.IntOpt("max_shares_per_share_server", default=-1, help="-1: no limit."),
    cfg.IntOpt("max_share_server_size", default=-1, help="GiB; -1: no limit."),
]

SSH_OPTS: Final = [
    cfg.IntOpt("ssh_conn_timeout", default=60, help="Seconds until a connection attempt fails."),
    cfg.IntOpt("ssh_min_pool_conn", default=1, help="Connections kept open."),
    cfg.IntOpt("ssh_max_pool_conn", default=10, help="Connections at most."),
]

_UNUSED: Final = {
    "deprecated_for_removal": True,
    "deprecated_reason": "exports and their ids are kept in ganesha_export_dir",
}

GANESHA_OPTS: Final = [
    cfg.StrOpt("ganesha_config_dir", default="/etc/ganesha", help="Where Ganesha looks."),
    cfg.StrOpt(
        "ganesha_config_path", default="$ganesha_config_dir/ganesha.conf", help="Its main file."
    ),
    cfg.StrOpt("ganesha_service_name", default="ganesha.nfsd", help="Named in messages."),
    cfg.StrOpt("ganesha_db_path", default="$state_path/manila-ganesha.db", **_UNUSED),
    cfg.StrOpt(
        "ganesha_export_dir", default="$ganesha_config_dir/export.d", help="One file per export."
    ),
    cfg.StrOpt(
        "ganesha_export_template_dir",
        default="/etc/manila/ganesha-export-templ.d",
        help="Templates of exports, *.conf or *.json: options that every export has.",
    ),
    cfg.BoolOpt("ganesha_rados_store_enable", default=False, **_UNUSED),
    cfg.StrOpt("ganesha_rados_store_pool_name", **_UNUSED),
    cfg.StrOpt("ganesha_rados_export_counter", default="ganesha-export-counter", **_UNUSED),
    cfg.StrOpt("ganesha_rados_export_index", default="ganesha-export-index", **_UNUSED),
]
