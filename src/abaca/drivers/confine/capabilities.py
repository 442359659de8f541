"""Capabilities: their names, and giving up all but some.  Imported by the launcher: ctypes only."""

from __future__ import annotations

import ctypes
import struct

from abaca.drivers.confine.mounts import check

# linux/capability.h; the position is the number
NAMES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"),
    *("SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
    *("IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE"),
    *("SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME"),
    *("SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"),
    *("MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ"),
    *("PERFMON", "BPF", "CHECKPOINT_RESTORE"),
)

_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 23, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def mask(names: list[str]) -> int:
    """The bits of these capabilities.  ValueError for a name that does not exist."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise ValueError(f"there is no capability {unknown[0]}")
    return sum(1 << NAMES.index(name) for name in set(names))


def keep_only(names: list[str]) -> None:
    """Give up all other capabilities of this process for good, and of all that it will start.

    Of the named ones those that the process has are kept.
    """
    kept = mask(names)
    number = 0
    while _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) >= 0:  # also those without a name here
        if not kept >> number & 1:
            check(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), f"drop capability {number}")
        number += 1
    check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "drop capabilities")
    check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    had = effective()
    low, high = kept & had & 0xFFFFFFFF, (kept & had) >> 32
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = struct.pack("=6I", low, low, 0, high, high, 0)  # effective, permitted, inheritable
    check(_libc.capset(header, sets), "capset")


def effective() -> int:
    """The bits of this process's effective capabilities.  Works without /proc."""
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)
    check(_libc.capget(header, sets), "capget")
    low, _, _, high, _, _ = struct.unpack("=6I", sets.raw)
    return int(high << 32 | low)


def status(process: int | str) -> dict[str, str]:
    """/proc/<process>/status.  OSError if there is no such process."""
    with open(f"/proc/{process}/status") as file:  # noqa: PTH123 (no pathlib here)
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}
