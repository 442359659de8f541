"""[DEFAULT]: who we are, what the API offers, how long things are kept."""

from __future__ import annotations

from .options import Mark, flag, host, integer, many, port, seconds, text, words

PROTOCOLS = ("NFS", "CIFS", "GLUSTERFS", "HDFS", "CEPHFS", "MAPRFS", "LUSTRE", "WEKAFS")
STATE_PATH = "/var/lib/abaca"

SERVICE = (
    text("state_path", STATE_PATH, "directory of all state; ABACA_STATE_DIR overrides it"),
    host("my_ip", None, "address of this machine (default: its first IPv4 address)"),
    host("host", None, "name of this service node (default: the host name)"),
    text("storage_availability_zone", "nova", "availability zone of this node's backends"),
    words("enabled_share_backends", None, "sections that describe the backends to run"),
    words("enabled_share_protocols", ("NFS", "CIFS"), "protocols users may ask for"),
    text(
        "auth_strategy",
        None,
        "who checks callers (default: keystone if [keystone_authtoken] is given, else embedded)",
        choices=("embedded", "keystone", "none", "noauth", "noauthv2"),
    ),
    seconds("service_down_time", 60, "seconds of silence after which a service is down", min=1),
    seconds("report_interval", 10, "seconds between two signs of life", min=1),
    seconds("cleanup_interval", 1800, "seconds between two clean-ups of old entries", min=300),
    seconds("periodic_interval", 60, "seconds between two rounds of periodic work"),
    seconds("periodic_fuzzy_delay", 60, "rounds need no random delay", mark=Mark.IGNORED),
    flag("enable_new_services", True, "a new service takes part in scheduling at once"),
    text("scheduler_topic", "manila-scheduler", "name of the scheduler in service lists"),
    text("share_topic", "manila-share", "name of the share manager in service lists"),
    text("data_topic", "manila-data", "name of the data service in service lists"),
)

API = (
    host("osapi_share_listen", "127.0.0.1", "address the API listens on"),
    port("osapi_share_listen_port", 8786, "port the API listens on"),
    integer("osapi_share_workers", 1, "API processes", min=1),
    flag("osapi_share_use_ssl", False, "serve the API over TLS, see [ssl]"),
    integer("osapi_max_limit", 1000, "most items in one page of a list", min=1),
    text("osapi_share_base_URL", None, "URL to put in links instead of the one asked for"),
    flag("use_forwarded_for", False, "trust X-Forwarded-For for the caller's address"),
    text("project_id_regex", r"[0-9a-f\-]+", "what a project id in a URL looks like"),
    flag("tcp_keepalive", True, "keep idle API connections alive", mark=Mark.IGNORED),
    flag("api_rate_limit", True, "rate limits are left to a proxy", mark=Mark.IGNORED),
    words("osapi_share_ext_list", (), "API extensions are built in", mark=Mark.IGNORED),
    many("osapi_share_extension", None, "API extensions are built in", mark=Mark.IGNORED),
    flag("fatal_exception_format_errors", False, "a developer's switch", mark=Mark.IGNORED),
    text(
        "response_validation",
        "warn",
        "answers are checked by abaca's own tests",
        choices=("error", "warn", "ignore"),
        mark=Mark.IGNORED,
    ),
)

SHARES = (
    text("default_share_type", None, "type of a share created without one"),
    text("default_share_group_type", None, "type of a share group created without one"),
    text("share_name_template", "share-%s", "name on the backend, from the share instance id"),
    text("share_snapshot_name_template", "share-snapshot-%s", "name of a snapshot on the backend"),
    text("share_backup_name_template", "share-backup-%s", "name of a backup on the backend"),
    seconds("soft_deleted_share_retention_time", 604800, "seconds in the recycle bin"),
    seconds("transfer_retention_time", 300, "seconds until an unaccepted transfer expires"),
    integer("share_transfer_salt_length", 8, "length of a transfer's salt", min=8, max=255),
    integer("share_transfer_key_length", 16, "length of a transfer's key", min=16, max=255),
    words(
        "admin_only_metadata",
        ("__affinity_same_host", "__affinity_different_host", "__managed_at"),
        "metadata keys that only administrators may change",
    ),
    words("admin_only_el_metadata", ("preferred",), "same, of export locations"),
    words("driver_updatable_metadata", (), "metadata keys handed on to drivers"),
    words("driver_updatable_subnet_metadata", (), "same, of share network subnets"),
    flag("update_shares_status_on_ensure", True, "show shares as ensuring meanwhile"),
    flag("is_deferred_deletion_enabled", False, "free the quota before the data is gone"),
    flag(
        "use_scheduler_creating_share_from_snapshot",
        False,
        "a share from a snapshot may be placed on another backend",
    ),
    text("default_mount_point_prefix", "{project_id}_", "prefix of mount point names"),
    seconds("message_ttl", 2592000, "seconds a user message is kept"),
    seconds(
        "message_reap_interval", 86400, "old messages go every cleanup_interval", mark=Mark.IGNORED
    ),
    seconds("migration_wait_access_rules_timeout", 180, "longest wait for rules in a migration"),
    seconds(
        "migration_create_delete_share_timeout", 300, "longest wait for a share in a migration"
    ),
)

CORE = SERVICE + API + SHARES
