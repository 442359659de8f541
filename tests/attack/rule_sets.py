"""Random sets of access rules, and what they mean: worked out here without the product's code."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterable

V4 = ("198.51.100.7", "198.51.100.130", "203.0.113.9")
V6 = ("2001:db8:77::7", "2001:db8:77:1::7", "fd12:3456::9")
NOBODY = ("0.0.0.0", "0.0.0.0/32", "*", "::", "@all", "255.255.255.255", "::ffff:0.0.0.0")
Rule = tuple[str, str]  # access_to, access_level
Block = tuple[int, int, int]  # bits of the address, address, prefix length


def block(text: str) -> Block:
    """An address or network as numbers; an IPv4 one inside IPv6 is IPv4."""
    address, _, length = text.partition("/")
    if ":" not in address:
        return 32, int.from_bytes(socket.inet_pton(socket.AF_INET, address)), int(length or 32)
    number, prefix = int.from_bytes(socket.inet_pton(socket.AF_INET6, address)), int(length or 128)
    if number >> 32 == 0xFFFF and prefix >= 96:
        return 32, number & 0xFFFFFFFF, prefix - 96
    return 128, number, prefix


def holds(network: Block, address: Block) -> bool:
    bits, base, prefix = network
    return bits == address[0] and base >> (bits - prefix) == address[1] >> (bits - prefix)


def is_taken(to: str) -> bool:
    """Whether a rule comes into force: Ganesha knows no IPv6 networks of /100 to /127."""
    return to not in NOBODY and not (block(to)[0] == 128 and 99 < block(to)[2] < 128)


def meant(rules: Iterable[Rule], client: str) -> str | None:
    """The level of the most specific rule that fits; of several the stricter one."""
    address = block(client)
    fitting = [
        (block(to)[2], level == "ro", level)
        for to, level in rules
        if is_taken(to) and holds(block(to), address)
    ]
    return max(fitting)[2] if fitting else None


def told(configuration: str, client: str) -> str | None:
    """What Ganesha makes of an export's CLIENT blocks: the first that fits counts."""
    address = block(client)
    pattern = r"CLIENT \{\s*Clients = ([^;]+);\s*Access_Type = (\w+);"
    for names, level in re.findall(pattern, configuration):
        if any(holds(block(name.strip()), address) for name in names.split(",")):
            return str(level).lower()
    return None


def rule_set(chance: random.Random) -> list[Rule]:
    """Rules around the addresses above, in any notation, overlapping and repeated."""
    rules = [(_notation(chance), chance.choice(("rw", "ro"))) for _ in range(chance.randint(0, 9))]
    rules += [(chance.choice(NOBODY), "rw") for _ in range(chance.randint(0, 2))]
    chance.shuffle(rules)
    return rules


def _notation(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return _v4(chance, chance.choice(V4))
    address = chance.choice(V6)
    prefix = chance.choice((0, 1, 7, 16, 32, 48, 63, 64, 99, 100, 112, 127, 128))
    number = int.from_bytes(socket.inet_pton(socket.AF_INET6, address))
    if chance.random() < 0.5:  # no host bits
        number = number >> (128 - prefix) << (128 - prefix)
    plain = socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))
    whole = ":".join(f"{number >> shift & 0xFFFF:04x}" for shift in range(112, -1, -16))
    text = chance.choice((plain, plain.upper(), whole, whole.upper()))
    return f"{text}/{prefix}" if prefix < 128 or number == 0 or chance.random() < 0.5 else text


def _v4(chance: random.Random, address: str) -> str:
    prefix = chance.choice((0, 1, 4, 8, 16, 23, 24, 25, 30, 31, 32, 32))
    number = int.from_bytes(socket.inet_pton(socket.AF_INET, address))
    if chance.random() < 0.5 or prefix < 8:
        number = number >> (32 - prefix) << (32 - prefix)
    plain = socket.inet_ntop(socket.AF_INET, number.to_bytes(4))
    if chance.random() < 0.2:
        return f"::ffff:{plain}/{96 + prefix}"
    return plain if prefix == 32 and chance.random() < 0.5 else f"{plain}/{prefix}"
