"""Native shares: volumes mounted by GlusterFS clients that show a certificate."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.contract.execute import execute_locally
from abaca.drivers.glusterfs.native import GlusterfsNativeShareDriver
from glusterfs import lab as labs
from glusterfs.kit import CONTEXT, Backend, new_share, rule
from glusterfs.lab import Lab, sh

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]
PLACE = "/usr/lib/ssl"  # where Debian's GlusterFS looks for certificates
SERVER, CLIENT = "glusterfs-server", "client1"


class Native(Backend):
    """abaca's own host shows the servers' certificate, from a place of its own."""

    driver_class = GlusterfsNativeShareDriver

    def _execute(self, *words: Any, **keywords: Any) -> tuple[str, str]:
        if words[0] != "mount":
            return super()._execute(*words, **keywords)
        host, _, volume = str(words[-2]).partition(":/")
        own = self.lab.directory / SERVER
        files = {"own-cert": "pem", "private-key": "key", "ca-list": "ca"}
        ssl = [
            f"--xlator-option=*.transport.socket.ssl-{name}={own}/glusterfs.{kind}"
            for name, kind in files.items()
        ]
        command = ("glusterfs", *ssl, f"--volfile-server={host}", f"--volfile-id={volume}")
        return execute_locally(*command, words[-1], **keywords)


def make_certificates(lab: Lab) -> None:
    ca = lab.directory / "ca"
    ca.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    own = ("openssl", "req", "-x509", *key, f"{ca}/key", "-out", f"{ca}/pem", "-subj", "/CN=ca")
    sh(*own)
    for name in (SERVER, CLIENT):
        place = lab.directory / name
        place.mkdir()
        asked = (f"{place}/glusterfs.key", "-subj", f"/CN={name}", "-out", f"{place}/request")
        sh("openssl", "req", *key, *asked)
        by = ("-CA", f"{ca}/pem", "-CAkey", f"{ca}/key", "-CAcreateserial")
        given = ("-in", f"{place}/request", "-out", f"{place}/glusterfs.pem")
        sh("openssl", "x509", "-req", *by, *given)
        shutil.copy(ca / "pem", place / "glusterfs.ca")


@pytest.fixture(scope="module")
def native() -> Iterator[Native]:
    reason = labs.why_not()
    if reason:
        pytest.skip(reason)
    lab = Lab()
    try:
        machine = lab.machines[0]
        make_certificates(lab)
        machine.run("mount", "--bind", str(lab.directory / SERVER), PLACE)
        machine.start_glusterd()
        lab.volume("native-1")
        machine.gluster("volume", "set", "native-1", "auth.ssl-allow", SERVER)
        backend = Native(
            lab,
            local=True,
            glusterfs_target=None,
            glusterfs_nfs_server_type="Gluster",
            glusterfs_servers=[machine.address],
            glusterfs_volume_pattern="native-#{size}",
        )
        backend.start()
        yield backend
    finally:
        lab.destroy()


def write_as_client(native: Native, place: Path) -> bool:
    """Mount the volume on a machine with the client's certificate, and write."""
    script = f"""
        mount --bind {place} {PLACE}
        mkdir -p /run/share
        mount -t glusterfs {native.machine.address}:/native-1 /run/share
        echo hello > /run/share/hello
    """
    command = native.machine.command("unshare", "-m", "sh", "-euc", script)
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_a_client_gets_in_by_the_name_in_its_certificate(native: Native) -> None:
    share, client = new_share(protocol="GLUSTERFS"), native.lab.directory / CLIENT
    for _ in range(2):
        [location] = native.driver.create_share(CONTEXT, share)
    assert location["path"] == f"{native.machine.address}:/native-1"
    assert not write_as_client(native, client)
    bad, by_address = rule("a,b", kind="cert"), rule("192.0.2.1")
    states = native.allow(share, rule(CLIENT, kind="cert"), bad, by_address)
    assert [states[r["access_id"]]["state"] for r in (bad, by_address)] == ["error", "error"]
    assert write_as_client(native, client)
    [held] = native.driver.get_inventory(CONTEXT)
    assert held["rules"] == [{"access_type": "cert", "access_to": CLIENT, "access_level": "rw"}]
    native.allow(share)
    assert not write_as_client(native, client)
    brick = native.machine.directory / "bricks" / "native-1"
    assert (brick / "hello").exists()
    for _ in range(2):
        native.delete(share)
    assert not (brick / "hello").exists()
