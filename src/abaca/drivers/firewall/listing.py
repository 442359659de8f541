"""What nftables lists of a table, split into what the rules decide and the rest."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from abaca.drivers.firewall.networks import SETS
from abaca.model.networks import Network, host_or_network

Element = tuple[str, str]  # the name of a set, a network


@dataclass(frozen=True)
class Listing:
    """A table as it is in force."""

    frame: str  # chains, rules, and sets without elements
    sets: frozenset[str]
    elements: frozenset[Element]


def read(objects: Iterable[dict[str, Any]]) -> Listing:
    """The objects of `nft -j list table`.  What the kernel fills by itself is left out."""
    frame, sets, elements = [], set(), set()
    for entry in objects:
        for kind, value in entry.items():
            if kind == "metainfo":
                continue
            plain = {key: each for key, each in value.items() if key not in ("handle", "elem")}
            frame.append({kind: plain})
            if kind == "set":
                name = str(value["name"])
                sets.add(name)
                if name.endswith(tuple(SETS)):
                    elements |= {(name, _word(each)) for each in value.get("elem", ())}
    return Listing(json.dumps(frame, sort_keys=True), frozenset(sets), frozenset(elements))


def _word(element: Any) -> str:
    """As `host_or_network` writes it; anything else (a range, say) as it is listed."""
    if isinstance(element, dict) and set(element) == {"prefix"}:
        network: Network = ipaddress.ip_network(
            f"{element['prefix']['addr']}/{element['prefix']['len']}"
        )
        return host_or_network(network)
    return str(element)
