"""CIFS shares with a real Samba and smbclient."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.contract.records import Share
from abaca.drivers.ganesha.processes import wait_until
from abaca.drivers.local import revert
from abaca.drivers.local.cifs import CifsExporter
from storage.kit import CONTEXT, Backend, Foreigner, new_share, rule, running, why_not

pytestmark = pytest.mark.storage
USER, OTHER = "games", "irc"  # users that every Debian has
PASSWORD = "pass-word"


@pytest.fixture(scope="module")
def smb() -> Iterator[Backend]:
    reason = why_not("CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["CIFS"], local_pool_size_gb=2) as backend:
        server = exporter(backend).server
        server.prepare()
        for name in (USER, OTHER):
            server.run(
                "pdbedit",
                "--create",
                "--password-from-stdin",
                f"--user={name}",
                text=f"{PASSWORD}\n{PASSWORD}\n",
            )
        yield backend


def exporter(backend: Backend) -> CifsExporter:
    found = backend.driver.exporter("CIFS")
    assert isinstance(found, CifsExporter)
    return found


def arguments(
    backend: Backend, share: object, server: str, who: str | None, password: str = PASSWORD
) -> list[str]:
    login = ["-U", f"{who}%{password}"] if who else ["-N"]
    port = str(backend.options["local_smb_port"])
    return ["smbclient", f"//{server}/share-{share['id']}", "-p", port, *login, "-c"]  # type: ignore[index]


def smbclient(
    backend: Backend,
    share: object,
    command: str,
    who: str | None = None,
    machine: Foreigner | None = None,
    password: str = PASSWORD,
) -> str:
    """What smbclient prints; its errors are NT_STATUS names."""
    server = machine.ours if machine else "127.0.0.1"
    full = [*arguments(backend, share, server, who, password), command]
    if machine:
        result = machine.run(*full)
    else:
        result = subprocess.run(full, capture_output=True, text=True, timeout=60, check=False)
    return result.stdout + result.stderr


WRITE = "mkdir made; rmdir made; ls"


def test_new_share_lets_nobody_in(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    assert "NT_STATUS" in smbclient(smb, share, "ls")
    assert "NT_STATUS" in smbclient(smb, share, "ls", USER)


def test_location_and_twice(smb: Backend) -> None:
    share = new_share(protocol="CIFS")
    [location] = smb.driver.create_share(CONTEXT, share)
    assert location["path"] == f"\\\\127.0.0.1\\share-{share['id']}"
    assert [location] == smb.driver.create_share(CONTEXT, share)


def test_user_rules(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule(USER, kind="user"))
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, USER)
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(smb, share, "ls", OTHER)
    assert "NT_STATUS" in smbclient(smb, share, "ls")
    smb.allow(share, rule(USER, "ro", kind="user"), rule(OTHER, kind="user"))
    assert "NT_STATUS" not in smbclient(smb, share, "ls", USER)
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(smb, share, "mkdir x", USER)
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, OTHER)


def test_user_that_does_not_exist_is_a_rule_in_error(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    good, bad = rule(USER, kind="user"), rule("nobody-here", kind="user")
    assert smb.allow(share, good, bad) == {
        good["access_id"]: {"state": "active"},
        bad["access_id"]: {"state": "error"},
    }
    assert "NT_STATUS" not in smbclient(smb, share, "ls", USER)


@pytest.mark.parametrize(
    "hostile", ["root", "@users", "+adm", "a b", "x\nguest ok = yes", "%U", '"', "a,b", "", "é"]
)
def test_hostile_user_is_a_rule_in_error_and_opens_nothing(smb: Backend, hostile: str) -> None:
    share = smb.share(protocol="CIFS")
    bad = rule(hostile, kind="user")
    assert smb.allow(share, bad) == {bad["access_id"]: {"state": "error"}}
    assert "NT_STATUS" in smbclient(smb, share, "ls", USER)


def test_address_rules(smb: Backend, foreigner: Foreigner) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule("192.0.2.0/24"))
    assert "NT_STATUS" in smbclient(smb, share, "ls", machine=foreigner)
    smb.allow(share, rule(f"{foreigner.address}/24"))
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, machine=foreigner)
    smb.allow(share, rule(foreigner.address, "ro"))
    assert "NT_STATUS" not in smbclient(smb, share, "ls", machine=foreigner)
    assert "NT_STATUS" in smbclient(smb, share, "mkdir x", machine=foreigner)
    smb.allow(share)
    assert "NT_STATUS" in smbclient(smb, share, "ls", machine=foreigner)


def test_everybody_and_version_six(smb: Backend, foreigner: Foreigner) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule("0.0.0.0/0"))
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, machine=foreigner)
    command = [*arguments(smb, share, foreigner.ours6, None), "ls"]
    smb.allow(share, rule(f"{foreigner.address6}/64"))
    assert "NT_STATUS" not in foreigner.run(*command).stdout
    assert "NT_STATUS" in smbclient(smb, share, "ls", machine=foreigner)
    smb.allow(share, rule(foreigner.address))
    assert "NT_STATUS" in foreigner.run(*command).stdout


@pytest.mark.parametrize("first", ["rw", "ro"])
def test_of_levels_that_samba_cannot_mix_the_one_in_force_stays(
    smb: Backend, foreigner: Foreigner, first: str
) -> None:
    """The rule that would change what others have is refused, and says why."""
    share = smb.share(protocol="CIFS")
    old = rule(f"{foreigner.address}/24", first)
    new = rule("192.0.2.0/24", "ro" if first == "rw" else "rw")
    smb.allow(share, old)
    for _ in range(2):  # asked again after a crash
        told = smb.told(share, old, new)
        assert told[old["access_id"]] == {"state": "active"}
        assert told[new["access_id"]]["state"] == "error"
        assert (
            "writable for one address and read-only for another"
            in (told[new["access_id"]]["reason"])
        )
    said = smbclient(smb, share, "mkdir x; ls", machine=foreigner)
    assert "x " in said if first == "rw" else "NT_STATUS" in said
    assert smb.allow(share, new) == {new["access_id"]: {"state": "active"}}
    assert "NT_STATUS" in smbclient(smb, share, "ls", machine=foreigner)


def test_address_and_user_must_both_fit(smb: Backend, foreigner: Foreigner) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule(f"{foreigner.address}"), rule(USER, kind="user"))
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, USER, foreigner)
    assert "NT_STATUS" in smbclient(smb, share, "ls", OTHER, foreigner)
    assert "NT_STATUS" in smbclient(smb, share, "ls", None, foreigner)
    smb.allow(share, rule("192.0.2.1"), rule(USER, kind="user"))
    assert "NT_STATUS" in smbclient(smb, share, "ls", USER, foreigner)


def test_connected_client_is_cut_off_when_its_rule_goes(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule(USER, kind="user"))
    command = arguments(smb, share, "127.0.0.1", USER)[:-1]
    client = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert client.stdin is not None
    path = smb.driver.share_path(share["id"])
    try:
        print("mkdir first", file=client.stdin, flush=True)
        assert wait_until((path / "first").exists, 20)
        smb.allow(share)
        with contextlib.suppress(BrokenPipeError):
            print("mkdir second", file=client.stdin, flush=True)
    finally:
        with contextlib.suppress(BrokenPipeError):
            client.communicate(timeout=30)
    assert not (path / "second").exists()


def test_delete(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule(USER, kind="user"))
    smb.delete(share)
    smb.delete(share)
    assert "NT_STATUS" in smbclient(smb, share, "ls", USER)
    with pytest.raises(errors.ShareResourceNotFound):
        smb.allow(share, rule(USER, kind="user"))


def test_restart_takes_over_and_repairs(smb: Backend) -> None:
    share, lost = smb.share(protocol="CIFS"), smb.share(protocol="CIFS")
    smb.allow(share, rule(USER, kind="user"))
    smb.allow(lost, rule(USER, kind="user"))
    server = exporter(smb).server
    pid = server.pid
    server.run("net", "conf", "delshare", f"share-{lost['id']}")
    server.run("net", "conf", "setparm", f"share-{share['id']}", "guest ok", "yes")
    server.run("net", "conf", "addshare", "surplus", "/etc")
    smb.restart()
    assert exporter(smb).server.pid == pid
    assert "NT_STATUS" not in smbclient(smb, lost, WRITE, USER)
    assert "surplus" not in exporter(smb).server.run("net", "conf", "list")
    assert "NT_STATUS" in smbclient(smb, share, "ls")
    exporter(smb).stop()
    assert "NT_STATUS" in smbclient(smb, share, "ls", USER)
    smb.driver.reconcile()
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, USER)


def test_users_can_be_made_before_the_first_share() -> None:
    reason = why_not("CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["CIFS"], local_pool_size_gb=1) as fresh:
        server = exporter(fresh).server
        assert server.config.exists() and server.pid is None
        assert server.run("pdbedit", "--list") == ""


@pytest.fixture
def making(smb: Backend) -> Iterator[Backend]:
    """With users made by rules."""
    smb.driver.release()
    smb.driver = smb.new_driver(local_smb_create_users=True)
    smb.start()
    yield smb
    smb.restart()


ANN = rule("ann", kind="user")


def key(told: dict[str, Any]) -> str:
    """The password that the answer to ANN has."""
    assert told[ANN["access_id"]]["state"] == "active", told
    return str(told[ANN["access_id"]]["access_key"])


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def login(project: str) -> str:
    """Of the project's user ann."""
    return f"ann.{project[:8]}"


