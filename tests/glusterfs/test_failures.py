"""Whatever breaks under a backend: the right error, in words that help, and nothing orphaned."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from abaca.drivers.contract import errors
from glusterfs.kit import CONTEXT, Backend, new_share, rule
from glusterfs.lab import Lab, running, wait, why_not

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Lab]:
    """Not the one of all: when a volume goes, the quota daemon of the others goes with it."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with running() as lab:
        yield lab


@pytest.fixture(scope="module")
def fragile(cluster: Lab) -> Backend:
    """A backend whose volume may be broken."""
    cluster.volume("fragile")
    fragile = Backend(cluster, "fragile", local=True)
    fragile.start()
    fragile.share()  # see `backend` in conftest.py
    return fragile


RULES = 4  # of the calls below


def calls(backend: Backend, share: Any) -> list[Any]:
    """Every call that touches the cluster."""
    driver, new = backend.driver, new_share()
    return [
        lambda: driver.create_share(CONTEXT, new),
        lambda: driver.extend_share(share, 2),
        lambda: driver.shrink_share(share, 1),
        lambda: driver.ensure_shares(CONTEXT, [share]),
        lambda: driver.update_access(CONTEXT, share, [rule("192.0.2.1")], [], [], []),
        lambda: driver.get_share_stats(refresh=True),
        lambda: driver.get_inventory(CONTEXT),
        lambda: driver.delete_share(CONTEXT, share),
    ]


def test_a_stopped_volume_is_waited_for(fragile: Backend) -> None:
    share = fragile.share()
    fragile.machine.gluster("volume", "stop", "fragile")
    for call in calls(fragile, share):
        with pytest.raises(errors.ManilaException) as failed:
            call()
        assert errors.transient(failed.value), failed.value
        assert "fragile" in str(failed.value)
    fragile.machine.gluster("volume", "start", "fragile")
    for call in calls(fragile, share):
        fragile.again(call)
    assert not (fragile.root / share["name"]).exists()


def test_a_dead_glusterd_is_waited_for(fragile: Backend) -> None:
    share = fragile.share()
    fragile.machine.kill("^glusterd")
    for number, call in enumerate(calls(fragile, share)):
        if number == RULES:  # bricks and Ganesha go on without glusterd
            call()
            continue
        with pytest.raises(errors.StorageCommunicationException, match="gluster"):
            call()
    fragile.machine.start_glusterd()
    for call in calls(fragile, share):
        fragile.again(call)
    assert not (fragile.root / share["name"]).exists()


def test_without_its_quota_daemon_no_share_is_made(fragile: Backend) -> None:
    fragile.machine.kill("quotad")
    share = new_share()
    with pytest.raises(errors.StorageCommunicationException, match="volume start fragile force"):
        fragile.driver.create_share(CONTEXT, share)
    with pytest.raises(errors.StorageCommunicationException, match="quota daemon"):
        fragile.driver.get_share_stats(refresh=True)
    with pytest.raises(errors.StorageCommunicationException, match="quota daemon"):
        Backend(fragile.lab, "fragile", local=True).start()
    fragile.machine.gluster("volume", "start", "fragile", "force")
    fragile.again(fragile.driver.create_share, CONTEXT, share)
    fragile.delete(share)


def test_a_dead_client_process_is_replaced(fragile: Backend) -> None:
    share = fragile.share()
    root = str(fragile.root)
    found = subprocess.run(["pgrep", "-f", f"{root}$"], capture_output=True, text=True, check=True)
    subprocess.run(["kill", "-9", *found.stdout.split()], check=True)
    wait(lambda: not answers(root), "the end of the client")
    fragile.driver.ensure_shares(CONTEXT, [share])
    assert (fragile.root / share["name"]).is_dir()
    fragile.delete(share)


def answers(path: str) -> bool:
    try:
        os.statvfs(path)
    except OSError:
        return False
    return True


def test_a_creation_that_fails_leaves_nothing(
    fragile: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = new_share()
    layout: Any = fragile.driver.layout
    monkeypatch.setattr(type(layout.quota), "limit", lambda self, path, size: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fragile.driver.create_share(CONTEXT, share)
    fragile.delete(share)
    assert not (fragile.root / share["name"]).exists()


def test_a_deleted_volume_is_named(cluster: Lab) -> None:
    cluster.volume("doomed")
    doomed = Backend(cluster, "doomed", local=True)
    doomed.start()
    share = doomed.share()
    doomed.machine.gluster("volume", "stop", "doomed")
    doomed.machine.gluster("volume", "delete", "doomed")
    for call in calls(doomed, share):
        with pytest.raises(errors.ManilaException, match="doomed"):
            call()
