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
    bricks: tuple[str, ...]  # host:/path
    options: dict[str, str]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Of its bricks, each once."""
        return tuple(dict.fromkeys(brick.partition(":")[0] for brick in self.bricks))


@dataclass(frozen=True)
class SnapshotInfo:
    """What the cluster knows of a snapshot."""

    name: str
    volume: str  # that it was taken of
    active: bool  # only then it can be cloned


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
    found = volumes(root)
    if len(found) != 1:
        raise BadReply(f"gluster told of {len(found)} volumes, not one")
    return found[0]


def volumes(root: Element) -> list[VolumeInfo]:
    """The volumes of `volume info`."""
    return [_volume(volume) for volume in root.findall("volInfo/volumes/volume")]


def snapshots(root: Element) -> list[SnapshotInfo]:
    """The snapshots of `snapshot info`; each is of one volume."""
    return [
        SnapshotInfo(
            _text(snapshot, "name"),
            _text(snapshot, "snapVolume/originVolume/name"),
            _text(snapshot, "snapVolume/status") == "Started",
        )
        for snapshot in root.findall("snapInfo/snapshots/snapshot")
    ]


def _volume(volume: Element) -> VolumeInfo:
    bricks = (brick.findtext("name") or brick.text or "" for brick in volume.iter("brick"))
    options = {_text(o, "name"): _text(o, "value") for o in volume.findall("options/option")}
    name, status = _text(volume, "name"), _text(volume, "statusStr")
    return VolumeInfo(name, status, tuple(filter(None, bricks)), options)


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
