"""Ganesha's configuration language: what goes in comes back, what could harm stays out."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abaca.drivers.ganesha.blocks import Block, BrokenText, UnsafeValue, parse, render
from abaca.drivers.ganesha.clients import Client, ordered
from abaca.drivers.ganesha.export import Export, Fsal, check_name, from_text, to_text


def test_block_comes_back_as_it_was() -> None:
    block = Block("A", (("Word", "x"), ("Path", "/a b")), (Block("B", (("List", ("1", "2")),)),))
    assert parse(render(block)) == [block]


@given(st.text())
def test_any_text_is_rendered_faithfully_or_refused(text: str) -> None:
    try:
        rendered = render(Block("A", (("Key", text),)))
    except UnsafeValue:
        return
    assert parse(rendered) == [Block("A", (("Key", text),))]


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\\b", "\x00", "a'b", "\x7f"])
def test_unsafe_values_are_refused(text: str) -> None:
    with pytest.raises(UnsafeValue):
        render(Block("A", (("Key", text),)))
    with pytest.raises(UnsafeValue):
        render(Block("A", (("Key", (text,)),)))


@pytest.mark.parametrize("text", ["A {", "A { b }", "A { b = ; c", "{}", "A { b = 1; } }", '"'])
def test_broken_text(text: str) -> None:
    with pytest.raises(BrokenText):
        parse(text)


networks = st.one_of(
    st.ip_addresses(network="10.0.0.0/8").flatmap(
        lambda address: st.integers(0, 32).map(
            lambda length: ipaddress.ip_network((address, length), strict=False)
        )
    ),
    st.ip_addresses(v=6, network="fd00::/8").flatmap(
        lambda address: st.sampled_from([*range(100), 128]).map(  # that Ganesha can read
            lambda length: ipaddress.ip_network((address, length), strict=False)
        )
    ),
)
clients = st.lists(st.builds(Client, networks, st.booleans()), max_size=6)


@given(clients)
def test_longest_prefix_first_and_the_stricter_of_equals(given: list[Client]) -> None:
    result = ordered(given)
    lengths = [client.network.prefixlen for client in result]
    assert lengths == sorted(lengths, reverse=True)
    assert {client.network for client in result} == {client.network for client in given}
    for client in result:
        same = [other.writable for other in given if other.network == client.network]
        assert client.writable == all(same)


@given(clients)
def test_export_comes_back_with_the_same_rights(given: list[Client]) -> None:
    export = Export(7, "share-1", "/mnt/7", "/pool/shares/1", tuple(ordered(given)))
    again = from_text(to_text(export))
    assert (again.export_id, again.name, again.path, again.source) == (
        7,
        "share-1",
        "/mnt/7",
        "/pool/shares/1",
    )
    for client in given:
        address = client.network.network_address
        assert _right(again.clients, address) == _right(export.clients, address)


def _right(clients: tuple[Client, ...], address: object) -> bool | None:
    """What the first matching client block gives an address."""
    for client in clients:
        if address in client.network:  # type: ignore[operator]
            return client.writable
    return None


def test_other_file_systems_keep_their_block() -> None:
    fsal = Fsal("GLUSTER", (("Hostname", "h"), ("Volume", "v"), ("Volpath", "/s/1")))
    export = Export(1, "share-1", "/share-1", fsal=fsal)
    assert from_text(to_text(export)) == export


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", 'a"', "x" * 200, ".hidden"])
def test_export_names(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        check_name(name)
