"""A small Linux with a kernel NFS client: a QEMU guest made of a Debian kernel and busybox.

It is for tests that are asked for: ABACA_TEST_GUEST names a directory where the kernel is kept
(downloaded at the first time).  It is emulated, because KVM often does not work inside a virtual
machine: it is up in seconds all the same.  The machine it runs on is 10.0.2.2 to it, and takes the
guest for itself.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

PACKAGES = ("qemu-system-x86", "busybox-static")
KERNEL = "linux-image-cloud-amd64"
MODULES = (
    "kernel/fs/nfs", "kernel/fs/nfs_common", "kernel/fs/lockd", "kernel/fs/netfs",
    "kernel/fs/fscache", "kernel/net/sunrpc", "kernel/net/dns_resolver", "kernel/net/core",
    "kernel/drivers/net", "kernel/drivers/virtio", "kernel/lib", "kernel/crypto",
)  # fmt: skip
HOST = "10.0.2.2"
PROMPT = re.compile(rb"=(\d+)=end=")
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
modprobe virtio_pci; modprobe virtio_net; modprobe nfsv4; modprobe nfsv3
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
stty -echo; mkdir -p /mnt; echo 0 > /proc/sys/kernel/printk
echo ==0=end=
while read -r line; do eval "$line" 2>&1; echo "=$?=end="; done
"""


def why_not() -> str | None:
    """A sentence why there can be no guest, or None."""
    if not os.environ.get("ABACA_TEST_GUEST"):
        return "set ABACA_TEST_GUEST to a directory to test with a kernel NFS client"
    missing = [name for name in ("qemu-system-x86_64", "busybox") if shutil.which(name) is None]
    return f"a guest needs the packages {' '.join(PACKAGES)}" if missing else None


def image() -> tuple[Path, Path]:
    """Kernel and initial file system, made in ABACA_TEST_GUEST if they are not there."""
    folder = Path(os.environ["ABACA_TEST_GUEST"]).absolute()
    kernel, initial = folder / "vmlinuz", folder / "initrd"
    if not initial.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _unpack(folder)
        _pack(folder, initial)
        shutil.copy(next((folder / "root/boot").glob("vmlinuz-*")), kernel)
    return kernel, initial


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def _unpack(folder: Path) -> None:
    depends = _run("apt-cache", "depends", KERNEL, folder=folder)
    package = re.findall(r"Depends: (linux-image-\S+)", depends)[0]
    _run("apt-get", "-o", "APT::Sandbox::User=root", "download", package, folder=folder)
    _run("dpkg", "-x", str(next(folder.glob("linux-image-*.deb"))), "root", folder=folder)


def _pack(folder: Path, initial: Path) -> None:
    tree = folder / "tree"
    modules = next((folder / "root/lib/modules").iterdir())
    target = tree / "lib/modules" / modules.name
    for name in ("bin", "proc", "sys", "dev", "mnt"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("busybox") or "", tree / "bin/busybox")
    for name in MODULES:
        if (modules / name).exists():
            shutil.copytree(modules / name, target / name, dirs_exist_ok=True)
    for name in ("modules.order", "modules.builtin"):
        shutil.copy(modules / name, target / name)
    _run("busybox", "depmod", "-b", str(tree), modules.name, folder=folder)
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    names = _run("find", ".", folder=tree)
    with initial.open("wb") as out:
        command = ["busybox", "cpio", "-o", "-H", "newc"]
        subprocess.run(command, cwd=tree, input=names.encode(), stdout=out, check=True)


class Guest:
    """One running guest: commands go to its shell by the serial line."""

    def __init__(self) -> None:
        kernel, initial = image()
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "384", "-nodefaults",
            "-display", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", str(kernel), "-initrd", str(initial),
            "-append", "console=ttyS0 quiet panic=-1",
            "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n",
        ]  # fmt: skip
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        self._answer(60)

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str, seconds: float = 60) -> tuple[int, str]:
        """Exit status and output of a shell command."""
        self.begin(command)
        return self._answer(seconds)

    def begin(self, command: str) -> None:
        """Start a command; `end` waits for it."""
        assert self._process.stdin and "\n" not in command
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def end(self, seconds: float = 60) -> tuple[int, str]:
        return self._answer(seconds)

    def _answer(self, seconds: float) -> tuple[int, str]:
        assert self._process.stdout
        deadline, said = time.monotonic() + seconds, b""
        while (found := PROMPT.search(said)) is None:
            left = deadline - time.monotonic()
            ready = select.select([self._process.stdout], [], [], max(0.0, left))[0]
            part = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            if not part:
                raise TimeoutError(f"the guest says nothing more after {said[-500:]!r}")
            said += part
        text = said[: found.start()].decode(errors="replace").replace("\r", "")
        return int(found[1]), text.lstrip("\n")
