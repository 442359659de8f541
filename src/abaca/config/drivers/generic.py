"""The generic driver: a service VM with a Cinder volume per share."""

from __future__ import annotations

from ..options import flag, helpers, host, integer, seconds, secret, text

_HELPERS = {
    "CIFS": "manila.share.drivers.helpers.CIFSHelperIPAccess",
    "NFS": "manila.share.drivers.helpers.NFSHelper",
}

VOLUMES = (
    text("smb_template_config_path", "$state_path/smb.conf", "unused template"),
    text("volume_name_template", "manila-share-%s", "name of a share's volume"),
    text("volume_snapshot_name_template", "manila-snapshot-%s", "name of a volume snapshot"),
    text("share_mount_path", "/shares", "where volumes are mounted inside the VM"),
    seconds("max_time_to_create_volume", 180, "longest wait for a volume"),
    seconds("max_time_to_extend_volume", 180, "longest wait for a volume to grow"),
    seconds("max_time_to_attach", 120, "longest wait for a volume to attach or detach"),
    text("service_instance_smb_config_path", "$share_mount_path/smb.conf", "smb.conf in the VM"),
    helpers("share_helpers", _HELPERS, "class that exports, per protocol"),
    text("share_volume_fstype", "ext4", "file system of a volume", choices=("ext4", "ext3")),
    text("cinder_volume_type", None, "type of the volumes"),
    flag("set_zero_reserved_blocks", True, "reserve no blocks for root"),
)

INSTANCE = (
    text("service_instance_user", None, "SSH login of the VM; must be set"),
    secret("service_instance_password", None, "password of that login"),
    text("path_to_private_key", None, "SSH key of that login"),
    seconds("max_time_to_build_instance", 300, "longest wait for a VM"),
    flag("limit_ssh_access", False, "SSH only from the service subnet"),
    text("service_instance_name_or_id", None, "the one VM, without share servers"),
    text("service_net_name_or_ip", None, "its management address or network"),
    text("tenant_net_name_or_ip", None, "its export address or network"),
    text("service_image_name", "manila-service-image", "image of service VMs"),
    text("service_instance_name_template", "%s", "name of a service VM"),
    text("manila_service_keypair_name", "manila-service", "key pair in Nova"),
    text("path_to_public_key", "~/.ssh/id_rsa.pub", "key put into that key pair"),
    text("service_instance_security_group", "manila-service", "security group of the VMs"),
    text("service_instance_flavor_id", "100", "flavor of the VMs"),
    text("service_network_name", "manila_service_network", "network of the VMs"),
    host("service_network_host", None, "host of its ports (default: this node)"),
    text("service_network_cidr", "10.254.0.0/16", "addresses of that network"),
    integer("service_network_division_mask", 28, "prefix length of each subnet", min=8, max=30),
    text(
        "interface_driver",
        "manila.network.linux.interface.OVSInterfaceDriver",
        "how this node joins the service network",
    ),
    flag("connect_share_server_to_tenant_network", False, "a port in the user's network too"),
    text("admin_network_id", None, "network of the administration port"),
    text("admin_subnet_id", None, "subnet of the administration port"),
    flag("service_instance_boot_from_volume", False, "boot VMs from volumes"),
    integer("service_instance_boot_volume_size", 10, "GiB of a boot volume", min=1),
    text("service_instance_boot_volume_type", None, "type of boot volumes"),
    text("service_instance_base_boot_volume_id", None, "volume to clone boot volumes from"),
    flag("service_instance_boot_volume_delete_on_termination", True, "remove it with the VM"),
    text("service_instance_boot_volume_name_template", "manila-share-%s-boot", "its name"),
)

GENERIC = VOLUMES + INSTANCE
