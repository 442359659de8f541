"""What is missing is said at the start, with what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abaca.config import load
from abaca.drivers.contract import errors
from abaca.drivers.ganesha import system
from abaca.drivers.glusterfs import mount
from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.native import GlusterfsNativeShareDriver
from abaca.drivers.glusterfs.options import DIRECTORY, VOLUME
from glusterfs.kit import CONTEXT, Backend
from glusterfs.lab import Lab

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"glusterfs_target": None}, r"glusterfs_target is not set: \[user@\]host:/volume"),
    ({"glusterfs_target": "a:b:/c"}, "is not an address of the form"),
    ({"glusterfs_target": "10.0.0.1"}, "lacks a volume"),
    ({"glusterfs_nfs_server_type": "Gluster"}, "glusterfs_nfs_server_type = Ganesha"),
    ({"glusterfs_share_layout": VOLUME}, "needs glusterfs_servers and glusterfs_volume_pattern"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=lambda v: str(v)[:40])
def test_a_wrong_option_is_named(
    lab: Lab, backend: Backend, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.ManilaException, match=words):
        Backend(lab, local=True, **options).start()


def test_a_volume_that_is_not_there(lab: Lab) -> None:
    with pytest.raises(errors.GlusterfsException, match=r"volume info nothing .*does not exist"):
        Backend(lab, "nothing", local=True).start()


def test_a_ganesha_that_would_forget_its_exports(lab: Lab, backend: Backend) -> None:
    file = lab.machines[0].directory / "ganesha" / "ganesha.conf"
    text = file.read_text()
    try:
        file.write_text(text.replace("%include", "# %include"))
        with pytest.raises(errors.BadConfigurationException, match="lacks the line %include"):
            backend.driver.do_setup(CONTEXT)
    finally:
        file.write_text(text)
    backend.driver.do_setup(CONTEXT)


def test_a_ganesha_without_its_plug_in(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "PLUGIN_DIRECTORIES", (Path("/nowhere"),))
    with pytest.raises(errors.BadConfigurationException, match="install nfs-ganesha-gluster"):
        backend.driver.do_setup(CONTEXT)


def test_a_host_without_the_client(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount, "SEARCH_PATH", "/nowhere")
    with pytest.raises(errors.BadConfigurationException, match="install glusterfs-client"):
        backend.driver.do_setup(CONTEXT)


def test_a_glusterfs_that_is_too_old(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GlusterManager, "get_gluster_version", lambda self: ("3", "4", "9"))
    with pytest.raises(errors.GlusterfsException, match=r"has GlusterFS 3\.4\.9; 3\.5 or later"):
        backend.driver.do_setup(CONTEXT)


def test_the_seeds_configuration_works_as_it_is_written(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "manila.conf"
    host = lab.machines[0].address
    file.write_text(
        f"""[DEFAULT]
enabled_share_backends = gluster1
state_path = {lab.directory}
my_ip = {lab.address}
[gluster1]
share_driver = manila.share.drivers.glusterfs.GlusterfsShareDriver
driver_handles_share_servers = False
glusterfs_target = root@{host}:/vol
glusterfs_path_to_private_key = {lab.key}
glusterfs_nfs_server_type = Ganesha
glusterfs_ganesha_server_ip = {host}
"""
    )
    config = load([file])
    assert not config.refused
    [section] = config.backends
    driver = GlusterfsShareDriver("db", configuration=section)
    assert section.driver_class == f"{type(driver).__module__}.{type(driver).__name__}"
    driver.do_setup(CONTEXT)
    driver.check_for_setup_error()
    assert driver.get_share_stats(refresh=True)["share_backend_name"] == "GlusterFS"
    assert driver.configuration.ganesha_export_dir == "/etc/ganesha/export.d"


def test_native_shares_are_volumes(lab: Lab) -> None:
    class Native(Backend):
        driver_class = GlusterfsNativeShareDriver

    with pytest.raises(errors.BadConfigurationException, match=f"possible: {VOLUME}"):
        Native(lab, local=True, glusterfs_share_layout=DIRECTORY).start()
