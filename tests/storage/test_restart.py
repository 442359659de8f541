"""abaca, Ganesha, the message bus or the whole machine end and come back."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from abaca.drivers.confine import mounts
from abaca.drivers.contract import errors
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local.nfs import NfsExporter
from storage.kit import CONTEXT, Backend, errno_of, new_share, rule

pytestmark = pytest.mark.storage


def exporter(backend: Backend) -> NfsExporter:
    found = backend.driver.exporter("NFS")
    assert isinstance(found, NfsExporter)
    return found


def server_pids(backend: Backend) -> list[int | None]:
    return [table.server.pid for table in exporter(backend).shards.tables()]


def bus_pid(backend: Backend) -> int:
    """The message bus of the first server, which is its only child."""
    [pid] = server_pids(backend)
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return int(file.read())


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), 10)  # noqa: PTH110


def test_exports_serve_while_abaca_is_down_and_are_taken_over(own_backend: Backend) -> None:
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    client = own_backend.mount(share)
    client.write("/x", b"1")
    pids = server_pids(own_backend)
    own_backend.driver.release()
    client.write("/x", b"while down")
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    assert server_pids(own_backend) == pids
    assert client.read("/x") == b"while down"
    own_backend.allow(share)
    assert errno_of(lambda: client.read("/x")) is not None
    client.close()


def test_the_daemons_are_nobodys_children(own_backend: Backend) -> None:
    own_backend.share()
    for pid in server_pids(own_backend):
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            fields = file.read().rsplit(")", 1)[1].split()
        assert int(fields[1]) != os.getpid()
        assert int(fields[3]) != os.getsid(0)


def test_killed_server_comes_back_with_rules_and_mounts(own_backend: Backend) -> None:
    shares = [own_backend.share() for _ in range(3)]
    own_backend.allow(shares[0], rule("127.0.0.1"))
    own_backend.allow(shares[1], rule("127.0.0.1", "ro"))
    client = own_backend.mount(shares[0])
    client.write("/x", b"before")
    file = client.open("/x")
    [pid], bus = server_pids(own_backend), bus_pid(own_backend)
    kill(pid)
    assert wait_until(lambda: not os.path.exists(f"/proc/{bus}/exe"), 10)  # noqa: PTH110
    own_backend.driver.reconcile()
    assert server_pids(own_backend) != [pid]
    assert file.read() == b"before"  # the mount and the open file go on
    assert errno_of(lambda: own_backend.mount(shares[2])) is not None
    with own_backend.mount(shares[1]) as reader:
        assert errno_of(lambda: reader.write("/x", b"1")) is not None


def test_killed_server_comes_back_by_the_next_request(own_backend: Backend) -> None:
    share = own_backend.share()
    [pid] = server_pids(own_backend)
    kill(pid)
    own_backend.allow(share, rule("127.0.0.1"))
    with own_backend.mount(share) as client:
        client.write("/x", b"1")
    kill(server_pids(own_backend)[0])
    own_backend.delete(share)
    own_backend.driver.reconcile()
    assert not exporter(own_backend).has(f"share-{share['id']}")


def test_killed_bus_comes_back(own_backend: Backend) -> None:
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    kill(bus_pid(own_backend))
    own_backend.driver.reconcile()
    with own_backend.mount(share) as client:
        client.write("/x", b"1")
    own_backend.allow(share)
    assert errno_of(lambda: own_backend.mount(share)) is not None


def test_rule_is_withdrawn_although_the_bus_was_killed(own_backend: Backend) -> None:
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    client = own_backend.mount(share)
    client.write("/x", b"1")
    kill(bus_pid(own_backend))
    own_backend.allow(share)
    assert errno_of(lambda: client.read("/x")) is not None
    client.close()


def test_machine_restarted(own_backend: Backend) -> None:
    """All daemons, mounts and loop devices are gone; only the disk is left."""
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    with own_backend.mount(share) as client:
        client.write("/x", b"on disk")
    own_backend.driver.stop_exports()
    pool = own_backend.directory / "local" / "one" / "pool"
    assert str(pool) not in mounts.mount_points()
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    with own_backend.mount(share) as client:
        assert client.read("/x") == b"on disk"
    updates = own_backend.driver.ensure_shares(CONTEXT, [share])
    assert updates[share["id"]]["reapply_access_rules"] is False


def test_export_files_lost(own_backend: Backend) -> None:
    """ensure_shares makes the exports anew and asks for the rules."""
    share = own_backend.share()
    own_backend.allow(share, rule("127.0.0.1"))
    own_backend.driver.stop_exports()
    for file in (own_backend.directory / "local/one/ganesha/shard-0/exports").iterdir():
        file.unlink()
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    updates = own_backend.driver.ensure_shares(CONTEXT, [share])
    assert updates[share["id"]]["reapply_access_rules"] is True
    assert errno_of(lambda: own_backend.mount(share)) is not None


def test_surplus_export_is_removed_and_missing_one_added(own_backend: Backend) -> None:
    kept, lost = own_backend.share(), own_backend.share()
    table = next(exporter(own_backend).shards.tables())
    own_backend.allow(lost, rule("127.0.0.1"))
    # the server loses one export; another one's file vanishes
    lost_export = table.get(f"share-{lost['id']}")
    assert lost_export is not None
    table.server.exports.remove(lost_export.export_id)
    own_backend.driver.release()
    kept_export = table.get(f"share-{kept['id']}")
    assert kept_export is not None
    table.files.discard(kept_export)
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    table = next(exporter(own_backend).shards.tables())
    assert table.server.exports.show() == {lost_export.export_id}
    with own_backend.mount(lost) as client:
        client.write("/x", b"1")


def test_shards_have_their_own_ports_and_stop_together(own_backend: Backend) -> None:
    own_backend.driver.release()
    own_backend.options["local_exports_per_ganesha"] = 2
    own_backend.driver = own_backend.new_driver()
    own_backend.start()
    shares = [own_backend.share() for _ in range(5)]
    first = own_backend.options["local_nfs_port"]
    ports = [own_backend.nfs_port(f"share-{share['id']}")[0] for share in shares]
    assert ports == [first, first, first + 1, first + 1, first + 2]
    for share in shares:
        own_backend.allow(share, rule("127.0.0.1"))
        with own_backend.mount(share) as client:
            client.write("/x", b"1")
    own_backend.restart()
    assert [own_backend.nfs_port(f"share-{s['id']}")[0] for s in shares] == ports
    pids = server_pids(own_backend)
    own_backend.driver.stop_exports()
    assert not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids)  # noqa: PTH110


def test_port_taken_is_one_clear_sentence(own_backend: Backend) -> None:
    share = own_backend.share()
    thief = own_backend.new_driver(local_state_path=str(own_backend.directory / "other"))
    try:
        thief.do_setup(CONTEXT)
        with pytest.raises(errors.BadConfigurationException, match=r"port .* is taken"):
            thief.create_share(CONTEXT, new_share())
    finally:
        thief.stop_exports()
    assert own_backend.driver.exporter("NFS").has(f"share-{share['id']}")


def test_many_exports_at_once_from_many_threads(own_backend: Backend) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        shares = list(pool.map(lambda _: own_backend.share(), range(40)))
        list(pool.map(lambda share: own_backend.allow(share, rule("127.0.0.1")), shares))
    table = next(exporter(own_backend).shards.tables())
    assert len(table.server.exports.show()) == 40
    result = subprocess.run(
        ["nfs-ls", f"nfs://127.0.0.1/share-{shares[-1]['id']}?version=3&nfsport="
         f"{table.server.ports.nfs}&mountport={table.server.ports.mount}"],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(own_backend.delete, shares))
    assert table.server.exports.show() == set()
