"""Options of every backend: in its own section, or in [DEFAULT] when it is the only one.

A backend that leaves an option out gets the option's own default, not the value in [DEFAULT],
except where `inherit` says so: the whole service reads those.
"""

from __future__ import annotations

from .options import Mark, Option, flag, integer, lists, percent, real, seconds, text, words

DRIVER = (
    text(
        "share_driver",
        "manila.share.drivers.generic.GenericShareDriver",
        "class of the driver; upstream paths of drivers abaca has are translated",
        mark=Mark.MAPPED,
    ),
    text("share_backend_name", None, "name share types may ask for", inherit=True),
    flag("driver_handles_share_servers", None, "the driver makes a share server per network"),
    text("replication_domain", None, "backends with the same domain replicate to each other"),
    text("backend_availability_zone", None, "zone of this backend, if not the node's"),
    text("filter_function", None, "expression a pool must satisfy", inherit=True),
    text("goodness_function", None, "expression that rates a pool, 0 to 100", inherit=True),
    percent("reserved_share_percentage", 0, "percent kept free"),
    percent("reserved_share_from_snapshot_percentage", 0, "same, for shares from a snapshot"),
    percent("reserved_share_extend_percentage", 0, "same, for growing shares"),
    real("max_over_subscription_ratio", 20.0, "promised to real capacity, thin pools", min=1.0),
    integer("max_shares_per_share_server", -1, "shares on one share server, -1 no limit", min=-1),
    integer("max_share_server_size", -1, "GiB on one share server, -1 no limit", min=-1),
    text("network_config_group", None, "section of the share servers' network"),
    text("admin_network_config_group", None, "section of the administration network"),
    lists(
        "protocol_access_mapping",
        {"ip": ["nfs"], "user": ["cifs"]},
        "access types a protocol takes while data is copied",
    ),
    text(
        "share_mount_template",
        "mount -vt %(proto)s %(options)s %(export)s %(path)s",
        "command that mounts a share to copy it",
    ),
    text("share_unmount_template", "umount -v %(path)s", "command that unmounts it"),
    words("migration_ignore_files", ("lost+found",), "names not copied", inherit=True),
    integer("num_shell_tries", 3, "tries of a shell command", min=1),
    seconds("ssh_conn_timeout", 60, "seconds to reach an SSH server"),
    integer("ssh_min_pool_conn", 1, "SSH connections kept", min=1),
    integer("ssh_max_pool_conn", 10, "SSH connections at most", min=1),
    flag("snapshot_support", None, "the driver says itself what it supports", mark=Mark.IGNORED),
    text("drivers_private_storage_class", None, "kept in abaca's database", mark=Mark.IGNORED),
)

HOOKS = (
    words("hook_drivers", (), "classes called around driver work", inherit=True),
    flag("enable_pre_hooks", False, "call hooks before", inherit=True),
    flag("enable_post_hooks", False, "call hooks after", inherit=True),
    flag("enable_periodic_hooks", False, "call hooks periodically", inherit=True),
    flag("suppress_pre_hooks_errors", False, "go on when a hook before fails", inherit=True),
    flag("suppress_post_hooks_errors", False, "go on when a hook after fails", inherit=True),
    real("periodic_hooks_interval", 300.0, "seconds between periodic hooks", min=0, inherit=True),
)


def _every(name: str, default: int, help: str) -> Option:
    return seconds(name, default, f"seconds between {help}", inherit=True)


UPKEEP = (
    flag(
        "delete_share_server_with_last_share",
        False,
        "remove a share server with its last share",
        inherit=True,
    ),
    flag("automatic_share_server_cleanup", True, "remove unused share servers", inherit=True),
    integer(
        "unused_share_server_cleanup_interval",
        10,
        "minutes a share server may be unused",
        min=10,
        max=720,
        inherit=True,
    ),
    flag("unmanage_remove_access_rules", False, "take access away when unmanaging"),
    _every("replica_state_update_interval", 300, "looks at replicas"),
    _every("migration_driver_continue_update_interval", 60, "steps of a driver's migration"),
    _every("server_migration_driver_continue_update_interval", 900, "steps of a server migration"),
    flag(
        "server_migration_extend_neutron_network",
        False,
        "bind ports on both hosts while a share server migrates",
        inherit=True,
    ),
    flag("enable_gathering_share_usage_size", False, "measure used sizes", inherit=True),
    _every("share_usage_size_update_interval", 300, "measurements of used sizes"),
    flag(
        "share_service_inithost_offload",
        False,
        "start-up work always runs in the background",
        mark=Mark.MAPPED,
        inherit=True,
    ),
    _every("check_for_expired_shares_in_recycle_bin_interval", 3600, "recycle bin runs"),
    _every("check_for_expired_transfers", 300, "looks for expired transfers"),
    _every("driver_backup_continue_update_interval", 60, "looks at running backups"),
    _every("driver_restore_continue_update_interval", 60, "looks at running restores"),
    _every("periodic_deferred_delete_interval", 300, "deferred deletion runs"),
)

BACKEND = DRIVER + HOOKS + UPKEEP
