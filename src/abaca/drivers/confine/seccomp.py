"""System calls that no file server needs, refused with EPERM.  Imported by the launcher.

Most of them want a capability that a server does not have either.  User namespaces want none: in
one of its own a process has all capabilities again, and reaches far more of the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from abaca.drivers.confine.mounts import check

# the numbers on x86_64 and on aarch64
_OLD = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "setns": (308, 268), "unshare": (272, 97),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "personality": (135, 92),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "fanotify_init": (300, 262), "vhangup": (153, 58),
}  # fmt: skip
_NEW = {  # the same on both
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_open": 434, "pidfd_getfd": 438, "mount_setattr": 442,
}  # fmt: skip
# What makes files share their data.  btrfs does not hold the target's limit against it, so a client
# of two shares could put more into one than its size.  Servers copy by themselves instead.
_COPY_FILE_RANGE, _IOCTL = (326, 285), (16, 29)
_SHARING = (0x40049409, 0x4020940D, 0xC0189436)  # FICLONE, FICLONERANGE, FIDEDUPERANGE
_CLONE = (56, 220)
_CLONE3 = 435
_CLONE_NEWUSER = 0x10000000
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_FIRST_X32 = 0x40000000  # another ABI of x86_64, with numbers of its own

# classic BPF (linux/filter.h) on struct seccomp_data
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def is_known() -> bool:
    """Whether the numbers of system calls are known for this machine."""
    return os.uname().machine in _MACHINES


def refuse() -> None:
    """From now on, for this process and all it starts.  Needs no_new_privs."""
    program = _program()
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    check(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0), "seccomp")


def _program() -> bytes:
    """Each test goes on with the next line if it fails, and refuses if it holds."""
    column, architecture = _MACHINES[os.uname().machine]
    numbers = sorted({*(pair[column] for pair in _OLD.values()), *_NEW.values()})
    refused = _step(_RETURN, _ERRNO | errno.EPERM)
    unknown = _step(_RETURN, _ERRNO | errno.ENOSYS)
    unsupported = _step(_RETURN, _ERRNO | errno.EOPNOTSUPP)
    sharing = [line for code in _SHARING for line in (_step(_EQUAL, code, 0, 1), unsupported)]
    lines = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        *(_step(_AT_LEAST, _FIRST_X32, 0, 1), refused),
        # its flags cannot be seen from here; the C library then takes the older call
        *(_step(_EQUAL, _CLONE3, 0, 1), unknown),
        *(_step(_EQUAL, _COPY_FILE_RANGE[column], 0, 1), unknown),
        *(line for number in numbers for line in (_step(_EQUAL, number, 0, 1), refused)),
        _step(_EQUAL, _IOCTL[column], 0, len(sharing) + 2),
        _step(_LOAD, _SECOND_ARGUMENT),
        *sharing,
        _step(_RETURN, _ALLOW),
        _step(_EQUAL, _CLONE[column], 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        *(_step(_ANY_BIT, _CLONE_NEWUSER, 0, 1), refused),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(lines)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
