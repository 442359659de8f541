"""Samba users, and what a client without rules finds out over SMB."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Iterator

import pytest

from abaca.drivers.ganesha.processes import wait_until
from attack.conftest import Wall
from attack.smb_client import FSCTL_DFS_REFERRALS, SUCCESS, Login
from attack.smb_share import (
    EVERYBODY,
    connect,
    exporter,
    name_of,
    new_project,
    open_share,
    reach,
    samba,
    user_of,
)
from storage.kit import CONTEXT, Backend, new_snapshot, rule

pytestmark = pytest.mark.storage
WALL = "SMB: a user is one project's"
PIPES = (
    *("winreg", "samr", "svcctl", "lsarpc", "lsass", "epmapper", "srvsvc", "wkssvc", "netlogon"),
    *("spoolss", "eventlog", "atsvc", "ntsvcs", "initshutdown", "netdfs", "rpcecho", "mdssvc"),
    *("FssagentRpc", "browser", "dssetup", "unixinfo", "witness", "..\\winreg", "\\winreg"),
)
HOST = (
    "root",
    "Root",
    "ROOT",
    "daemon",
    "Daemon",
    "nobody",
    "postgres",
    "sshd",
    "games",
    "www-data",
)


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with samba() as found:
        yield found


def test_rules_for_names_of_the_host_open_nothing_of_the_host(wall: Wall, backend: Backend) -> None:
    before = {entry.pw_name for entry in pwd.getpwall()}
    for name in HOST:
        share = backend.share(protocol="CIFS", project_id=new_project())
        wanted = rule(name, kind="user")
        told = backend.allow(share, wanted)[wanted["access_id"]]
        if name in ("root", *(each for each in HOST if each != each.lower())):
            wall.attempt(f"a rule for {name}", got_through=told["state"] != "error")
        password = told.get("access_key", "")
        for login in (name, name.lower()):
            where = f"{login} logs in with the password of a rule for {name}"
            wall.attempt(
                where, got_through=reach(backend, Login(login, password), name_of(share)) == 0
            )
    wall.attempt("accounts of the host", {entry.pw_name for entry in pwd.getpwall()} != before)
    listed = exporter(backend).server.run("pdbedit", "--list").splitlines()
    taken = {line.split(":")[0] for line in listed} & before
    wall.attempt(f"users that the host has, too: {taken}", got_through=bool(taken))
    wall.assert_held()


def test_root_is_refused_even_with_a_password(wall: Wall, backend: Backend) -> None:
    """As an abaca of before could leave it: root in the password database, in a share's rules."""
    server = exporter(backend).server
    server.run("pdbedit", "--create", "--password-from-stdin", "--user=root", text="pw\npw\n")
    share = open_share(backend, EVERYBODY)
    server.run("net", "conf", "setparm", name_of(share), "valid users", "root")
    server.run("net", "conf", "setparm", name_of(share), "guest only", "no")
    try:
        for name in ("root", "Root", "ROOT"):
            for tree in (name_of(share), "IPC$"):
                status = reach(backend, Login(name, "pw"), tree)
                wall.attempt(f"{name} at {tree}", got_through=status == SUCCESS)
    finally:
        server.run("pdbedit", "--delete", "--user=root")
        backend.allow(share)
    wall.assert_held()


def test_no_rpc_service_is_there(wall: Wall, backend: Backend) -> None:
    share = open_share(backend)
    visitors = (Login(), Login("guest"), Login("stranger"), user_of(backend, share, "ann"))
    for who in visitors:
        with connect(backend) as client:
            assert client.login(who) == SUCCESS
            client.tree("IPC$")
            for pipe in PIPES:
                what = f"{who.user or 'anonymous'} opens {pipe}"
                wall.attempt(what, got_through=client.pipe(pipe) == SUCCESS)
    helpers = exporter(backend).server.directory / "ncalrpc" / "np"
    wall.attempt("a helper listens", got_through=helpers.exists() and any(helpers.iterdir()))
    wall.assert_held()


def test_nobody_is_told_of_shares_or_users(wall: Wall, backend: Backend) -> None:
    theirs = open_share(backend, EVERYBODY)
    ours = open_share(backend)
    user = user_of(backend, ours, "ann")
    port = str(backend.options["local_smb_port"])
    commands = [["smbclient", "-L", "127.0.0.1", "-p", port]]
    commands += [
        ["rpcclient", "-p", port, "127.0.0.1", "-c", what]
        for what in (
            *(f"netshareenum {level}" for level in (0, 1, 2, 502)),
            *(f"netsharegetinfo {name_of(theirs)} {level}" for level in (1, 2, 502)),
            *("netsessenum", "netfileenum", "enumdomusers", "querydispinfo", "lookupnames root"),
            *("lsaenumsid", "enumalsgroups builtin", "srvinfo"),
        )
    ]
    for logins in (["-N"], ["-U", "guest%"], ["-U", f"{user.user}%{user.password}"]):
        for command in commands:
            done = subprocess.run(
                [*command, *logins], capture_output=True, text=True, timeout=60, check=False
            )
            said = done.stdout + done.stderr
            names = (name_of(theirs), name_of(ours), str(theirs["id"]), "S-1-5-21", "user:[")
            told = [name for name in names if name in said and name not in command[-1]]
            wall.attempt(f"{command[-1]} {logins}: {told}", got_through=bool(told))
    wall.assert_held()


