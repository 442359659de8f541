"""The elements of a server's nftables sets admit exactly the addresses of its exports."""

from __future__ import annotations

import ipaddress
import random
from itertools import combinations

import pytest

from abaca.drivers.firewall.networks import SETS, Admitted, largest, set_of
from abaca.model.networks import Network, host_or_network, parse


def networks(*texts: str) -> frozenset[Network]:
    return frozenset(map(parse, texts))


def addresses(some: frozenset[Network]) -> set[Network]:
    """Networks that are the same addresses as `some`, in one form."""
    found: set[Network] = set()
    for version in (4, 6):
        found |= set(ipaddress.collapse_addresses(n for n in some if n.version == version))
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), ()),
        (("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"), ("10.0.0.0/8",)),
        (("10.0.0.0/9", "10.128.0.0/9"), ("10.0.0.0/9", "10.128.0.0/9")),  # neighbours stay
        (("0.0.0.0/0", "192.0.2.0/24"), ("0.0.0.0/0",)),
        (("2001:db8::/32", "2001:db8:1::/48"), ("2001:db8::/32",)),
    ],
)
def test_networks_inside_others_are_left_out(
    given: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert largest(networks(*given)) == networks(*expected)


@pytest.mark.parametrize(
    ("text", "name", "notation"),
    [
        ("10.0.0.1", "hosts4", "10.0.0.1"),
        ("10.0.0.0/24", "networks4", "10.0.0.0/24"),
        ("2001:db8::1", "hosts6", "2001:db8::1"),
        ("2001:db8::/64", "networks6", "2001:db8::/64"),
    ],
)
def test_the_set_and_the_notation_of_a_network(text: str, name: str, notation: str) -> None:
    assert set_of(parse(text)) == name
    assert host_or_network(parse(text)) == notation


@pytest.mark.parametrize("seed", range(20))
def test_after_any_sequence_of_changes_exactly_the_rules_are_admitted(seed: int) -> None:
    """The changes that are returned lead nftables to the same elements, and the kernel's sets of
    networks accept no overlap."""
    choice = random.Random(seed)
    pool = [
        *(ipaddress.ip_network((n << 28, bits), strict=False) for n in range(8) for bits in (2, 4)),
        *(ipaddress.ip_network(f"10.0.0.{n}") for n in range(4)),
        *(
            ipaddress.ip_network(f"fd00:{n}::/{bits}", strict=False)
            for n in "12"
            for bits in (8, 32)
        ),
        ipaddress.ip_network("fd00::1"),
    ]
    admitted = Admitted()
    shadow: dict[str, set[Network]] = {name: set() for name in SETS}
    for _ in range(60):
        export = choice.choice("abc")
        for name, change in admitted.put(
            export, frozenset(choice.sample(pool, choice.randrange(5)))
        ).items():
            assert change.removed <= shadow[name]
            assert not change.added & shadow[name]
            shadow[name] = shadow[name] - change.removed | change.added
        assert shadow == admitted.elements
        elements = frozenset().union(*shadow.values())
        assert addresses(elements) == addresses(frozenset().union(*admitted.by_export.values()))
        for name in ("networks4", "networks6"):
            assert not any(one.overlaps(other) for one, other in combinations(shadow[name], 2))