def test_a_rule_makes_a_user_of_its_project(making: Backend, project: str, login: str) -> None:
    share = making.share(protocol="CIFS", project_id=project)
    password = key(making.allow(share, ANN, rule("bob", "ro", kind="user")))
    assert "NT_STATUS" not in smbclient(making, share, WRITE, login, password=password)
    assert key(making.allow(share, ANN)) == password, "asked again"
    other = making.share(protocol="CIFS", project_id=project)
    assert key(making.allow(other, ANN)) == password, "one user for all shares of the project"
    making.driver.release()
    making.driver = making.new_driver(local_smb_create_users=True)
    making.start()
    assert key(making.allow(share, ANN)) == password
    assert list(held(making, share)["rules"]) == [
        {"access_type": "user", "access_to": "ann", "access_level": "rw"}
    ]


def test_two_projects_have_users_of_one_name(making: Backend, project: str, login: str) -> None:
    ours = making.share(protocol="CIFS", project_id=project)
    theirs = making.share(protocol="CIFS", project_id=uuid.uuid4().hex)
    password, other = key(making.allow(ours, ANN)), key(making.allow(theirs, ANN))
    assert password != other
    their_login = f"ann.{theirs['project_id'][:8]}"
    assert "NT_STATUS" not in smbclient(making, theirs, WRITE, their_login, password=other)
    assert "NT_STATUS" in smbclient(making, theirs, "ls", login, password=password)
    assert "NT_STATUS" in smbclient(making, ours, "ls", their_login, password=other)


