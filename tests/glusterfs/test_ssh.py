"""Machines reached over a real SSH server: who they are, who we are, and what gets lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.nodes import files
from abaca.drivers.nodes.node import LocalNode, Node
from abaca.drivers.nodes.ssh import HostKeyChanged, LoginRefused, SshNode
from glusterfs.kit import CONTEXT, Backend
from glusterfs.lab import PASSWORD, Lab, sh

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "state" / "known_hosts"


@pytest.fixture
def node(lab: Lab, pins: Path) -> Iterator[SshNode]:
    node = SshNode("root", lab.machines[0].address, pins, key_file=str(lab.key))
    yield node
    node.close()


def test_words_arrive_as_they_are(node: SshNode) -> None:
    hostile = ["a b", "$(touch /tmp/x)", "'", '"', ";", "\n", "*", "", "-n", "ü"]
    done = node.run("printf", r"%s\0", *hostile)
    assert done.code == 0 and done.out.split("\0")[:-1] == hostile
    assert node.run("cat", data="given\n" * 100_000).out == "given\n" * 100_000
    assert node.run("sh", "-c", "echo out; echo err >&2; exit 7") == type(done)(7, "out\n", "err\n")


def test_by_password(lab: Lab, pins: Path) -> None:
    node = SshNode("root", lab.machines[0].address, pins, password=PASSWORD)
    assert node.run("id", "-u").out == "0\n"
    node.close()


@pytest.mark.parametrize("which", ["password", "key", "no such key", "no key at all"])
def test_wrong_credentials_are_told_apart_from_a_lost_machine(
    lab: Lab, pins: Path, tmp_path: Path, which: str
) -> None:
    other = tmp_path / "other_key"
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    given: dict[str, str] = {
        "password": {"password": "not-this-one"},
        "key": {"key_file": str(other)},
        "no such key": {"key_file": str(tmp_path / "nothing")},
        "no key at all": {"key_file": "/etc/hostname"},
    }[which]
    node = SshNode("root", lab.machines[0].address, pins, **given)  # type: ignore[arg-type]
    with pytest.raises(LoginRefused, match="root@") as refused:
        node.run("true")
    assert not errors.transient(refused.value)
    assert "not-this-one" not in str(refused.value)


def test_a_host_key_is_pinned_at_first_contact_and_a_change_refused(
    lab: Lab, node: SshNode, pins: Path
) -> None:
    machine = lab.machines[0]
    assert node.run("true").code == 0
    assert pins.read_text().startswith(f"{machine.address} ssh-ed25519 ")
    sh("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(machine.directory / "other_kind"))
    try:
        for key in ("another", "other_kind"):  # a key of another kind is no way around it
            machine.kill("sshd -f")
            machine.start_sshd(key)
            node.close()
            with pytest.raises(HostKeyChanged, match="remove its line from") as refused:
                node.run("true")
            assert not errors.transient(refused.value)
            assert pins.read_text().count("\n") == 1
    finally:
        machine.kill("sshd -f")
        machine.start_sshd()
    assert node.run("true").code == 0


def test_a_connection_that_was_lost_is_made_again(lab: Lab, node: SshNode) -> None:
    machine = lab.machines[0]
    assert node.run("true").code == 0
    machine.kill("sshd")
    with pytest.raises(errors.StorageCommunicationException) as lost:
        node.run("true")
    assert errors.transient(lost.value)
    machine.start_sshd()
    assert node.run("true").code == 0


def test_a_command_whose_answer_is_lost_is_not_sent_again(lab: Lab, node: SshNode) -> None:
    mark = lab.directory / "mark"
    with pytest.raises(errors.StorageCommunicationException, match="did not answer to sh"):
        node.run("sh", "-c", f"echo x >> {mark}; kill -9 $PPID")
    assert mark.read_text() == "x\n"


def test_a_command_that_takes_too_long_has_an_unknown_outcome(node: SshNode) -> None:
    with pytest.raises(errors.StorageCommunicationException):
        node.run("sleep", "60", seconds=0.2)
    with pytest.raises(errors.StorageCommunicationException):
        LocalNode().run("sleep", "60", seconds=0.2)


def test_many_threads_share_one_connection(node: SshNode) -> None:
    """None of them ends it: a server hangs up when it is told of a channel that is over."""
    found: list[int] = []

    def several(first: int) -> None:
        for number in range(first, 300, 30):
            found.append(int(node.run("echo", str(number)).out))

    threads = [threading.Thread(target=several, args=(first,)) for first in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(300))


@pytest.mark.parametrize("far", [True, False])
def test_files_are_kept_there(node: SshNode, tmp_path: Path, far: bool) -> None:
    machine: Node = node if far else LocalNode()
    odd = tmp_path / "a b's $(x)"
    odd.mkdir()
    files.write(machine, str(odd / "one.conf"), "1\n" * 50_000)
    files.write(machine, str(odd / "-two.conf"), "ü")
    files.write(machine, str(odd / "-two.conf"), "")
    assert files.read(machine, str(odd / "one.conf")) == "1\n" * 50_000
    assert files.read_all(machine, str(odd), "*.conf") == {
        "one.conf": "1\n" * 50_000,
        "-two.conf": "",
    }
    files.remove(machine, str(odd / "one.conf"))
    files.remove(machine, str(odd / "one.conf"))
    assert [path.name for path in odd.iterdir()] == ["-two.conf"]
    with pytest.raises(errors.ProcessExecutionError):
        files.read(machine, str(odd / "one.conf"))


def test_a_backend_by_password_on_both_machines(lab: Lab, backend: Backend) -> None:
    by_password = Backend(
        lab,
        glusterfs_path_to_private_key=None,
        glusterfs_server_password=PASSWORD,
        glusterfs_ganesha_server_password=PASSWORD,
    )
    by_password.start()
    by_password.delete(by_password.share())


def test_a_backend_that_may_not_log_in_says_so_and_makes_nothing(lab: Lab) -> None:
    backend = Backend(lab, glusterfs_path_to_private_key=None, glusterfs_server_password="wrong")
    with pytest.raises(LoginRefused, match=f"root@{lab.machines[0].address} does not let us in"):
        backend.driver.do_setup(CONTEXT)
