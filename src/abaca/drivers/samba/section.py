"""A share section of smb.conf: rendering that cannot be broken out of."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")
_KEY = re.compile(r"[a-z][a-z :]*\Z")


class UnsafeValue(ValueError):
    """The value cannot be written into smb.conf without changing its meaning."""


def check_name(name: str) -> str:
    """The name of a share: plain characters, at most 80, none of Samba's own names."""
    if not _NAME.match(name) or name.lower() in ("global", "homes", "printers", "ipc$"):
        raise UnsafeValue(f"{name!r:.100} cannot name a share")
    return name


def render(name: str, values: Mapping[str, str]) -> str:
    """The section.  Raises UnsafeValue."""
    lines = [f"[{check_name(name)}]"]
    for key, value in values.items():
        if not _KEY.match(key):
            raise UnsafeValue(f"{key!r} is no parameter")
        if not value.isprintable() or value.endswith("\\") or "%" in value or '"' in value:
            raise UnsafeValue(f"{value!r:.100} cannot be the value of {key}")
        lines.append(f"\t{key} = {value}")
    return "\n".join(lines) + "\n"


def parse(text: str) -> dict[str, dict[str, str]]:
    """Sections of smb.conf text as `net conf list` prints it."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1], {})
        elif "=" in line:
            key, _, value = line.partition("=")
            current[key.strip().lower()] = value.strip()
    return sections