def test_a_user_is_gone_with_the_last_rule_that_names_it(
    making: Backend, project: str, login: str
) -> None:
    """And what comes later under the same name has another password."""
    first, second = (making.share(protocol="CIFS", project_id=project) for _ in range(2))
    password = key(making.allow(first, ANN))
    making.allow(second, ANN)
    making.allow(first)
    assert "NT_STATUS" not in smbclient(making, second, "ls", login, password=password)
    making.delete(second)
    assert login not in exporter(making).server.run("pdbedit", "--list")
    new = key(making.allow(first, ANN))
    assert new != password
    assert "NT_STATUS" in smbclient(making, first, "ls", login, password=password)
    assert "NT_STATUS" not in smbclient(making, first, "ls", login, password=new)


def test_what_a_cut_off_call_left_of_a_user_is_repaired(
    making: Backend, project: str, login: str
) -> None:
    share = making.share(protocol="CIFS", project_id=project)
    server = exporter(making).server
    password = key(making.allow(share, ANN))
    server.run("pdbedit", "--delete", f"--user={login}")  # the file was there first
    assert key(making.allow(share, ANN)) == password
    assert "NT_STATUS" not in smbclient(making, share, "ls", login, password=password)
    making.driver.release()
    (server.directory / "users" / f"{login}.json").write_text("{")
    making.driver = making.new_driver(local_smb_create_users=True)
    making.start()
    assert not exporter(making).lets_in(name(share)), "so the rules are applied again"
    new = key(making.allow(share, ANN))
    assert new != password
    assert "NT_STATUS" in smbclient(making, share, "ls", login, password=password)
    assert "NT_STATUS" not in smbclient(making, share, "ls", login, password=new)


@pytest.mark.parametrize("word", ["Ann", "ROOT", "a b", "-a", "a" * 33])
def test_a_user_of_a_rule_is_lower_case(
    making: Backend, project: str, login: str, word: str
) -> None:
    """Samba ignores case, so Ann and ann would be two rules for one user."""
    share = making.share(protocol="CIFS", project_id=project)
    bad = rule(word, "ro", kind="user")
    told = making.told(share, ANN, bad)
    assert told[bad["access_id"]]["state"] == "error" and told[bad["access_id"]]["reason"]
    assert "NT_STATUS" not in smbclient(making, share, WRITE, login, password=key(told))


