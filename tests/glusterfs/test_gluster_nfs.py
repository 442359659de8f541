"""Access by Gluster-NFS, as far as Debian's GlusterFS goes: its options are real, its server is not
part of the package.  That the server is missed at the start is a test of test_setup.py."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.glusterfs.gluster_helper import (
    ALLOW,
    EXPORT_DIR,
    REJECT,
    GlusterNFSHelper,
    parse,
    render,
)
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.mount import ControlMount
from abaca.drivers.glusterfs.place import Place
from abaca.drivers.nodes.node import LocalNode
from abaca.drivers.rules import read
from glusterfs.kit import Backend, rule
from glusterfs.lab import Lab

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


def manager_of(backend: Backend) -> GlusterManager:
    layout: Any = backend.driver.layout
    manager: GlusterManager = layout.manager
    return manager


def allow(helper: GlusterNFSHelper, place: Place, *rules: Any) -> dict[str, str]:
    wanted = read(rules, helper.rule_types, levels=helper.levels)
    helper.allow(place, wanted, rules)
    return wanted.refused


def test_directories_are_let_in_and_out(local_backend: Backend) -> None:
    layout: Any = local_backend.driver.layout
    manager, helper = manager_of(local_backend), GlusterNFSHelper(layout.mount.cluster_lock)
    one, two = Place(manager, "one", "/one"), Place(manager, "two", "/two")
    assert helper.locations(one)[0]["path"] == f"{manager.address.host}:/vol/one"
    allow(helper, one, rule("192.0.2.7"), rule("198.51.100.0/24"))
    six, read_only = rule("2001:db8::1"), rule("192.0.2.9", "ro")
    assert set(allow(helper, two, rule("0.0.0.0/0"), six, read_only)) == {
        six["access_id"],
        read_only["access_id"],
    }
    assert manager.get_vol_option(EXPORT_DIR) == "/one(192.0.2.7|198.51.100.0/24),/two(*)"
    assert helper.held(manager) == {
        "one": [("ip", "192.0.2.7", "rw"), ("ip", "198.51.100.0/24", "rw")],
        "two": [("ip", "0.0.0.0/0", "rw")],
    }
    allow(helper, one, rule("192.0.2.8"))  # recovery also removes
    helper.withdraw(manager, "two")
    assert manager.get_vol_option(EXPORT_DIR) == "/one(192.0.2.8)"
    helper.withdraw(manager, "one")
    helper.withdraw(manager, "one")
    assert manager.get_vol_option(EXPORT_DIR) is None


def test_two_hosts_that_change_it_at_once_lose_nothing(lab: Lab, local_backend: Backend) -> None:
    manager = manager_of(local_backend)

    def host(number: int) -> None:
        own = manager.for_volume("vol")
        own._turn = threading.Lock()  # another process
        mount = ControlMount(own, lab.directory / f"host{number}", LocalNode())
        helper = GlusterNFSHelper(mount.cluster_lock)
        for each in range(3):
            place = Place(own, f"h{number}-{each}", f"/h{number}-{each}")
            allow(helper, place, rule(f"192.0.2.{number * 10 + each}"))
        mount.release()

    threads = [threading.Thread(target=host, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exports = parse(manager.get_vol_option(EXPORT_DIR))
    assert set(exports) == {f"/h{n}-{e}" for n in (1, 2) for e in range(3)}
    manager.set_vol_option(EXPORT_DIR, None)


def test_volumes_are_let_in_and_out(local_backend: Backend) -> None:
    manager, helper = manager_of(local_backend), GlusterNFSHelper(None)
    place = Place(manager, "share", "/")
    assert helper.locations(place)[0]["path"] == f"{manager.address.host}:/vol"
    try:
        assert helper.export(place) is True  # a new share lets nobody in
        assert manager.get_vol_option(REJECT) == "*"
        allow(helper, place, rule("192.0.2.7"))
        assert manager.get_vol_option(ALLOW) == "192.0.2.7"
        assert manager.get_vol_option(REJECT) != "*"
        assert helper.export(place) is False  # ensured: not even for a moment without its rule
        assert manager.get_vol_option(ALLOW) == "192.0.2.7"
        assert manager.get_vol_option(REJECT) != "*"
        allow(helper, place)
        assert manager.get_vol_option(REJECT) == "*"
    finally:
        for name in (ALLOW, REJECT):
            manager.set_vol_option(name, None)


@pytest.mark.parametrize("text", ["/a(1|2),/b(3)", "/a(*)", ""])
def test_the_option_round_trips(text: str) -> None:
    assert render(parse(text)) == text


def test_a_directory_without_clients_is_open_to_all() -> None:
    assert parse("/a, /b(1)") == {"/a": ("*",), "/b": ("1",)}


@pytest.mark.parametrize("text", ["a(1)", "/a(1", "/a)1(", "/a(1)/b(2)"])
def test_what_is_no_list_is_not_overwritten(text: str) -> None:
    with pytest.raises(errors.GlusterfsException):
        parse(text)
