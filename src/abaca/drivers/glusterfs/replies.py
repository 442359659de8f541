"""What `gluster --xml` answers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from xml.etree.ElementTree import Element

_UNITS = {"": 1, "B": 1, **{f"{u}B": 1 << (10 * n) for n, u in enumerate("KMGTP", 1)}}
_BYTES = re.compile(r"([0-9.]+) ?([KMGTP]?B|Bytes)?\Z")


class BadReply(Exception):
    """The command failed, in Gluster's own words, or its answer cannot be read."""


@dataclass(frozen=True)
class Limit:
    """A directory's quota; bytes."""

    path: str
    hard: int | None  # None: no limit
    used: int


@dataclass(frozen=True)
class VolumeInfo:
    """What the cluster knows of a volume."""

    name: str
    status: str  # Started, Stopped, Created
    hosts: tuple[str, ...]  # of its bricks, each once
    options: dict[str, str]


@dataclass(frozen=True)
class Process:
    """A daemon that serves a volume."""

    name: str  # the host of a brick, or Quota Daemon, NFS Server ...
    place: str
    online: bool


def parse(text: str) -> Element:
    """The reply's root.  BadReply when it is no XML."""
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as problem:
        raise BadReply(f"no XML in the answer: {text.strip()[:200]!r}") from problem


def check(root: Element) -> Element:
    """The reply, if it tells of success; BadReply with its text if not."""
    code, number = _text(root, "opRet"), _text(root, "opErrno")
    if (code, number) == ("0", "0") or (code == "0" and not number):
        return root
    said = _text(root, "opErrstr") or f"opRet {code}, opErrno {number}"
    raise BadReply(said)


def volume_info(root: Element) -> VolumeInfo:
    """The one volume of `volume info V`."""
    found = root.findall("volInfo/volumes/volume")
    if len(found) != 1:
        raise BadReply(f"gluster told of {len(found)} volumes, not one")
    [volume] = found
    bricks = [brick.findtext("name") or brick.text or "" for brick in volume.iter("brick")]
    hosts = dict.fromkeys(brick.partition(":")[0] for brick in bricks if brick)
    options = {_text(o, "name"): _text(o, "value") for o in volume.findall("options/option")}
    return VolumeInfo(_text(volume, "name"), _text(volume, "statusStr"), tuple(hosts), options)


def volume_option(root: Element) -> str | None:
    """The value of `volume get V OPTION`; both shapes that servers answer in."""
    for group in (root.find("volGetopts/Opt"), root.find("volGetopts")):
        if group is not None and group.findtext("Value") is not None:
            return group.findtext("Value")
    return None


def limits(root: Element) -> list[Limit]:
    """The rows of `volume quota V list`."""
    return [
        Limit(
            _text(row, "path"),
            _bytes(_text(row, "hard_limit")),
            _bytes(_text(row, "used_space")) or 0,
        )
        for row in root.findall("volQuota/limit")
    ]


def processes(root: Element) -> list[Process]:
    """The rows of `volume status V`."""
    return [
        Process(_text(node, "hostname"), _text(node, "path"), _text(node, "status") == "1")
        for node in root.findall("volStatus/volumes/volume/node")
    ]


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _bytes(text: str) -> int | None:
    """A byte count; older servers write 10.0GB.  None for N/A."""
    match = _BYTES.match(text)
    if match is None:
        return None
    unit = "B" if match[2] == "Bytes" else match[2] or ""
    return int(float(match[1]) * _UNITS[unit]) if unit else int(float(match[1]))