def test_of_two_rules_for_one_user_the_stricter_holds(
    making: Backend, project: str, login: str
) -> None:
    share = making.share(protocol="CIFS", project_id=project)
    password = key(making.told(share, rule("ann", "ro", kind="user"), ANN))
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(making, share, WRITE, login, password=password)
    assert "NT_STATUS" not in smbclient(making, share, "ls", login, password=password)


def test_snapshot_over_smb_is_read_only(smb: Backend) -> None:
    share = smb.share(protocol="CIFS")
    smb.allow(share, rule(USER, kind="user"))
    smbclient(smb, share, "mkdir then", USER)
    snapshot = smb.snapshot(share)
    allowed = rule(USER, "ro", kind="user")
    smb.driver.snapshot_update_access(CONTEXT, snapshot, [allowed], [allowed], [])
    name = f"snapshot-{snapshot['id']}"
    command = arguments(smb, share, "127.0.0.1", USER)
    command[1] = f"//127.0.0.1/{name}"
    listing = subprocess.run(
        [*command, "ls; mkdir x"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "then" in listing.stdout
    assert "NT_STATUS" in listing.stdout
    smb.driver.snapshot_update_access(CONTEXT, snapshot, [], [], [allowed])
    smb.driver.delete_snapshot(CONTEXT, snapshot)


def test_the_inventory_finds_what_somebody_did_to_samba(smb: Backend) -> None:
    """In the registry or to the files, while abaca runs or not; nobody gets in by that."""
    shares = [smb.share(protocol="CIFS") for _ in range(5)]
    for share in shares:
        smb.allow(share, rule(USER, kind="user"), rule("127.0.0.1"))
    assert all(whole(smb, share) for share in shares)
    [rules] = {frozenset(tuple(r.values()) for r in held(smb, s)["rules"]) for s in shares}
    assert rules == {("user", USER, "rw"), ("ip", "127.0.0.1/32", "rw")}
    server, files = exporter(smb).server, [exporter(smb).shares._file(name(s)) for s in shares]
    server.run("net", "conf", "delshare", name(shares[0]))
    server.run("net", "conf", "setparm", name(shares[1]), "valid users", OTHER)
    files[2].unlink()
    assert [whole(smb, share) for share in shares] == [False, False, False, True, True]
    assert exporter(smb).has(name(shares[0]))
    smb.driver.reconcile()
    assert all(whole(smb, share) for share in shares)
    assert "NT_STATUS" in smbclient(smb, shares[1], "ls", OTHER)

    smb.driver.release()
    files[3].write_text(files[3].read_text().replace(USER, OTHER))
    files[4].write_bytes(b"\xff{")
    smb.driver = smb.new_driver()
    smb.start()
    assert [whole(smb, share) for share in shares] == [True, True, True, False, False]
    assert "NT_STATUS" in smbclient(smb, shares[3], "ls", OTHER), "a changed file is not obeyed"
    smb.driver.ensure_shares(CONTEXT, shares)
    assert "NT_STATUS" in smbclient(smb, shares[3], "ls", USER), "nobody, until rules are applied"
    smb.allow(shares[3], rule(USER, kind="user"))
    assert "NT_STATUS" not in smbclient(smb, shares[3], WRITE, USER)
    assert all(whole(smb, share) for share in shares)


def name(share: Share) -> str:
    return f"share-{share['id']}"


def held(smb: Backend, share: Share) -> dict[str, Any]:
    found = smb.driver.get_inventory(CONTEXT)
    return next(each for each in found if each["id"] == share["id"])


def whole(smb: Backend, share: Share) -> bool:
    return bool(held(smb, share)["exported"])


def test_a_revert_keeps_users_and_lets_nobody_write_meanwhile(
    smb: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = smb.share(protocol="CIFS")
    user = rule(USER, kind="user")
    smb.allow(share, user)
    assert "NT_STATUS" not in smbclient(smb, share, WRITE, USER)
    snapshot = smb.snapshot(share)
    real, said = revert.run, []

    def run(*arguments: Any) -> None:
        said.append(smbclient(smb, share, "mkdir x", USER))
        real(*arguments)

    monkeypatch.setattr(revert, "run", run)
    smb.driver.revert_to_snapshot(CONTEXT, snapshot, [user], [])
    assert "NT_STATUS_MEDIA_WRITE_PROTECTED" in said[0] or "NT_STATUS_ACCESS_DENIED" in said[0]
    assert "NT_STATUS" not in smbclient(smb, share, "mkdir x", USER)
