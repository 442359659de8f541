"""[DEFAULT]: logs (mapped to structlog) and the options of libraries abaca does without."""

from __future__ import annotations

from .options import Mark, Option, flag, ignored, pairs, secret, text, words

LOGS: tuple[Option, ...] = (
    flag("debug", False, "log more", mark=Mark.MAPPED),
    text("log_file", None, "log to this file", mark=Mark.MAPPED, old=(("DEFAULT", "logfile"),)),
    text("log_dir", None, "directory of log_file", mark=Mark.MAPPED, old=(("DEFAULT", "logdir"),)),
    flag("use_json", False, "log as JSON", mark=Mark.MAPPED),
    flag("use_stderr", False, "also log to standard error", mark=Mark.MAPPED),
    words("default_log_levels", None, "levels of single loggers, name=LEVEL", mark=Mark.MAPPED),
    *ignored(
        "log_config_append log_date_format log_rotate_interval log_rotate_interval_type"
        " log_rotation_type log_options max_logfile_count max_logfile_size_mb watch_log_file"
        " use_syslog use_journal use_eventlog syslog_log_facility log_color publish_errors"
        " logging_context_format_string logging_default_format_string logging_debug_format_suffix"
        " logging_exception_prefix logging_user_identity_format instance_format"
        " instance_uuid_format rate_limit_interval rate_limit_burst rate_limit_except_level"
        " fatal_deprecations verbose",
        "abaca logs structured events to standard error or log_file",
    ),
)

MESSAGING: tuple[Option, ...] = (
    secret("transport_url", None, "abaca needs no message broker", mark=Mark.IGNORED),
    *ignored(
        "rpc_backend rpc_response_timeout rpc_ping_enabled rpc_conn_pool_size"
        " rpc_poll_timeout rpc_cast_timeout rpc_thread_pool_size control_exchange"
        " executor_thread_pool_size conn_pool_min_size conn_pool_ttl"
        " default_notification_level default_publisher_id notification_driver"
        " notification_topics rabbit_host rabbit_port rabbit_userid rabbit_virtual_host"
        " rabbit_hosts",
        "abaca needs no message broker",
    ),
    secret("rabbit_password", None, "abaca needs no message broker", mark=Mark.IGNORED),
)

REPLACED: tuple[Option, ...] = (
    text("api_paste_config", "api-paste.ini", "abaca has no pipeline", mark=Mark.IGNORED),
    *ignored(
        "scheduler_manager share_manager data_manager share_api_class db_driver db_backend"
        " scheduler_host_manager scheduler_json_config_location network_manager"
        " compute_api_class volume_api_class image_api_class",
        "the class is abaca's own",
    ),
    *ignored("rootwrap_config monkey_patch monkey_patch_modules", "abaca does without"),
    *ignored(
        "tcp_keepalive_interval tcp_keepalive_count tcp_keepidle max_header_line wsgi_log_format"
        " wsgi_default_pool_size wsgi_keep_alive wsgi_server_debug client_socket_timeout"
        " graceful_shutdown_timeout run_external_periodic_tasks backdoor_port backdoor_socket"
        " use_ipv6 pybasedir bindir fake_rabbit osapi_access_key_secret",
        "belongs to the web server and service runner abaca replaces",
    ),
    pairs("aiq_filters", None, "belongs to a vendor's weigher", mark=Mark.IGNORED),
)
