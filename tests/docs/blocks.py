"""The fenced blocks of the documentation, and how each kind is put to the test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
    *(f"docs/drivers/{path.name}" for path in sorted((ROOT / "docs/drivers").glob("*.md"))),
)
# what stands behind ``` and how it is tested
KINDS = {
    "sh": "typed into one shell for each page, beside a running abaca",
    "sh make": "must be known to make",
    "sh install": "step by step: every program and option must exist",
    "sh postgresql": "typed into a shell, against a PostgreSQL of the tests",
    "sh gluster": "typed on a storage node, by tests/glusterfs/test_docs.py",
    "sh lvm": "typed on a storage node, by tests/glusterfs/test_snapshots.py",
    "sh systemd": "typed into a shell whose systemctl and git do nothing",
    "ini": "must pass `abaca config check --strict`",
    "python": "run (docs/drivers.md: by the tests of the conformance kit)",
    "text": "for reading",
    "": "for reading",
}
_FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: str
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[1].strip(), found[2])
        for found in _FENCE.finditer(text)
    ]


ALL = [block for page in PAGES for block in blocks(page)]


def of_kind(kind: str) -> list[Block]:
    return [block for block in ALL if block.kind == kind]
