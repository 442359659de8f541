"""Access rules as NFS clients feel them."""

from __future__ import annotations

import errno
import subprocess

import pytest

from abaca.drivers.contract import errors
from storage.kit import (
    CONTEXT,
    REFUSED,
    REFUSED_NAMES,
    Backend,
    Foreigner,
    errno_of,
    new_share,
    rule,
)

pytestmark = pytest.mark.storage
HELLO = "c.write('/hello', b'1'); print(c.read('/hello').decode())"


def test_new_share_lets_nobody_in(backend: Backend) -> None:
    share = backend.share()
    assert errno_of(lambda: backend.mount(share)) in REFUSED


def test_write_and_read_after_allow(backend: Backend) -> None:
    share = backend.share()
    wanted = rule("127.0.0.1")
    assert backend.allow(share, wanted) == {wanted["access_id"]: {"state": "active"}}
    with backend.mount(share) as client:
        client.write("/hello.txt", b"hello" * 1000)
        assert client.read("/hello.txt") == b"hello" * 1000
        assert client.listdir() == ["hello.txt"]


def test_foreign_address_is_denied_until_allowed(backend: Backend, foreigner: Foreigner) -> None:
    share = backend.share()
    name = f"share-{share['id']}"
    backend.allow(share, rule("127.0.0.0/8"))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) in REFUSED_NAMES
    other = backend.share()  # with its rule the foreigner can connect, and the server decides
    backend.allow(other, rule(foreigner.address))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "EACCES"
    backend.allow(share, rule("127.0.0.0/8"), rule(foreigner.address))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "1"
    backend.allow(share, rule("127.0.0.0/8"))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "EACCES"


def test_ipv6_rules(backend: Backend, foreigner: Foreigner) -> None:
    share = backend.share()
    name = f"share-{share['id']}"
    backend.allow(share, rule(foreigner.address))
    assert foreigner.nfs(foreigner.ours6, backend, name, HELLO) in REFUSED_NAMES
    backend.allow(share, rule(f"{foreigner.address6}/64"))
    assert foreigner.nfs(foreigner.ours6, backend, name, HELLO) == "1"
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) in REFUSED_NAMES


def test_longest_prefix_wins(backend: Backend, foreigner: Foreigner) -> None:
    share = backend.share()
    name = f"share-{share['id']}"
    backend.allow(share, rule("0.0.0.0/0"), rule(foreigner.address, "ro"))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "EROFS"
    backend.allow(share, rule("0.0.0.0/0", "ro"), rule(foreigner.address, "rw"))
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "1"


def test_everybody(backend: Backend, foreigner: Foreigner) -> None:
    share = backend.share()
    backend.allow(share, rule("0.0.0.0/0"))
    name = f"share-{share['id']}"
    assert foreigner.nfs(foreigner.ours, backend, name, HELLO) == "1"


def test_rule_removed_while_mounted_with_an_open_file(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    client = backend.mount(share)
    client.write("/file", b"secret")
    file = client.open("/file")
    assert file.read() == b"secret"
    backend.allow(share)
    assert errno_of(file.read) == errno.EACCES
    assert errno_of(lambda: file.write(b"x")) == errno.EACCES
    assert errno_of(lambda: client.write("/other", b"x")) == errno.EACCES
    backend.allow(share, rule("127.0.0.1"))
    assert file.read() == b"secret"


def test_narrowed_to_read_only_while_mounted(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    with backend.mount(share) as client:
        client.write("/file", b"old")
        backend.allow(share, rule("127.0.0.1", "ro"))
        assert errno_of(lambda: client.write("/file", b"new")) == errno.EROFS
        assert client.read("/file") == b"old"


def test_version_four_is_served_under_the_same_path(backend: Backend) -> None:
    share = backend.share()
    port, _ = backend.nfs_port(f"share-{share['id']}")
    url = f"nfs://127.0.0.1/share-{share['id']}?version=4&nfsport={port}"
    backend.allow(share, rule("127.0.0.1"))
    (backend.driver.share_path(share["id"]) / "file").write_text("x")
    listed = subprocess.run(["nfs-ls", url], capture_output=True, text=True, timeout=60)
    assert "file" in listed.stdout, listed.stderr
    backend.allow(share)
    denied = subprocess.run(["nfs-ls", url], capture_output=True, text=True, timeout=60)
    assert denied.returncode != 0


HOSTILE = [
    "10.0.0.1; } EXPORT { Export_Id = 9; Path = /; Pseudo = /x; Access_Type = RW; }",
    '10.0.0.1"\n%include "/etc/passwd',
    "*",
    "@netgroup",
    "host.example.com",
    "fe80::1%lo",
    "10.0.0.1 10.0.0.2",
    "10.0.0.0/33",
    "",
    "١٢٧.0.0.1",
    "$(reboot)",
    "127.0.0.1\n",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_address_is_one_rule_in_error(backend: Backend, hostile: str) -> None:
    share = backend.share()
    good, bad = rule("127.0.0.1"), rule(hostile)
    states = backend.allow(share, good, bad)
    assert states == {good["access_id"]: {"state": "active"}, bad["access_id"]: {"state": "error"}}
    with backend.mount(share) as client:
        client.write("/x", b"1")
    backend.delete(share)


def test_types_and_levels_not_supported_are_rules_in_error(backend: Backend) -> None:
    share = backend.share()
    user, level = rule("alice", kind="user"), rule("127.0.0.1", "admin")
    states = backend.allow(share, user, level)
    assert {state["state"] for state in states.values()} == {"error"}
    assert errno_of(lambda: backend.mount(share)) in REFUSED


def test_equal_rules_of_both_levels_give_the_lesser(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1", "rw"), rule("127.0.0.1/32", "ro"))
    with backend.mount(share) as client:
        assert errno_of(lambda: client.write("/x", b"1")) == errno.EROFS


def test_rules_of_a_share_that_is_gone(backend: Backend) -> None:
    with pytest.raises(errors.ShareResourceNotFound):
        backend.allow(new_share(), rule("127.0.0.1"))


def test_deleted_share_is_gone_for_mounted_clients(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule("127.0.0.1"))
    client = backend.mount(share)
    client.write("/x", b"1")
    backend.driver.delete_share(CONTEXT, share)
    backend.driver.delete_share(CONTEXT, share)
    assert errno_of(lambda: client.read("/x")) in (errno.ESTALE, errno.EACCES)
    assert not backend.driver.share_path(share["id"]).exists()
    client.close()
