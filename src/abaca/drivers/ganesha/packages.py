"""Which Debian package brings which program."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from abaca.drivers.contract import errors

PROGRAMS: dict[str, dict[str, str]] = {
    "pool": {"mkfs.btrfs": "btrfs-progs", "losetup": "mount"},
    "NFS": {
        "ganesha.nfsd": "nfs-ganesha",
        "dbus-daemon": "dbus-daemon",
        "cc": "gcc",  # the export guard is compiled at the first start
        "nm": "binutils",
    },
    "firewall": {"nft": "nftables"},  # abaca uses its library, libnftables1
    "CIFS": {
        "smbd": "samba",
        "net": "samba-common-bin",
        "smbcontrol": "samba",
        "pdbedit": "samba",
        "smbstatus": "samba",
        "nsenter": "util-linux",
    },
    "GLUSTERFS": {"mount.glusterfs": "glusterfs-client"},
}
"""What needs which program, and the package that brings it."""

PLUGINS: dict[str, dict[str, str]] = {
    "NFS": {"libfsalvfs.so": "nfs-ganesha-vfs"},
    "GLUSTER": {"libfsalgluster.so": "nfs-ganesha-gluster"},
}
"""Ganesha's file system plug-ins."""

PLUGIN_DIRECTORIES = (
    Path("/usr/lib/x86_64-linux-gnu/ganesha"),
    Path("/usr/lib/aarch64-linux-gnu/ganesha"),
    Path("/usr/lib64/ganesha"),
    Path("/usr/lib/ganesha"),
)

SUBJECTS = {"pool": "the btrfs pool", "firewall": "local_firewall"}
"""What a need is called in a sentence, where that is not its name."""

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_program(name: str) -> str:
    """The program's path.  BadConfigurationException names the package when it is missing."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        for need, programs in PROGRAMS.items():
            if name in programs:
                raise _missing(need, [programs[name]], [name])
        raise errors.BadConfigurationException(reason=f"program {name} is not installed")
    return found


def missing_packages(needs: Iterable[str]) -> dict[str, list[str]]:
    """For each need of PROGRAMS and PLUGINS the packages that are not installed."""
    missing: dict[str, list[str]] = {}
    for need in needs:
        packages = [
            package
            for program, package in PROGRAMS.get(need, {}).items()
            if shutil.which(program, path=SEARCH_PATH) is None
        ]
        packages += [
            package
            for plugin, package in PLUGINS.get(need, {}).items()
            if not any((directory / plugin).exists() for directory in PLUGIN_DIRECTORIES)
        ]
        if packages:
            missing[need] = sorted(set(packages))
    return missing


def require(needs: Iterable[str]) -> None:
    """Raise BadConfigurationException with one sentence if a package is missing."""
    for need, packages in missing_packages(needs).items():
        raise _missing(need, packages, [])


def _missing(need: str, packages: list[str], programs: list[str]) -> errors.ManilaException:
    noun = "package" if len(packages) == 1 else "packages"
    subject = SUBJECTS.get(need, need)
    hint = f" ({', '.join(programs)} not found)" if programs else ""
    return errors.BadConfigurationException(
        reason=f"{subject} needs the {noun} {' '.join(packages)}{hint}: "
        f"apt-get install {' '.join(packages)}"
    )
