"""One export: a frozen record that becomes a configuration file and comes back from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby

from abaca.drivers.ganesha.blocks import Block, BrokenText, UnsafeValue, Value, parse, render
from abaca.drivers.ganesha.clients import (
    Client,
    halves,
    ordered,
    whole,
    why_unwritable,
)
from abaca.model.networks import Network, host_or_network
from abaca.model.networks import parse as parse_network

USUAL: tuple[tuple[str, Value], ...] = (
    ("SecType", ("sys",)),
    ("Protocols", ("3", "4")),
    ("Transports", ("TCP",)),
)
_OWN = frozenset({"export_id", "path", "pseudo", "access_type", "squash"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")


@dataclass(frozen=True)
class Fsal:
    """The FSAL block: VFS, or GLUSTER with its hostname, volume and volpath."""

    name: str = "VFS"
    options: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Export:
    """What one Ganesha serves under one name."""

    export_id: int  # 1-65535, one per instance
    name: str  # the pseudo path without its slash: clients mount host:/<name>
    path: str  # the directory, as the server's mount namespace sees it
    source: str = ""  # the directory bound at `path`; empty: `path` is served as it is
    clients: tuple[Client, ...] = ()
    squash: str = "No_Root_Squash"
    fsal: Fsal = field(default_factory=Fsal)
    options: tuple[tuple[str, Value], ...] = ()  # besides the usual ones, or instead of them

    @property
    def pseudo(self) -> str:
        return f"/{self.name}"


def check_name(name: str) -> str:
    """The name of an export: one path component of plain characters.  ValueError if not."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} cannot name an export")
    return name


def to_text(export: Export) -> str:
    """The EXPORT block.  Who is not named in a CLIENT block has no access at all."""
    options: tuple[tuple[str, Value], ...] = (
        ("Export_Id", export.export_id),
        ("Path", export.path),
        ("Pseudo", f"/{check_name(export.name)}"),
        ("Access_Type", "None"),
        ("Squash", export.squash),
    )
    special = {name.lower() for name, _ in export.options}
    usual = tuple(option for option in USUAL if option[0].lower() not in special)
    fsal = Block("FSAL", (("Name", export.fsal.name), *export.fsal.options))
    block = Block("EXPORT", (*options, *usual, *export.options), (fsal, *_client_blocks(export)))
    source = render(Block("Bind", (("Source", export.source),))) if export.source else ""
    commented = "".join(f"# {line}\n" for line in source.splitlines())
    return commented + render(block)


def _client_blocks(export: Export) -> list[Block]:
    """Neighbours with equal rights share a block; order between blocks is kept."""
    blocks = []
    for writable, group in groupby(ordered(export.clients), key=lambda client: client.writable):
        names = tuple(name for client in group for name in _addresses(client.network))
        access = "RW" if writable else "RO"
        blocks.append(Block("CLIENT", (("Clients", names), ("Access_Type", access))))
    return blocks


def _addresses(network: Network) -> list[str]:
    if problem := why_unwritable(network):
        raise UnsafeValue(problem)
    return [host_or_network(half) for half in halves(network)]


def from_text(text: str) -> Export:
    """The export of a file that `to_text` made.  Raises BrokenText."""
    blocks = parse(text)
    if len(blocks) != 1 or blocks[0].name != "EXPORT" or len(blocks[0].all("FSAL")) != 1:
        raise BrokenText("not an export file")
    block = blocks[0]
    try:
        fsal = block.all("FSAL")[0]
        return Export(
            export_id=int(block.text("Export_Id")),
            name=check_name(block.text("Pseudo").removeprefix("/")),
            path=block.text("Path"),
            source=_source(text),
            clients=tuple(_read_clients(block)),
            squash=block.text("Squash"),
            fsal=Fsal(fsal.text("Name"), tuple(o for o in fsal.options if o[0] != "Name")),
            options=tuple(o for o in block.options if o[0].lower() not in _OWN and not _usual(o)),
        )
    except BrokenText:
        raise
    except ValueError as problem:
        raise BrokenText(str(problem)) from problem


def _usual(option: tuple[str, Value]) -> bool:
    """Whether the option of a file is as `to_text` writes it anyway."""
    name, value = option
    return (name, value if isinstance(value, tuple) else (str(value),)) in USUAL


def _source(text: str) -> str:
    commented = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")
    )
    blocks = parse(commented)
    return blocks[0].text("Source") if blocks else ""


def _read_clients(block: Block) -> list[Client]:
    clients: list[Client] = []
    for sub in block.all("CLIENT"):
        names = sub.get("Clients")
        writable = sub.text("Access_Type") == "RW"
        for name in names if isinstance(names, tuple) else (str(names),):
            network = parse_network(name)
            if problem := why_unwritable(network):
                raise BrokenText(problem)
            clients.append(Client(network, writable))
    return whole(clients)
