"""Addresses and networks of access rules, and those that no server may see."""

from __future__ import annotations

import pytest

from abaca.drivers import rules
from abaca.drivers.ganesha.blocks import BrokenText, UnsafeValue
from abaca.drivers.ganesha.clients import Client, why_unwritable
from abaca.drivers.ganesha.control import ExportManager
from abaca.drivers.ganesha.export import Export, from_text, to_text
from abaca.model.errors import BadRequest
from abaca.model.networks import BadNetwork, parse, plain, why_no_client
from abaca.service import access_to

NOBODY = (
    "0.0.0.0", "0.0.0.0/32", "0.0.0.0/8", "0.0.0.0/9", "0.1.2.3", "224.0.0.1", "224.0.0.0/4",
    "239.255.255.255/32", "255.255.255.255", "255.255.255.255/32", "::", "::/128", "0::0",
    "ff02::1", "FF00::/8", "ff02::/16",
)  # fmt: skip
MAPPED_NOBODY = ("::ffff:0.0.0.0", "::ffff:0:0/128", "::ffff:255.255.255.255", "::ffff:e000:1")
SOMEBODY = (
    "0.0.0.0/0", "0.0.0.0/1", "0.0.0.0/7", "1.0.0.0", "10.0.0.0/8", "127.0.0.1", "223.255.255.255",
    "240.0.0.1", "255.255.255.254", "::/0", "::/1", "::/127", "::1", "fe80::1", "fd00::/8",
)  # fmt: skip
NO_NETWORK = (
    "", "*", "host", "fe80::1%eth0", "10.0.0.0/33", " 10.0.0.1", "10.0.0.1 ", "１0.0.0.1", "10.1",
    "1", "0", "0/0", "010.0.0.1", "0x0a.0.0.1", "10.0.0.1/", "@group", "+group", "?", "10.0.0.*",
    "all", "ALL EXCEPT 10.0.0.1", ".example.org", "10.0.0.1,*", "10.0.0.1|*", "10.0.0.1;",
    "10.0.0.1\n*",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_NETWORK)
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(BadNetwork):
        parse(text)
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.7/24", "10.0.0.0/24"),
        ("10.0.0.7", "10.0.0.7/32"),
        ("::ffff:10.0.0.7", "10.0.0.7/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("FD00::1", "fd00::1/128"),
        ("2001:DB8:0::1", "2001:db8::1/128"),
    ],
)
def test_one_spelling_for_one_network(text: str, expected: str) -> None:
    assert str(parse(text)) == plain(text) == expected


@pytest.mark.parametrize("text", [*NOBODY, *MAPPED_NOBODY, *NO_NETWORK])
def test_no_driver_is_told_of_what_no_client_can_be_in(text: str) -> None:
    """Not even by a row that was there before: the rule is in error, with a reason."""
    row = {"access_id": "1", "access_type": "ip", "access_to": text, "access_level": "rw"}
    wanted = rules.read([row], ["ip"])
    assert wanted.clients == []
    assert wanted.networks == {}
    assert wanted.states([row])["1"]["state"] == "error"
    with pytest.raises(BadNetwork):
        Client(parse(text), True)


@pytest.mark.parametrize("text", [*NOBODY, *MAPPED_NOBODY, *NO_NETWORK])
def test_no_rule_is_made_of_what_no_client_can_be_in(text: str) -> None:
    with pytest.raises(BadRequest, match=r"access_to is .*; it must be .*\."):
        access_to.check("ip", text)


@pytest.mark.parametrize("name", ["*", "*.example.org", "a,b", "a?", "[ab]", "a\\b"])
def test_no_rule_is_made_for_a_pattern_of_certificates(name: str) -> None:
    with pytest.raises(BadRequest, match="of one certificate"):
        access_to.check("cert", name)


