"""A client machine that tries many doors: a program of its own.

    python knock.py '[[KEY, "nfs3", SERVER, NAME, PORT, MOUNT_PORT], ...]'

The ways are nfs3, nfs4 and smb (whose mount port is 0).  Prints, as JSON, "KEY by WAY at SERVER"
of each door that led in: a listing of the root was read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from abaca.testing import nfs

Door = tuple[str, str, str, str, int, int]


def leads_in(door: Door) -> bool:
    _, way, server, name, port, mount_port = door
    if way == "smb":
        where = f"//{server}/{name}"
        command = ["smbclient", "-N", "-p", str(port), where, "-c", "ls"]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        return done.returncode == 0
    try:
        version = int(way[-1])
        with nfs.connect(server, f"/{name}", port, mount_port, seconds=10, version=version) as c:
            c.listdir()
    except OSError:
        return False
    return True


def main(doors: list[Door]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(leads_in, doors))
    through = [f"{d[0]} by {d[1]} at {d[2]}" for d, led in zip(doors, found, strict=True) if led]
    print(json.dumps(through))


if __name__ == "__main__":
    main([tuple(door) for door in json.loads(sys.argv[1])])