def test_a_share_without_rules_looks_like_none(wall: Wall, backend: Backend) -> None:
    """One with rules for others is told apart by who knows its name, which cannot be guessed."""
    closed = open_share(backend)
    for who in (Login(), Login("guest")):
        with connect(backend) as client:
            client.login(who)
            statuses = [client.tree(name) for name in (name_of(closed), "share-nothing")]
            wall.attempt(f"by the status: {statuses}", got_through=statuses[0] != statuses[1])
        with connect(backend) as client:
            client.login(who)
            client.tree("IPC$")
            answers = [
                client.ioctl(FSCTL_DFS_REFERRALS, data=_referral(name)).status
                for name in (name_of(closed), "share-nothing")
            ]
            wall.attempt(f"by referrals: {answers}", got_through=answers[0] != answers[1])
    wall.assert_held()


def _referral(name: str) -> bytes:
    return b"\4\0" + f"\\127.0.0.1\\{name}\0".encode("utf-16-le")


def test_a_name_that_another_project_took_opens_nothing(wall: Wall, backend: Backend) -> None:
    theirs, ours = open_share(backend), open_share(backend)
    them, us = user_of(backend, theirs, "bob"), user_of(backend, ours, "bob")
    third = open_share(backend)
    for name in (them.user, us.user):  # the full name, in a rule of somebody else
        user_of(backend, third, name)
        for who in (them, us):
            wall.attempt(
                f"{who.user} by a rule for {name} of another project",
                got_through=reach(backend, who, name_of(third)) == SUCCESS,
            )
    for who in (
        Login(them.user, us.password),
        Login("bob", them.password),
        us,
        Login(),
        Login("bob"),
    ):
        got_through = reach(backend, who, name_of(theirs)) == SUCCESS
        wall.attempt(f"{who.user} with another password", got_through)
    assert reach(backend, them, name_of(theirs)) == SUCCESS
    wall.assert_held()


def test_two_projects_whose_ids_begin_alike_share_no_user(wall: Wall, backend: Backend) -> None:
    project = new_project()
    alike = project[:8] + new_project()[8:]
    theirs = open_share(backend, project=project)
    user = user_of(backend, theirs, "eve")
    ours = backend.share(protocol="CIFS", project_id=alike)
    wanted = rule("eve", kind="user")
    told = backend.allow(ours, wanted)[wanted["access_id"]]
    wall.attempt("the other's password is shown", got_through="access_key" in told)
    wall.attempt("the other is let in", got_through=reach(backend, user, name_of(ours)) == SUCCESS)
    wall.assert_held()


def test_a_user_of_a_removed_rule_is_out(wall: Wall, backend: Backend) -> None:
    """Also on a connection that is open, and when the name comes back."""
    share = open_share(backend)
    old = user_of(backend, share, "ann")
    with connect(backend) as held:
        assert held.login(old) == SUCCESS and held.tree(name_of(share)) == SUCCESS
        backend.allow(share)
        wall.attempt("the password of a removed rule", reach(backend, old, name_of(share)) == 0)
        new = user_of(backend, share, "ann")
        assert new.password != old.password
        wall.attempt("the same, with a new rule", reach(backend, old, name_of(share)) == 0)

        def comes_back() -> bool:
            try:
                return held.tree(name_of(share)) == SUCCESS
            except OSError:
                return False

        wall.attempt("a session of before", got_through=wait_until(comes_back, 0.2))
    assert reach(backend, new, name_of(share)) == SUCCESS
    wall.assert_held()


def test_a_revert_to_a_snapshot_of_another_project_keeps_the_users(
    wall: Wall, backend: Backend
) -> None:
    """A snapshot that an administrator took belongs to the administrator's project."""
    share, admin = open_share(backend), new_project()
    wanted = rule("ann", kind="user")
    told = backend.allow(share, wanted)[wanted["access_id"]]
    user = Login(f"ann.{str(share['project_id'])[:8]}", told["access_key"])
    snapshot = new_snapshot(share, project_id=admin)
    backend.driver.create_snapshot(CONTEXT, snapshot)
    backend.driver.revert_to_snapshot(CONTEXT, snapshot, [wanted], [])
    wall.attempt("the user is locked out", reach(backend, user, name_of(share)) != SUCCESS)
    listed = exporter(backend).server.run("pdbedit", "--list")
    wall.attempt("the administrator's project has a user", admin[:8] in listed)
    wall.assert_held()


def test_addresses_and_users_in_a_rule_mean_nothing_else(wall: Wall, backend: Backend) -> None:
    """Words that mean groups, everybody or another parameter in Samba's language."""
    share = open_share(backend)
    stranger = user_of(backend, open_share(backend), "stranger")
    words = (
        "everyone",
        "users",
        "guest",
        "nobody",
        "@users",
        "+adm",
        "&x",
        "%U",
        "*",
        "all",
        "anonymous",
    )
    words += ("network", "administrators", "S-1-1-0", "a,b", "x\nguest ok = yes", "ann guest", '"')
    for word in words:
        backend.allow(share, rule(word, kind="user"))
        for who in (Login(), Login("guest"), Login("nobody"), Login(word), stranger):
            got_through = reach(backend, who, name_of(share)) == SUCCESS
            wall.attempt(f"{who.user or 'anonymous'} by a rule for {word!r}", got_through)
    wall.assert_held()
