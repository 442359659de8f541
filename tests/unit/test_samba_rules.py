"""Access rules as Samba parameters."""

from __future__ import annotations

import ipaddress

import pytest

from abaca.drivers.samba.rules import Rules, narrows, of_one_level, parameters
from abaca.drivers.samba.section import UnsafeValue, check_name, parse, render

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Levels = dict[Network, bool]
NET, HOST = ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("10.0.0.5/32")


def test_no_rules_is_no_share() -> None:
    assert parameters(Rules())["available"] == "no"


def test_users() -> None:
    found = parameters(Rules(users={"bob": False, "al": True}))
    assert found["valid users"] == "al bob"
    assert found["write list"] == "al"
    assert found["guest ok"] == "no"
    assert found["read only"] == "yes"
    assert "hosts allow" not in found


def test_no_writer_means_no_write_list() -> None:
    assert "write list" not in parameters(Rules(users={"bob": False}))
    assert "write list" not in parameters(Rules({NET: False}, {"bob": True}))


def test_addresses() -> None:
    assert parameters(Rules({NET: True}))["hosts allow"] == "10.0.0.0/8"
    assert parameters(Rules({NET: True}))["read only"] == "no"
    assert parameters(Rules({NET: False}))["read only"] == "yes"
    assert parameters(Rules({NET: True, HOST: True}))["hosts allow"] == "10.0.0.0/8 10.0.0.5/32"


@pytest.mark.parametrize(
    ("wanted", "before", "honoured"),
    [
        ({NET: True, HOST: True}, {NET: False}, {NET, HOST}),
        ({NET: True, HOST: False}, {NET: True}, {NET}),
        ({NET: True, HOST: False}, {HOST: False}, {HOST}),
        ({NET: True, HOST: False}, {}, {HOST}),
    ],
)
def test_addresses_of_one_level(wanted: Levels, before: Levels, honoured: set[Network]) -> None:
    assert of_one_level(wanted, before) == {network: wanted[network] for network in honoured}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Rules(), Rules({NET: True}), False),
        (Rules({NET: True}), Rules({NET: True, HOST: True}), False),
        (Rules({NET: True}), Rules(), True),
        (Rules({NET: True}), Rules({NET: False}), True),
        (Rules({NET: True, HOST: True}), Rules({NET: True}), True),
        (Rules({NET: True}), Rules({NET: True}, {"al": True}), True),
        (Rules(users={"al": True}), Rules(users={"al": False}), True),
        (Rules(users={"al": True}), Rules(users={"al": True, "bo": True}), False),
    ],
)
def test_who_must_be_disconnected(old: Rules, new: Rules, expected: bool) -> None:
    assert narrows(old, new) is expected


@pytest.mark.parametrize("value", ["a\nguest ok = yes", "%U", 'a"', "x\\", "\x00"])
def test_unsafe_values(value: str) -> None:
    with pytest.raises(UnsafeValue):
        render("share", {"path": value})


@pytest.mark.parametrize("name", ["global", "homes", "a]b", "", "a/b", "IPC$", "x" * 81])
def test_unsafe_names(name: str) -> None:
    with pytest.raises(UnsafeValue):
        check_name(name)


def test_section_comes_back() -> None:
    values = {"path": "/pool/x", "read only": "yes"}
    assert parse("[global]\n\tx = y\n\n" + render("share-1", values))["share-1"] == values
