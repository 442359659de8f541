"""Access rules: a value that means something of its own to a server lets nobody in.

Without the packet filter, which would hide what the servers do.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from abaca.drivers import rules
from abaca.drivers.contract.inventory import inventory_result
from abaca.drivers.contract.records import Share
from abaca.drivers.ganesha.clients import amount_to_the_same, ordered, why_unwritable
from abaca.drivers.ganesha.directory_files import _sealed
from abaca.drivers.ganesha.export import Export, from_text, to_text
from abaca.drivers.local.nfs import NfsExporter
from abaca.model.networks import parse, why_no_client
from attack import knock
from attack.conftest import Wall
from attack.rule_sets import V4, V6, block, is_taken, meant, rule_set, told
from storage.kit import CONTEXT, Backend, Foreigner, rule, running, why_not

WALL = "access rules"
pytestmark = pytest.mark.storage
ELSEWHERE = "10.254.254.254"

NO_CLIENTS = (
    "0.0.0.0", "0.0.0.0/32", "0.0.0.0/31", "0.0.0.0/8", "0.1.2.3", "::", "::/128", "0:0::0/128",
    "::ffff:0.0.0.0", "::ffff:0:0/128", "224.0.0.1", "255.255.255.255", "ff02::1", "ff00::/8",
)  # fmt: skip
NO_NETWORKS = (
    "*", "?", "*.*", "*.*.*.*", "10.*", "@group", "+group", "host", "localhost", "*.localdomain",
    "ALL", "all", "LOCAL", "ALL EXCEPT 10.0.0.1", ".", ".localdomain", "0", "0/0", "0x0", "00",
    "000.000.000.000", "010.0.0.1", "10.1", "127.1", "10.0.0.0/0.0.0.0/0", "10.0.0.1/33", "::/129",
    "::%lo", "fe80::1%lo", "10.0.0.1,*", "10.0.0.1, *", "10.0.0.1|*", "10.0.0.1;*", "10.0.0.1 *",
    "10.0.0.1\n*", "*\n", "\t*", "10.0.0.1) (*", "/", "/0", "(none)", "gss/krb5", "", " ",
)  # fmt: skip
NO_USERS = (
    "@group",
    "+group",
    "&group",
    "*",
    "root",
    "%U",
    "a b",
    "guest,root",
    "nobody\nroot",
    "",
)
VALUES = [
    *(("ip", text) for text in (*NO_CLIENTS, *NO_NETWORKS)),
    *(("user", text) for text in NO_USERS),
]
Values = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    reason = why_not("NFS", "CIFS")
    if reason:
        pytest.skip(reason)
    with running(local_protocols=["NFS", "CIFS"], local_firewall=False) as made:
        yield made


@pytest.fixture(scope="module")
def stranger() -> Iterator[Foreigner]:
    machine = Foreigner()
    try:
        yield machine
    finally:
        machine.destroy()


def who_gets_in(
    machine: Foreigner,
    backend: Backend,
    shares: dict[str, Share],
    servers: Sequence[str] = (),
) -> dict[str, str]:
    """Which of the shares, by key and way, a client there reaches, and whether it may write."""
    doors = []
    for key, share in shares.items():
        name = f"share-{share['id']}"
        if share["share_proto"] == "NFS":
            for server in servers or (machine.ours, machine.ours6):
                doors += [(key, f"nfs{v}", server, name, *backend.nfs_port(name)) for v in (3, 4)]
        else:
            port = int(backend.options["local_smb_port"])
            doors += [(key, "smb", server, name, port, 0) for server in (machine.ours,)]
    command = (sys.executable, str(knock.__file__), json.dumps(doors))
    result = machine.run(*command, timeout=120)
    assert result.returncode == 0, result.stderr
    found: dict[str, str] = json.loads(result.stdout)
    return found


def looks_fine(backend: Backend) -> bool:
    """The inventory can be read, and no share has another rule than the one that it should."""
    held = inventory_result(backend.driver.get_inventory(CONTEXT))
    return bool(held) and all(
        each.exported and each.rules == {("ip", f"{ELSEWHERE}/32", "ro")} for each in held
    )


def try_values(
    wall: Wall, backend: Backend, machine: Foreigner, shares: dict[str, Share], values: Values
) -> None:
    """Ask for rules beside one that is fine; the stranger knocks, then is let in to compare."""
    good = rule(ELSEWHERE, "ro")
    for key, share in shares.items():
        bad = {f"{kind} {text!r}": rule(text, "rw", kind) for kind, text in values[key]}
        states = backend.allow(share, good, *bad.values())
        for what, each in bad.items():
            taken = states[each["access_id"]]["state"] != "error"
            wall.attempt(f"{share['share_proto']} {what} is in force", got_through=taken)
        assert states[good["access_id"]] == {"state": "active"}
    through = who_gets_in(machine, backend, shares)
    for key in shares:
        wall.attempt(key, got_through=any(way.startswith(f"{key} by ") for way in through))
    wall.attempt("the look for drift ended", got_through=not looks_fine(backend))
    backend.allow(shares[key], rule(machine.address), rule(machine.address6))
    assert who_gets_in(machine, backend, {key: shares[key]}), "the client works"
    for share in shares.values():
        backend.delete(share)
    wall.assert_held()


def test_no_address_means_everybody_over_nfs(
    wall: Wall, backend: Backend, stranger: Foreigner
) -> None:
    """A share for each value: Ganesha refuses a whole list for one that it cannot read."""
    values = {repr(value): [value] for value in VALUES}
    shares = {key: backend.share() for key in values}
    try_values(wall, backend, stranger, shares, values)


def test_no_address_means_everybody_over_smb(
    wall: Wall, backend: Backend, stranger: Foreigner
) -> None:
    """All values at once: a change of a Samba share takes half a second."""
    shares = {"all": backend.share(protocol="CIFS")}
    try_values(wall, backend, stranger, shares, {"all": VALUES})


def test_an_export_file_of_before_lets_nobody_in(
    wall: Wall, own_backend: Backend, stranger: Foreigner
) -> None:
    """An earlier abaca wrote 0.0.0.0, and Ganesha still serves it when this one starts."""
    backend = own_backend
    shares = {text: backend.share() for text in ("0.0.0.0", "0.0.0.0, 10.9.9.9", "*", "@x", "::")}
    for text, share in shares.items():
        backend.allow(share, rule(ELSEWHERE))
        exporter = backend.driver.exporter("NFS")
        assert isinstance(exporter, NfsExporter)
        table = next(exporter.shards.tables())
        export = table.get(f"share-{share['id']}")
        assert export is not None
        file = Path(table.files.path(export))
        block = file.read_text().rpartition("#sum ")[0].replace(ELSEWHERE, text)
        file.write_text(_sealed(block))
        table.server.exports.update(export.export_id, file)
    assert {way.split(" by ")[0] for way in who_gets_in(stranger, backend, shares)} == {
        "0.0.0.0", "0.0.0.0, 10.9.9.9", "*"
    }, "Ganesha takes these for everybody"  # fmt: skip
    backend.restart()
    through = who_gets_in(stranger, backend, shares)
    for text in shares:
        wall.attempt(f"file with {text!r}", got_through=any(w.startswith(text) for w in through))
    held = inventory_result(backend.driver.get_inventory(CONTEXT))
    for each in held:
        left = {to for _, to, _ in each.rules or ()} - {"10.9.9.9/32"}
        wall.attempt(f"{left} is let in still", got_through=bool(left))
    wall.assert_held()


@pytest.fixture
def own_backend() -> Iterator[Backend]:
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with running(local_firewall=False) as made:
        yield made


@pytest.mark.parametrize("seed", range(4))
def test_ganesha_is_told_what_the_rules_mean(wall: Wall, seed: int) -> None:
    """For random rules and clients; clients also near the edges of the networks."""
    chance = random.Random(seed)
    for _ in range(400):
        asked = rule_set(chance)
        wanted = rules.read([rule(*each) for each in asked], ["ip"])
        wanted.refuse_networks(why_unwritable)
        export = Export(1, "share", "/nowhere", clients=tuple(ordered(wanted.clients)))
        text = to_text(export)
        assert amount_to_the_same(from_text(text).clients, export.clients)
        for client in (*V4, *V6, *(neighbour(chance) for _ in range(4))):
            is_met = told(text, client) == meant(asked, client)
            wall.attempt(f"{client} with {asked}", got_through=not is_met)
    wall.assert_held()


def neighbour(chance: random.Random) -> str:
    """An address that differs in one bit from one that rules are about."""
    bits, number, _ = block(chance.choice((*V4, *V6)))
    address = (number ^ (1 << chance.randrange(bits))).to_bytes(bits // 8)
    family = socket.AF_INET if bits == 32 else socket.AF_INET6
    return socket.inet_ntop(family, address)


class Traveller(Foreigner):
    """A client machine that takes other addresses."""

    def come_from(self, address: str) -> None:
        """From now on it talks to this host from that address."""
        near, far = (self.namespace.replace("abaca-", each) for each in ("ab", "ac"))
        server, length = (self.ours6, 128) if ":" in address else (self.ours, 32)
        family = "-6" if ":" in address else "-4"
        nodad = ["nodad"] if length == 128 else []
        place = [f"{address}/{length}", "dev"]
        for command in (
            [*ip_in(self), family, "addr", "replace", *place, far, *nodad],
            ["ip", family, "route", "replace", *place, near],
            [*ip_in(self), family, "route", "replace", f"{server}/{length}", *from_(far, address)],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=30)


def from_(device: str, address: str) -> list[str]:
    return ["dev", device, "src", address]


def ip_in(machine: Foreigner) -> list[str]:
    return ["ip", "-n", machine.namespace]


def test_ganesha_reads_every_network_as_it_was_meant(wall: Wall, backend: Backend) -> None:
    """The running server says whom it lets in: of each length of a prefix, beside another rule."""
    chance, share = random.Random(1), backend.share()
    for bits in (32, 128):
        for length in range(bits + 1):
            number = chance.getrandbits(bits) >> (bits - length) << (bits - length)
            family = socket.AF_INET if bits == 32 else socket.AF_INET6
            text = f"{socket.inet_ntop(family, number.to_bytes(bits // 8))}/{length}"
            asked, other = rule(text, "ro"), rule(ELSEWHERE, "rw")
            states = backend.allow(share, asked, other)
            is_active = states[asked["access_id"]]["state"] == "active"
            [held] = inventory_result(backend.driver.get_inventory(CONTEXT))
            expected = {("ip", f"{ELSEWHERE}/32", "rw")}
            if is_active:
                expected.add(("ip", str(parse(text)), "ro"))
            wall.attempt(f"{text} is {held.rules}", got_through=held.rules != expected)
            refused = why_no_client(parse(text)) or not is_taken(text)
            wall.attempt(f"{text} is active", got_through=is_active == bool(refused))
    backend.delete(share)
    wall.assert_held()


@pytest.mark.parametrize("seed", range(2))
def test_a_client_has_what_the_rules_mean(wall: Wall, backend: Backend, seed: int) -> None:
    """A real client that comes from each address, over NFSv3 and NFSv4."""
    chance = random.Random(seed)
    sets = [rule_set(chance) for _ in range(8)]
    shares = {str(number): backend.share() for number, _ in enumerate(sets)}
    for key, share in shares.items():
        backend.allow(share, *(rule(*each) for each in sets[int(key)]))
    machine = Traveller()
    try:
        for address in (*V4, *V6):
            machine.come_from(address)
            server = machine.ours6 if ":" in address else machine.ours
            seen = who_gets_in(machine, backend, shares, [server])
            for key, asked in enumerate(sets):
                for way in ("nfs3", "nfs4"):
                    has = seen.get(f"{key} by {way} at {server}")
                    is_met = has == meant(asked, address)
                    what = f"{address} has {has} over {way} with {asked}"
                    wall.attempt(what, got_through=not is_met)
    finally:
        machine.destroy()
    for share in shares.values():
        backend.delete(share)
    wall.assert_held()
