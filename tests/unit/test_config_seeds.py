"""The configurations of the seed documents 003 and 004 work as they are written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.cli import assembly
from abaca.config import read
from abaca.config.findings import Verdict
from abaca.store.engine import Store

VAST = """
share_driver = manila.share.drivers.vastdata.driver.VASTShareDriver
share_backend_name = vast
"""
EXAMPLES = {
    "vast, in the text": f"""[DEFAULT]
enabled_share_backends = vast
enabled_share_protocols = NFS
[vast]{VAST}driver_handles_share_servers = False
snapshot_support = True
vast_mgmt_host = 192.0.2.5
vast_mgmt_port = 443
vast_mgmt_user = admin
vast_mgmt_password = 123456
vast_vippool_name = vippool-1
vast_root_export = manila
""",
    "vast, of the module": f"""[DEFAULT]
enabled_share_backends = vast
[vast]{VAST}snapshot_support = true
driver_handles_share_servers = false
vast_mgmt_host = v11
vast_vippool_name = vippool-1
vast_root_export = manila
vast_mgmt_user = admin
vast_mgmt_password = 123456
""",
    "glusterfs, on this host": """[DEFAULT]
share_driver = manila.share.drivers.glusterfs.GlusterfsShareDriver
glusterfs_target = gluster1:/vol
""",
    "glusterfs, remote, with everything": """[DEFAULT]
enabled_share_backends = glusterfs
[glusterfs]
share_driver = manila.share.drivers.glusterfs.GlusterfsShareDriver
glusterfs_target = root@gluster1:/vol
glusterfs_mount_point_base = $state_path/mnt
glusterfs_path_to_private_key = /etc/manila/key
glusterfs_server_password = secret
""",
}
DRIVERS = {"vast": "VastShareDriver", "glusterfs": "GlusterfsShareDriver"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_a_backend(name: str, tmp_path: Path) -> None:
    file = tmp_path / "manila.conf"
    file.write_text(EXAMPLES[name])
    config = read([file])
    harmless = (Verdict.OK, Verdict.IGNORED)
    assert [found for found in config.findings if found.verdict not in harmless] == []
    (backend,) = config.backends
    driver = assembly.load_driver(backend, Store(f"sqlite:///{tmp_path}/abaca.sqlite"))
    assert type(driver).__name__ == DRIVERS[name.partition(",")[0]]
    assert driver.driver_handles_share_servers is False
