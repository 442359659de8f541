"""Options that are known and checked, but that nothing reads yet: what they are for does not exist.

A test compares this with the code, so a row leaves with the first line that reads its option.
"""

from __future__ import annotations

SECTIONS = frozenset(("nova", "cinder", "neutron", "glance", "barbican", "cors", "healthcheck"))
_NAMES = """
    default_share_group_type scheduler_default_share_group_filters share_name_template
    share_snapshot_name_template share_backup_name_template transfer_retention_time
    share_transfer_salt_length share_transfer_key_length check_for_expired_transfers
    driver_updatable_subnet_metadata update_shares_status_on_ensure use_forwarded_for
    secure_proxy_ssl_header ca_file default_log_levels scheduler_max_attempts max_gigabytes
    scheduler_topic share_topic data_topic migration_wait_access_rules_timeout
    migration_create_delete_share_timeout migration_driver_continue_update_interval
    server_migration_driver_continue_update_interval server_migration_extend_neutron_network
    mount_tmp_location backup_mount_tmp_location check_hash
    data_access_wait_access_rules_timeout data_node_access_ips data_node_access_cert
    data_node_access_admin_user data_node_mount_options
    data_manager_backup_supported_share_protocols backup_driver backup_share_mount_template
    backup_share_unmount_template backup_ignore_files backup_protocol_access_mapping
    backup_continue_update_interval restore_continue_update_interval backup_mount_template
    backup_unmount_template backup_mount_export backup_mount_proto backup_mount_options
    driver_backup_continue_update_interval driver_restore_continue_update_interval
    hook_drivers enable_pre_hooks enable_post_hooks enable_periodic_hooks
    suppress_pre_hooks_errors suppress_post_hooks_errors periodic_hooks_interval
    delete_share_server_with_last_share automatic_share_server_cleanup
    unused_share_server_cleanup_interval replica_state_update_interval
    periodic_deferred_delete_interval network_api_class network_plugin_ipv4_enabled
    network_plugin_ipv6_enabled neutron_physical_net_name neutron_net_id neutron_subnet_id
    neutron_vnic_type neutron_host_id ovs_integration_bridge
    standalone_network_plugin_gateway standalone_network_plugin_mask
    standalone_network_plugin_network_type standalone_network_plugin_segmentation_id
    standalone_network_plugin_allowed_ip_ranges standalone_network_plugin_mtu
"""
NAMES = frozenset(_NAMES.split())


def is_later(section: str, name: str) -> bool:
    """Whether the option, of [DEFAULT], a backend or a section of its own, has no effect yet."""
    return section in SECTIONS or name in NAMES