@pytest.mark.parametrize("text", SOMEBODY)
def test_everything_else_is_let_in(text: str) -> None:
    assert why_no_client(parse(text)) is None
    assert Client(parse(text), True)
    access_to.check("ip", text)


@pytest.mark.parametrize("text", ["0.0.0.0", "*", "@group", "host", "10.0.0.1, *"])
def test_an_export_file_with_such_a_client_is_not_obeyed(text: str) -> None:
    file = (
        'EXPORT { Export_Id = 1; Path = "/a"; Pseudo = "/a"; Access_Type = None; Squash = None;\n'
        f"FSAL {{ Name = VFS; }} CLIENT {{ Clients = {text}; Access_Type = RW; }} }}"
    )
    with pytest.raises(BrokenText):
        from_text(file)


class Answering:
    """A message bus on which Ganesha says this of every export."""

    def __init__(self, *rows: object) -> None:
        self.rows = rows

    def call(self, *_: object) -> tuple[object, ...]:
        return (True, "", 0, "", list(self.rows))

    def owner(self, name: str) -> int:
        return 1


def row(client: object, options: object = 0x60) -> tuple[object, ...]:
    return (client, 0, 0, 255, 1, 0, 0, 0, options, 480)


def test_what_ganesha_says_and_nobody_can_read_is_told_as_it_is() -> None:
    rows = row("10.0.0.1/32"), row("*"), row("host.example", 0x20), row("10.0.0.5/24", 0x20)
    told = ExportManager(Answering(*rows)).in_force(1)
    assert [str(client.network) for client in told.clients] == ["10.0.0.1/32", "10.0.0.0/24"]
    assert told.unparsed == (("*", True), ("host.example", False))


@pytest.mark.parametrize("rows", [[()], [("10.0.0.1/32",)], [row("10.0.0.1/32", "much")], [7]])
def test_an_answer_of_another_form_is_no_end(rows: list[object]) -> None:
    told = ExportManager(Answering(*rows)).in_force(1)
    assert told.clients == []
    assert len(told.unparsed) == 1


@pytest.mark.parametrize(
    ("kind", "one", "other", "expected"),
    [
        ("ip", "10.0.0.1", "10.0.0.1/32", True),
        ("ip", "10.0.0.0/24", "10.0.0.5/24", True),
        ("ip", "::ffff:10.0.0.1", "10.0.0.1", True),
        ("ip", "2001:DB8:0::1/128", "2001:db8::1", True),
        ("ip", "host", "host", True),
        ("ip", "host", "10.0.0.1", False),
        ("ip", "10.0.0.1", "10.0.0.2", False),
        ("user", "Anna", "aNNA", True),
        ("user", "straße", "STRASSE", True),
        ("user", "ﬁona", "Fiona", True),
        ("user", "anna", "annas", False),
        ("cert", "Anna", "anna", False),
        ("cephx", "Anna", "anna", False),
    ],
)
def test_rules_for_one_client_are_one(kind: str, one: str, other: str, expected: bool) -> None:
    assert access_to.same(kind, one, other) is expected


@pytest.mark.parametrize(
    ("network", "is_writable"),
    [
        ("2001:db8::/99", True),
        ("2001:db8::/100", False),
        ("2001:db8::/127", False),
        ("2001:db8::1", True),
        ("10.0.0.0/31", True),
        ("::/0", True),
    ],
)
def test_ganesha_has_two_digits_for_the_length_of_a_prefix(network: str, is_writable: bool) -> None:
    row = {"access_id": "1", "access_type": "ip", "access_to": network, "access_level": "ro"}
    wanted = rules.read([row], ["ip"])
    export = Export(1, "a", "/a", clients=tuple(wanted.clients))
    wanted.refuse_networks(why_unwritable)
    assert bool(wanted.clients) is is_writable
    assert (wanted.states([row])["1"]["state"] == "active") is is_writable
    if not is_writable:
        with pytest.raises(UnsafeValue, match="no IPv6 networks smaller than /99"):
            to_text(export)
