"""Loop devices of images that a test has made."""

from __future__ import annotations

import subprocess
from pathlib import Path


def kept(place: Path) -> list[str]:
    """Those of images below a directory.  Not those that the kernel removes with their last mount:
    a server of another test may have been started meanwhile, and see the mount in its namespace."""
    command = ["losetup", "--list", "--noheadings", "--raw", "--output", "NAME,AUTOCLEAR,BACK-FILE"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()]
    return [row[0] for row in rows if row[1] == "0" and row[2].startswith(f"{place}/")]
