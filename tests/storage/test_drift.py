"""Drift of the local backend: real subvolumes, a real Ganesha and Samba, a real manager in this
process."""

from __future__ import annotations

import contextlib
import errno
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abaca.drivers.ganesha.exports import ExportTable
from abaca.drivers.ganesha.instance import Instance
from abaca.drivers.local import btrfs
from abaca.drivers.local.cifs import CifsExporter
from abaca.drivers.local.nfs import NfsExporter
from abaca.drivers.samba.shares import RegistryShares
from abaca.manager import drift
from abaca.manager.backend import Backend as Managed
from abaca.manager.process import Manager, Options
from abaca.model.drift import Finding
from abaca.model.errors import AbacaError
from abaca.model.shares import Share
from abaca.service import access, shares_create, snapshot_access
from abaca.service import drift as service
from abaca.service.access_to import check
from abaca.service.drift import Adoption
from abaca.service.shares_create import NewShare
from abaca.store.engine import Store
from abaca.store.schema import access_rules, snapshot_access_rules
from storage.kit import GIB, Backend, errno_of, running, why_not
from storage.test_smb import WRITE, smbclient
from support.running import ADMIN, PATIENCE, USER, Running

pytestmark = pytest.mark.storage
STRANGER = "10.254.254.254"


class Local(Running):
    """A manager of a local backend that looks only when it is told."""

    backend: Backend

    @property
    def table(self) -> ExportTable[Instance]:
        exporter = self.backend.driver.exporter("NFS")
        assert isinstance(exporter, NfsExporter)
        return next(exporter.shards.tables())

    def differences(self) -> list[Finding]:
        return drift.look(self.manager.backends[0], self.store, repair=False)

    @property
    def samba(self) -> RegistryShares:
        exporter = self.backend.driver.exporter("CIFS")
        assert isinstance(exporter, CifsExporter)
        return exporter.shares

    def net_conf(self, *words: str) -> None:
        """A change of what Samba serves, past every file."""
        self.samba.server.run("net", "conf", *words)

    def open_share(self, proto: str = "NFS", level: str = "rw") -> Share:
        made = shares_create.create(self.env, USER, NewShare(share_proto=proto, size=1))
        self.settle()
        rule = {"access_type": "ip", "access_to": "127.0.0.1", "access_level": level}
        access.allow(self.env, USER, made.id, **rule)
        self.settle()
        return self.look(made.id)

    def path(self, share: Share) -> Path:
        return self.backend.driver.share_path(share.instance_id)

    def file(self, share: Share) -> Path:
        """The file that says how it is exported."""
        if share.share_proto == "CIFS":
            return self.samba._file(name(share))
        export = self.table.get(f"share-{share.instance_id}")
        assert export is not None
        return Path(self.table.files.path(export))

    def served(self, share: Share) -> int:
        export = self.table.get(f"share-{share.instance_id}")
        assert export is not None
        return export.export_id


@pytest.fixture
def own_backend() -> Iterator[Backend]:
    """With both protocols."""
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["NFS", "CIFS"]) as backend:
        yield backend


@pytest.fixture
def local(own_backend: Backend, tmp_path: Path, sqlite_template: Path) -> Iterator[Local]:
    path = tmp_path / "abaca.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store(f"sqlite:///{path}")
    options = Options(host="host", drift_interval=3600, reconcile_interval=3600)
    manager = Manager(store, [Managed("one", "host@one", own_backend.driver, "nova")], options)
    manager.start()
    try:
        assert manager.ready(PATIENCE)
        world = Local(store, None, manager)  # type: ignore[arg-type]
        world.backend = own_backend
        yield world
    finally:
        manager.stop(drain_seconds=5.0)
        store.close()


def let_in(local: Local, share: Share, who: str = STRANGER) -> None:
    """Somebody tells the running server another client list, past every file."""
    file = local.table.server.directory / "exports" / "by-hand"  # what the server can read
    file.write_text(local.file(share).read_text().replace("127.0.0.1", who))
    local.table.server.exports.update(local.served(share), file)


def edit(local: Local, share: Share) -> None:
    file = local.file(share)
    file.write_text(file.read_text().replace("127.0.0.1", STRANGER))


def name(share: Share) -> str:
    return f"share-{share.instance_id}"


