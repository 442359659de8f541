"""Native shares: volumes mounted by GlusterFS clients that show a certificate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from glusterfs import lab as labs
from glusterfs.kit import CONTEXT, new_share, rule
from glusterfs.lab import Lab
from glusterfs.tls import CLIENT, PLACE, SERVER, Native, as_client, make_certificates

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


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


def writes(native: Native) -> bool:
    return as_client(native, "native-1", "echo hello > hello").returncode == 0


def test_a_client_gets_in_by_the_name_in_its_certificate(native: Native) -> None:
    share = new_share(protocol="GLUSTERFS")
    for _ in range(2):
        [location] = native.driver.create_share(CONTEXT, share)
    assert location["path"] == f"{native.machine.address}:/native-1"
    assert not writes(native)
    bad, by_address = rule("a,b", kind="cert"), rule("192.0.2.1")
    states = native.allow(share, rule(CLIENT, kind="cert"), bad, by_address)
    assert [states[r["access_id"]]["state"] for r in (bad, by_address)] == ["error", "error"]
    assert writes(native)
    [held] = native.driver.get_inventory(CONTEXT)
    assert held["rules"] == [{"access_type": "cert", "access_to": CLIENT, "access_level": "rw"}]
    native.allow(share)
    assert not writes(native)
    brick = native.machine.directory / "bricks" / "native-1"
    assert (brick / "hello").exists()
    for _ in range(2):
        native.delete(share)
    assert not (brick / "hello").exists()
