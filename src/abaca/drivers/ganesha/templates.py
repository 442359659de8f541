"""Site templates: options that every export of a backend has, in the incumbent's form.

One directory of *.conf (Ganesha's language) and *.json files, each with one EXPORT block; they are
laid over each other in the order of their names.  What an export is made of is filled in for each
of them and stands as a stub in a template, or not at all:

    EXPORT {
        Path = @runtime;
        SecType = sys, krb5;
        Attr_Expiration_Time = 0;
        FSAL { Name = @config; Volume = @config; }
        CLIENT { Clients = @runtime; Access_Type = RW; }
    }
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.blocks import Block, BrokenText, UnsafeValue, Value, parse
from abaca.drivers.ganesha.export import Export, from_text, to_text

SQUASH = "No_Root_Squash"
VERSION_3 = "glusterfs_ganesha_nfsv3"  # the option that allows NFSv3
Options = tuple[tuple[str, Value], ...]

# how Ganesha's option Protocols may name version 4
_ONLY_VERSION_4 = frozenset({"4", "v4", "nfs4", "nfsv4"})
_VERSIONS = ("Protocols", ("4",))

# (block, option in lower case): what it may be besides a stub
_FILLED: Mapping[tuple[str, str], str] = {
    ("EXPORT", "export_id"): "",
    ("EXPORT", "path"): "",
    ("EXPORT", "pseudo"): "",
    ("EXPORT", "tag"): "",
    ("EXPORT", "access_type"): "none",
    ("CLIENT", "clients"): "",
    ("CLIENT", "access_type"): "rw",
    ("FSAL", "hostname"): "",
    ("FSAL", "volume"): "",
    ("FSAL", "volpath"): "",
}


@dataclass(frozen=True)
class Template:
    """What a backend's exports have in common."""

    squash: str = SQUASH
    options: Options = ()


def load(directory: Path | None, plugin: str, version_3: bool = False) -> Template:
    """All templates of a directory together; the built-in one without a file.

    No version of Ganesha is known to check the names of NFSv3 requests: ../ leads out of a share.
    So exports are for NFSv4 only, unless `version_3` says that the operator knows better.

    Raises BadConfigurationException, which names the file and what is wrong with it.
    """
    found: dict[str, tuple[str, Value]] = {} if version_3 else {"protocols": _VERSIONS}
    made = _as_written(found)
    files = (*directory.glob("*.conf"), *directory.glob("*.json")) if directory else ()
    for file in sorted(files, key=lambda file: file.name):
        try:
            found |= {name.lower(): (name, value) for name, value in _set(_read(file), plugin)}
            if not version_3:
                _check_versions(found["protocols"][1])
            made = _as_written(found)
        except (OSError, ValueError) as problem:
            raise errors.BadConfigurationException(
                reason=f"export template {file}: {problem}"
            ) from problem
    return made


def _check_versions(given: Value) -> None:
    names = given if isinstance(given, tuple) else (str(given),)
    if not {name.strip().lower() for name in names} <= _ONLY_VERSION_4:
        raise UnsafeValue(
            f"Protocols is {', '.join(names)}, and over NFSv3 a client can reach files of other "
            f"shares of the volume: write Protocols = 4, or set {VERSION_3} if this Ganesha checks "
            "the names that NFSv3 clients send"
        )


def _read(file: Path) -> Block:
    text = file.read_text()
    if file.suffix == ".conf":
        blocks = parse(text)
    else:
        given = json.loads(text)
        blocks = [_from_json(name, each) for name, each in _pairs("the file", given)]
    if [block.name.upper() for block in blocks] != ["EXPORT"]:
        raise BrokenText("one EXPORT block is expected")
    return blocks[0]


def _from_json(name: str, given: Any) -> Block:
    pairs = _pairs(name, given)
    return Block(
        name,
        tuple((key, _value(key, each)) for key, each in pairs if not isinstance(each, dict)),
        tuple(_from_json(key, each) for key, each in pairs if isinstance(each, dict)),
    )


def _pairs(name: str, given: Any) -> list[tuple[str, Any]]:
    if not isinstance(given, dict):
        raise BrokenText(f"{name} is not an object")
    return list(given.items())


def _value(name: str, given: Any) -> Value:
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return tuple(given)
    if isinstance(given, str | int | bool):
        return given
    raise BrokenText(f"{name} is {given!r:.60}, which is no text, number, flag or list of texts")


def _set(block: Block, plugin: str) -> Options:
    """The options of the EXPORT block that are not filled in."""
    filled = {**_FILLED, ("FSAL", "name"): plugin.lower()}
    for each in (block, *block.blocks):
        for name, value in each.options:
            _check(each.name.upper(), name, value, filled)
    return tuple(o for o in block.options if ("EXPORT", o[0].lower()) not in filled)


def _check(block: str, name: str, value: Value, filled: Mapping[tuple[str, str], str]) -> None:
    possible = filled.get((block, name.lower()))
    stub = str(value).startswith("@")
    if possible is None and block != "EXPORT":
        raise UnsafeValue(f"{block} {name} cannot be set; options of the EXPORT block can")
    if possible is None and stub:
        raise UnsafeValue(f"EXPORT {name} is {value}, which nothing fills in")
    if possible is not None and not stub and str(value).lower() != possible:
        raise UnsafeValue(
            f"{block} {name} is {value!r:.60}, but is filled in for each export: write @runtime"
        )


def _as_written(found: Mapping[str, tuple[str, Value]]) -> Template:
    """As it comes back from an export's file; UnsafeValue if it cannot be written."""
    squash = str(found.get("squash", ("", SQUASH))[1])
    options = tuple(option for key, option in found.items() if key != "squash")
    read = from_text(to_text(Export(1, "template", "/", squash=squash, options=options)))
    return Template(read.squash, read.options)
