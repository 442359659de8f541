"""Drivers whose files abaca reads but whose work it does otherwise or not at all."""

from __future__ import annotations

from ..options import Mark, Option, ignored, text, words

LVM: tuple[Option, ...] = (
    text("lvm_share_export_root", "$state_path/mnt", "where shares are mounted", mark=Mark.MAPPED),
    words(
        "lvm_share_export_ips",
        None,
        "addresses of the exports",
        mark=Mark.MAPPED,
        old=(("", "lvm_share_export_ip"),),
    ),
    *ignored("lvm_share_mirrors lvm_share_helpers", "the local driver does it its own way"),
    text("lvm_share_volume_group", "lvm-shares", "volume group", mark=Mark.MAPPED),
)

WINDOWS: tuple[Option, ...] = (
    *ignored(
        "winrm_conn_timeout winrm_operation_timeout winrm_retry_count winrm_retry_interval"
        " winrm_cert_pem_path winrm_cert_key_pem_path winrm_use_cert_based_auth",
        "the Windows driver is not part of abaca",
    ),
)
