"""The Debian packages abaca needs: which are missing, and installing exactly those.

Which program comes with which package is known by the drivers; this adds what the first share
and the test suite need.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abaca.drivers.ganesha.packages import SEARCH_PATH, missing_packages

from .progress import Progress

if TYPE_CHECKING:
    from abaca.config import Config

LOCAL, GLUSTERFS = "abaca.drivers.local.", "abaca.drivers.glusterfs."
NFS_CLIENT = ("libnfs.so.13", "libnfs13")
# what the tests use beyond what runs: program -> package
TEST_PROGRAMS = {
    "smbclient": "smbclient",
    "ip": "iproute2",
    "setfattr": "attr",
    "curl": "curl",
    "nfs-ls": "libnfs-utils",
    "glusterd": "glusterfs-server",
    "dbus-send": "dbus-bin",
    "rpcbind": "rpcbind",
    "sshd": "openssh-server",
}
TEST_NEEDS = ("pool", "NFS", "CIFS", "firewall", "GLUSTER", "GLUSTERFS")
POSTGRESQL = ("/usr/lib/postgresql", "postgresql")
# Debian starts these by itself; abaca runs its own, with its own configuration
SERVICES = (
    "nfs-ganesha.service", "nfs-ganesha-lock.service", "rpcbind.service", "rpcbind.socket",
    "smbd.service", "nmbd.service", "winbind.service", "samba-ad-dc.service",
    "postgresql.service", "glusterd.service", "ssh.service",
)  # fmt: skip
UNITS = Path("/lib/systemd/system")
POLICY = Path("/usr/sbin/policy-rc.d")
LISTS = Path("/var/lib/apt/lists")
MTAB = Path("/etc/mtab")  # the Ganesha of the tests of GlusterFS reads it


# --- what is missing ------------------------------------------------------------------------------
def needs(config: Config) -> list[str]:
    """What the enabled backends need, as the drivers' table of packages calls it."""
    local = [backend for backend in config.backends if backend.driver_class.startswith(LOCAL)]
    found = ["pool"] if local else []
    found += dict.fromkeys(p for backend in local for p in _protocols(backend))
    if any(filters(backend) for backend in local):
        found.append("firewall")
    if any(backend.driver_class.startswith(GLUSTERFS) for backend in config.backends):
        found.append("GLUSTERFS")
    return found


def _protocols(backend: object) -> list[str]:
    """What a local backend serves."""
    return [str(word).upper() for word in _local_option(backend, "local_protocols")]


def filters(backend: object) -> bool:
    """Whether a local backend shall filter connections."""
    return bool(_local_option(backend, "local_firewall"))


def _local_option(backend: object, name: str) -> Any:
    """Options of the local driver are only known once it is loaded."""
    from abaca.drivers.local.options import LOCAL_OPTS

    append = getattr(backend, "append_config_values")  # noqa: B009 (any configuration will do)
    append(LOCAL_OPTS)
    return getattr(backend, name)


def missing(config: Config, *, first_share: bool = False, tests: bool = False) -> list[str]:
    """The packages that are not there, by name."""
    wanted = list(TEST_NEEDS) if tests else needs(config)
    found = {package for group in missing_packages(wanted).values() for package in group}
    if ((first_share and wanted) or tests) and not _has_library(NFS_CLIENT[0]):
        found.add(NFS_CLIENT[1])
    if tests:
        found.update(
            package
            for program, package in TEST_PROGRAMS.items()
            if shutil.which(program, path=SEARCH_PATH) is None
        )
        if not any(Path(POSTGRESQL[0]).glob("*/bin/initdb")):
            found.add(POSTGRESQL[1])
    return sorted(found)


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


# --- installing -----------------------------------------------------------------------------------
def install_missing(
    config: Config, progress: Progress, *, first_share: bool = False, tests: bool = False
) -> None:
    """Install what is missing, nothing else.  ClickException with one sentence if that fails."""
    if tests and not MTAB.exists() and os.geteuid() == 0:
        progress.say("packages", f"making {MTAB}, which NFS-Ganesha reads")
        MTAB.unlink(missing_ok=True)
        MTAB.symlink_to("../proc/self/mounts")
    packages = missing(config, first_share=first_share, tests=tests)
    if not packages:
        return
    listed = " ".join(packages)
    if os.geteuid() != 0:
        raise click.ClickException(
            f"Missing Debian packages: {listed}. Run this as root, or: apt-get install {listed}"
        )
    if shutil.which("apt-get") is None:
        raise click.ClickException(
            f"Missing packages (Debian's names): {listed}. There is no apt-get; install them."
        )
    progress.say("packages", f"installing {listed} (and what they depend on)")
    before = _units()
    with _nothing_starts():
        _apt(packages, progress)
    _disable(_units() - before)
    still = missing(config, first_share=first_share, tests=tests)
    if still:
        raise click.ClickException(
            f"apt-get installed the packages, but {' '.join(still)} is not usable."
        )
    progress.say("packages", "installed")


def _apt(packages: list[str], progress: Progress) -> None:
    install = ("install", "--yes", "--no-install-recommends", *packages)
    if any(LISTS.glob("*_Packages*")) and _run(install, progress)[0] == 0:
        return
    code, last = _run(("update",), progress)
    if code == 0:
        code, last = _run(install, progress)
    if code != 0:
        raise click.ClickException(f"apt-get {install[0]} {' '.join(packages)} failed: {last}")


def _run(arguments: Iterable[str], progress: Progress) -> tuple[int, str]:
    """apt-get; its exit code and its last complaint."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    options = ("-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120")
    with subprocess.Popen(
        ["apt-get", *options, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        complaint = _follow(process.stdout, lambda text: progress.passing("packages", text))
    return process.returncode, complaint


_SHOWN = ("Get:", "Unpacking ", "Setting up ")


def _follow(lines: Iterable[str], show: Callable[[str], None]) -> str:
    last = ""
    for line in lines:
        text = line.strip()
        if text.startswith(_SHOWN):
            show(" ".join(text.split()[:5]) if text.startswith("Get:") else text[:70].rstrip(" ."))
        elif text.startswith(("E:", "dpkg:", "Err:")):
            last = text
    return last


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Keep packages from starting their services while they are installed (Debian's policy-rc.d);
    a policy of the machine's own is left alone."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\n# made by abaca for the time of an installation\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _units() -> set[str]:
    return {path.name for path in UNITS.iterdir()} if UNITS.is_dir() else set()


def _disable(fresh: set[str]) -> None:
    """Services that came with the packages do not start at the next boot; others may."""
    names = [name for name in SERVICES if name in fresh]
    if names and shutil.which("systemctl"):
        subprocess.run(
            ["systemctl", "disable", "--quiet", *names],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
