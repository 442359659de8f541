"""The GlusterFS driver and the Ganesha helper it shares."""

from __future__ import annotations

from ..options import flag, host, secret, text, words

GLUSTERFS = (
    text("glusterfs_target", None, "[user@]host:/volume"),
    text("glusterfs_mount_point_base", "$state_path/mnt", "where volumes are mounted"),
    text(
        "glusterfs_nfs_server_type",
        "Gluster",
        "NFS server in front",
        choices=("Gluster", "Ganesha"),
    ),
    text(
        "glusterfs_share_layout",
        None,
        "a directory or a volume per share",
        choices=(
            "layout_directory.GlusterfsDirectoryMappedLayout",
            "layout_volume.GlusterfsVolumeMappedLayout",
        ),
    ),
    secret("glusterfs_server_password", None, "SSH password of the Gluster node"),
    text("glusterfs_path_to_private_key", None, "SSH key for the Gluster node"),
    host("glusterfs_ganesha_server_ip", None, "Ganesha's node, if not this one"),
    text("glusterfs_ganesha_server_username", "root", "SSH login there"),
    secret("glusterfs_ganesha_server_password", None, "password of that login"),
    words("glusterfs_servers", (), "[user@]host of each cluster, volume layout"),
    text("glusterfs_volume_pattern", None, "names of volumes, #{size} is their GiB"),
)

GANESHA = (
    text("ganesha_config_dir", "/etc/ganesha", "directory of its configuration"),
    text("ganesha_config_path", "$ganesha_config_dir/ganesha.conf", "its configuration"),
    text("ganesha_service_name", "ganesha.nfsd", "service to restart"),
    text("ganesha_db_path", "$state_path/manila-ganesha.db", "counter of export ids"),
    text("ganesha_export_dir", "$ganesha_config_dir/export.d", "one file per export"),
    text("ganesha_export_template_dir", "/etc/manila/ganesha-export-templ.d", "own templates"),
    flag("ganesha_rados_store_enable", False, "keep exports in RADOS"),
    text("ganesha_rados_store_pool_name", None, "pool of those objects"),
    text("ganesha_rados_export_counter", "ganesha-export-counter", "object of the counter"),
    text("ganesha_rados_export_index", "ganesha-export-index", "object of the index"),
)