Harm = dict[str, tuple[Callable[[Local, Share], object], str]]
# what is done to a share -> what is found of it
HARM: Harm = {
    "subvolume deleted": (lambda w, s: btrfs.delete_subvolume(w.path(s)), "missing"),
    "limit raised": (lambda w, s: btrfs.set_limit(w.path(s), 3 * GIB), "size"),
    "limit lowered": (lambda w, s: btrfs.set_limit(w.path(s), GIB // 2), "size"),
    "limit lifted": (lambda w, s: btrfs.set_limit(w.path(s), None), "size"),
    "client let in": (let_in, "rules"),
    "everybody let in": (lambda w, s: let_in(w, s, "*"), "rules"),
    "name let in": (lambda w, s: let_in(w, s, "*.example.org"), "rules"),
    "file edited": (edit, "unexported"),
    "file emptied": (lambda w, s: w.file(s).write_bytes(b""), "unexported"),
    "file deleted": (lambda w, s: w.file(s).unlink(), "unexported"),
    "export removed": (lambda w, s: w.table.server.exports.remove(w.served(s)), "unexported"),
}
HARM_TO_SMB: Harm = {
    "client let in": (
        lambda w, s: w.net_conf("setparm", name(s), "hosts allow", STRANGER),
        "unexported",
    ),
    "everybody let in": (lambda w, s: w.net_conf("delparm", name(s), "hosts deny"), "unexported"),
    "share removed": (lambda w, s: w.net_conf("delshare", name(s)), "unexported"),
    "subvolume deleted": HARM["subvolume deleted"],
    "limit raised": HARM["limit raised"],
    "file edited": HARM["file edited"],
    "file emptied": HARM["file emptied"],
    "file deleted": HARM["file deleted"],
}


@pytest.mark.parametrize("seed", range(3))
def test_random_damage_is_found_completely_and_repaired(local: Local, seed: int) -> None:
    chance = random.Random(seed)
    chosen = [HARM[what] for what in chance.sample(sorted(HARM), 5)]
    chosen += [HARM_TO_SMB[what] for what in chance.sample(sorted(HARM_TO_SMB), 3)]
    shares = [local.open_share() for _ in range(6)]
    smb_shares = [local.open_share("CIFS") for _ in range(4)]
    harmed = [*shares[:5], *smb_shares[:3]]
    local.open_share(level="ro")  # nothing is wrong with it
    snapshots = [local.snapshot(shares[5]) for _ in range(2)]
    assert local.differences() == []
    planted = set()
    for (harm, kind), share in zip(chosen, harmed, strict=True):
        harm(local, share)
        planted.add((kind, share.instance_id))
    btrfs.delete_subvolume(local.backend.driver.snapshot_path(snapshots[0].instance_id))
    planted.add(("missing", snapshots[0].instance_id))
    orphan, ghost = str(uuid.uuid4()), str(uuid.uuid4())
    btrfs.create_subvolume(local.backend.driver.share_path(orphan))
    btrfs.set_limit(local.backend.driver.share_path(orphan), 2 * GIB)
    planted.add(("extra", orphan))
    local.table.create(f"share-{ghost}", str(local.backend.directory), "No_Root_Squash")
    smb_ghost = str(uuid.uuid4())
    local.net_conf("addshare", f"share-{smb_ghost}", str(local.backend.directory))
    planted |= {("stale_export", ghost), ("stale_export", smb_ghost)}
    found = local.differences()
    assert {finding.key for finding in found} == planted

    service.repair(local.env, ADMIN, dry_run=False)
    local.settle()
    [left] = local.differences()
    assert left.key == ("extra", orphan)
    adopted = service.adopt(local.env, ADMIN, left.id, Adoption(dry_run=False))
    local.settle()
    assert local.look(adopted.resource_id or "").status == "available"
    assert local.look(adopted.resource_id or "").size == 2
    assert local.differences() == []
    for share in (*shares, *smb_shares):
        there = local.look(share.id)
        gone = ("missing", share.instance_id) in planted
        assert there.status == ("error" if gone else "available")
        if not gone and share in smb_shares:
            assert "NT_STATUS" not in smbclient(local.backend, {"id": share.instance_id}, WRITE)
        elif not gone:
            with local.backend.mount(name(share)) as client:
                client.write("/x", b"1")
    assert f"share-{ghost}" not in local.table
    assert f"share-{smb_ghost}" not in local.samba.look()
    served = (*local.table.look().values(), local.samba.server.run("net", "conf", "list"))
    assert STRANGER not in str(served)


def test_changed_export_files_are_never_obeyed(local: Local) -> None:
    """abaca and Ganesha come back and find a file in which a stranger was written, one that is
    no configuration, and two that are gone: ids and handles stay, nobody else is let in."""
    shares = [local.open_share() for _ in range(3)]
    read_only = local.open_share(level="ro")
    clients = [local.backend.mount(f"share-{share.instance_id}") for share in shares]
    for client in clients:
        client.write("/x", b"1")
    opened = [client.open("/x") for client in clients]
    ids = [local.served(share) for share in shares]
    files = [local.file(share) for share in (*shares, read_only)]
    local.backend.driver.release()
    edit_text = files[0].read_text().replace("127.0.0.1", f"127.0.0.1, {STRANGER}")
    files[0].write_text(edit_text)
    files[1].write_bytes(b"\xff\x00 EXPORT {")
    files[2].unlink()
    files[3].unlink()
    driver = local.backend.driver = local.manager.backends[0].driver = local.backend.new_driver()
    local.backend.start()
    assert [local.served(share) for share in shares] == ids
    # the server never went away: it goes on with the rules that it had
    assert [file.read() for file in opened] == [b"1"] * 3
    assert local.differences() == []
    with local.backend.mount(f"share-{read_only.instance_id}") as client:
        assert errno_of(lambda: client.write("/x", b"1")) == errno.EROFS
    # now the server is gone too: nobody is let in until the database has said who may
    local.table.server.stop()
    driver.release()
    for file in files:
        file.unlink()
    local.backend.driver = local.manager.backends[0].driver = local.backend.new_driver()
    local.backend.start()
    assert errno_of(lambda: local.backend.mount(f"share-{shares[0].instance_id}")) is not None
    assert {finding.kind for finding in local.differences()} == {"rules"}
    service.repair(local.env, ADMIN, dry_run=False)
    local.settle()
    assert local.differences() == []
    assert [file.read() for file in opened] == [b"1"] * 3, "handles are as valid as before"
    for client in clients:
        client.close()


def test_a_pool_that_is_not_mounted_is_no_list_of_lost_shares(local: Local) -> None:
    from abaca.drivers.confine import mounts
    from abaca.drivers.contract.errors import ShareBackendException

    share = local.open_share()
    mounts.unmount(str(local.backend.driver.pool.root), mounts.MNT_DETACH)
    with pytest.raises(ShareBackendException, match="is not mounted"):
        local.differences()
    assert service.find(local.env, ADMIN).findings == []
    local.backend.driver.reconcile()
    assert local.differences() == []
    assert local.look(share.id).status == "available"


HOSTS = (
    "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/25", "10.0.0.128/25",
    "10.1.2.3", "10.1.2.3/32", "::/0", "::/1", "8000::/1", "2001:db8::/32", "2001:db8::1",
    "2001:DB8:0::1/128",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_whatever_rules_are_asked_for_no_drift_is_made_of_them(local: Local, seed: int) -> None:
    chance = random.Random(seed)
    shares = [local.open_share(proto) for proto in ("NFS", "NFS", "NFS", "CIFS", "CIFS")]
    for share in shares:
        for host in chance.sample(HOSTS, 7):
            rule = {"access_to": check("ip", host), "access_level": chance.choice(["rw", "ro"])}
            with contextlib.suppress(AbacaError):  # the same in other words
                access.allow(local.env, USER, share.id, access_type="ip", **rule)
    snapshot = local.snapshot(shares[0])
    for host in chance.sample(HOSTS, 3):
        with contextlib.suppress(AbacaError):
            rule = {"access_type": "ip", "access_to": check("ip", host)}
            snapshot_access.allow(local.env, USER, snapshot.id, **rule)
    local.settle()
    assert local.differences() == []


def row_of_before(local: Local, share: Share, snapshot_id: str) -> None:
    """Rules that an earlier abaca accepted, and that Ganesha takes for everybody."""
    where = (
        access_rules.c.share_id == share.id,
        snapshot_access_rules.c.snapshot_id == snapshot_id,
    )
    with local.store.transaction() as tx:
        for row in where:
            tx.run(row.left.table.update().where(row).values(access_to="0.0.0.0"))
    let_in(local, share, "0.0.0.0")


def test_a_rule_of_before_that_means_everybody_is_in_error_and_lets_nobody_in(
    local: Local,
) -> None:
    share, other = local.open_share(), local.open_share()
    snapshot = local.snapshot(share)
    rule = {"access_type": "ip", "access_to": "127.0.0.1"}
    snapshot_access.allow(local.env, USER, snapshot.id, **rule)
    local.settle()
    row_of_before(local, share, snapshot.id)
    local.backend.mount(f"share-{share.instance_id}").close()
    assert {finding.kind for finding in local.differences()} == {"rules"}
    service.repair(local.env, ADMIN, dry_run=False)
    local.settle()
    assert [r.state for r in access.of_share(local.env, USER, share.id)[0]] == ["error"]
    assert [r.state for r in snapshot_access.of_snapshot(local.env, USER, snapshot.id)] == ["error"]
    assert local.look(share.id).access_rules_status == "error"
    for closed in (f"share-{share.instance_id}", f"snapshot-{snapshot.instance_id}"):
        assert errno_of(lambda: local.backend.mount(closed)) is not None  # noqa: B023
    local.backend.mount(f"share-{other.instance_id}").close()
    assert any("0.0.0.0" in str(message) for message in local.messages(share.id))
    assert local.differences() == []


def test_what_cannot_be_read_is_one_finding(local: Local) -> None:
    """The others are compared all the same."""
    shares = [local.open_share() for _ in range(3)]
    let_in(local, shares[1], "*")
    stray = local.backend.driver.pool.shares / "notes.txt"
    stray.write_text("somebody's")
    btrfs.set_limit(local.path(shares[2]), 3 * GIB)
    found = {finding.key: finding for finding in local.differences()}
    assert set(found) == {
        ("rules", shares[1].instance_id),
        ("size", shares[2].instance_id),
        ("unreadable", "notes.txt"),
    }
    assert found[("rules", shares[1].instance_id)].found == "ip * rw"
    service.repair(local.env, ADMIN, dry_run=False)
    local.settle()
    assert {finding.key for finding in local.differences()} == {("unreadable", "notes.txt")}
    assert stray.read_text() == "somebody's"
