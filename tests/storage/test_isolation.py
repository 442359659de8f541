"""Each project has servers of its own, which see no other project's shares."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.confine import running as confined
from abaca.drivers.contract.records import Share
from abaca.drivers.ganesha.instance import Instance
from abaca.drivers.ganesha.packages import find_program
from abaca.drivers.ganesha.processes import is_running, wait_until
from abaca.drivers.local.nfs import NfsExporter
from storage.kit import CONTEXT, Backend, new_share, rule

pytestmark = pytest.mark.storage

RED, BLUE, GREEN = "red", "blue", "green"


def servers(backend: Backend) -> list[Instance]:
    exporter = backend.driver.exporter("NFS")
    assert isinstance(exporter, NfsExporter)
    return [table.server for table in exporter.shards.tables()]


def port(backend: Backend, share: Share) -> int:
    """Counted from the first one."""
    return backend.nfs_port(f"share-{share['id']}")[0] - int(backend.options["local_nfs_port"])


def seen(server: Instance) -> set[str]:
    """The ids of shares and snapshots that a server has anywhere in its root."""
    text = Path(f"/proc/{server.pid}/mountinfo").read_text()
    return {line.split()[3].rpartition("/")[2] for line in text.splitlines() if "btrfs" in line}


def is_served(backend: Backend, share: Share) -> bool:
    with backend.mount(share) as client:
        client.write("/x", b"written")
        return client.read("/x") == b"written"


@pytest.fixture
def shares(own_backend: Backend) -> Iterator[dict[str, Share]]:
    made = {project: own_backend.share(project_id=project) for project in (RED, BLUE)}
    for share in made.values():
        own_backend.allow(share, rule("127.0.0.1"))
    yield made


def test_a_project_has_a_server_of_its_own(own_backend: Backend, shares: dict[str, Share]) -> None:
    second = own_backend.share(project_id=BLUE)
    assert [port(own_backend, s) for s in (shares[RED], shares[BLUE], second)] == [0, 1, 1]
    red, blue = servers(own_backend)
    assert seen(red) == {shares[RED]["id"]}
    assert seen(blue) == {shares[BLUE]["id"], second["id"]}
    own_backend.restart()
    assert [port(own_backend, s) for s in (shares[RED], shares[BLUE], second)] == [0, 1, 1]
    assert port(own_backend, own_backend.share(project_id=BLUE)) == 1
    assert all(is_served(own_backend, share) for share in shares.values())


def test_snapshots_and_clones(own_backend: Backend, shares: dict[str, Share]) -> None:
    """A snapshot is beside its share, a clone where its project is."""
    snapshot = own_backend.snapshot(shares[BLUE])
    driver = own_backend.driver
    driver.snapshot_update_access(CONTEXT, snapshot, [rule("127.0.0.1", "ro")], [], [])
    clone = new_share(project_id=RED)
    driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    red, blue = servers(own_backend)
    assert seen(red) == {shares[RED]["id"], clone["id"]}
    assert seen(blue) == {shares[BLUE]["id"], snapshot["id"]}


def test_a_managed_share_is_served_by_its_projects_server(
    own_backend: Backend, shares: dict[str, Share]
) -> None:
    share = shares[RED]
    own_backend.driver.unmanage(share)
    place = {"path": f"host:/share-{share['id']}"}
    managed = new_share(id=share["id"], project_id=BLUE, export_locations=[place])
    own_backend.driver.manage_existing(managed, {})
    assert port(own_backend, managed) == 1


def test_an_empty_server_is_ended_and_its_number_given_away(
    own_backend: Backend, shares: dict[str, Share]
) -> None:
    red, _ = servers(own_backend)
    own_backend.delete(shares[RED])
    pid = red.pid
    own_backend.driver.reconcile()
    assert red.pid is None
    assert pid is not None and not is_running(pid, str(red.config))
    green = own_backend.share(project_id=GREEN)
    assert port(own_backend, green) == 0
    assert seen(red) == {green["id"]}
    own_backend.restart()
    assert port(own_backend, own_backend.share(project_id=RED)) == 2


def test_a_server_is_not_passed_on_alive(own_backend: Backend, shares: dict[str, Share]) -> None:
    red, _ = servers(own_backend)
    pid = red.pid
    own_backend.delete(shares[RED])
    own_backend.share(project_id=GREEN)
    assert red.pid not in (None, pid)


def test_ports_of_other_programs_are_passed_over(own_backend: Backend) -> None:
    own_backend.share(project_id=RED)
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::", int(own_backend.options["local_nfs_port"]) + 1))
        other.listen()
        blue = own_backend.share(project_id=BLUE)
    assert port(own_backend, blue) == 2


def test_servers_of_an_earlier_version_keep_their_exports(own_backend: Backend) -> None:
    """One without a project serves what it has; what is new goes to the project's own."""
    own_backend.options["local_isolation"] = "none"
    own_backend.restart()
    old = [own_backend.share(project_id=project) for project in (RED, BLUE)]
    assert [port(own_backend, share) for share in old] == [0, 0]
    own_backend.options["local_isolation"] = "project"
    own_backend.restart()
    for share in old:
        own_backend.driver.ensure_share(CONTEXT, share)
    new = own_backend.share(project_id=RED)
    assert [port(own_backend, share) for share in (*old, new)] == [0, 0, 1]


def test_an_unconfined_server_is_replaced(own_backend: Backend) -> None:
    """As earlier versions started it: on the machine's root, with a bus for all servers."""
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    client = own_backend.mount(share)
    client.write("/x", b"before")
    [server] = servers(own_backend)
    server.stop()
    own_backend.driver.release()
    folder = server.directory.parent / "bus"
    folder.mkdir()
    config = folder / "bus.conf"
    config.write_text(
        f"<busconfig><type>session</type><listen>unix:path={folder}/bus.sock</listen>"
        f"<pidfile>{folder}/bus.pid</pidfile><auth>EXTERNAL</auth><policy context='default'>"
        "<allow user='*'/><allow own='*'/><allow send_destination='*'/></policy></busconfig>"
    )
    run(find_program("dbus-daemon"), f"--config-file={config}", "--fork")
    bus = int((folder / "bus.pid").read_text())
    run(
        find_program("ganesha.nfsd"),
        *("-f", str(server.config), "-p", str(server.pid_file), "-L", str(server.log)),
        DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={folder}/bus.sock",
    )
    assert wait_until(lambda: server.pid is not None, 10)
    old = server.pid
    assert old is not None and confined.inner_pid(old) is None
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    [server] = servers(own_backend)
    assert server.pid not in (None, old)
    assert not is_running(old, str(server.config)) and not is_running(bus, str(config))
    assert client.read("/x") == b"before"
    client.close()


def run(*command: str, **environment: str) -> None:
    subprocess.run(
        command, check=True, capture_output=True, timeout=30, env={**os.environ, **environment}
    )
