"""A client machine that tries many doors: a program of its own.

    python knock.py '[[KEY, "nfs3", SERVER, NAME, PORT, MOUNT_PORT], ...]'

The ways are nfs3, nfs4 and smb (whose mount port is 0).  Prints, as JSON, {"KEY by WAY at SERVER":
level} of each door that led in: a listing of the root was read (ro), a file was written (rw; not
tried over SMB).
"""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from abaca.testing import nfs

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
Door = tuple[str, str, str, str, int, int]


def level(door: Door) -> str | None:
    _, way, server, name, port, mount_port = door
    if way == "smb":
        where = f"//{server}/{name}"
        command = ["smbclient", "-N", "-p", str(port), where, "-c", "ls"]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        return "ro" if done.returncode == 0 else None
    found = None
    try:
        version = int(way[-1])
        with nfs.connect(server, f"/{name}", port, mount_port, seconds=10, version=version) as c:
            c.listdir()
            found = "ro"
            c.write(f"/{uuid.uuid4()}", b"1")
            found = "rw"
    except OSError as problem:
        if problem.errno not in DENIED:
            found = f"{found} {errno.errorcode[problem.errno or 0]}"
    return found


def main(doors: list[Door]) -> None:
    """NFSv4 one after the other: libnfs names all clients of a process alike."""
    version4 = threading.Lock()

    def tried(door: Door) -> str | None:
        with version4 if door[1] == "nfs4" else nullcontext():
            return level(door)

    with ThreadPoolExecutor(4) as pool:
        levels = list(pool.map(tried, doors))
    labels = [f"{door[0]} by {door[1]} at {door[2]}" for door in doors]
    print(json.dumps({label: had for label, had in zip(labels, levels, strict=True) if had}))


if __name__ == "__main__":
    main([tuple(door) for door in json.loads(sys.argv[1])])
