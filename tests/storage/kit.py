"""Makes backends, clients in foreign network namespaces, and takes them away again."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.contract.context import DriverContext
from abaca.drivers.contract.records import (
    AccessRule,
    Share,
    Snapshot,
    access_record,
    share_record,
    snapshot_record,
)
from abaca.drivers.ganesha.packages import missing_packages
from abaca.drivers.local.driver import LocalShareDriver
from abaca.model.context import system_context
from abaca.testing import nfs

CONTEXT = DriverContext(system_context())
GIB = 1 << 30
# a mount that the server refused, or one whose connection was reset before the server saw it
REFUSED = (errno.EACCES, errno.EIO)
REFUSED_NAMES = tuple(errno.errorcode[number] for number in REFUSED)


def why_not(*needs: str) -> str | None:
    """A sentence why storage tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "storage tests need root"
    missing = missing_packages(["pool", *needs])
    if missing:
        names = sorted({package for packages in missing.values() for package in packages})
        return f"storage tests need the Debian packages {' '.join(names)}"
    if "btrfs" not in Path("/proc/filesystems").read_text():
        return "storage tests need a kernel with btrfs"
    return None


def free_ports(count: int) -> int:
    """The first of `count` free neighbouring ports, outside the kernel's own range."""
    start = 10000 + (os.getpid() * 37 + int.from_bytes(os.urandom(2))) % 20000
    for base in range(start, start + 2000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(base, base + count):
                    probe = stack.enter_context(socket.socket(socket.AF_INET6))
                    probe.bind(("::", port))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


class Backend:
    """A local backend in a directory of its own."""

    def __init__(self, **options: Any) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="abaca-st-", dir="/tmp"))
        ports = free_ports(16)
        self.options: dict[str, Any] = {
            "driver_handles_share_servers": False,
            "local_state_path": str(self.directory),
            "local_pool_size_gb": 4,
            "local_nfs_port": ports,
            "local_mount_port": ports + 5,
            "local_smb_port": ports + 10,
            "local_nfs_grace_period": 1,
            "local_nfs_lease": 2,
            "local_protocols": ["NFS"],
            **options,
        }
        self.driver = self.new_driver()

    def new_driver(self, **options: Any) -> LocalShareDriver:
        """A driver as a new process would make it; not set up."""
        configuration = DictConfiguration({**self.options, **options}, config_group="one")
        return LocalShareDriver(configuration=configuration)

    def start(self) -> LocalShareDriver:
        """Set the driver up."""
        self.driver.do_setup(CONTEXT)
        self.driver.check_for_setup_error()
        return self.driver

    def restart(self) -> LocalShareDriver:
        """abaca ends and comes back; daemons go on."""
        self.driver.release()
        self.driver = self.new_driver()
        return self.start()

    def destroy(self) -> None:
        """Nothing of it stays."""
        with contextlib.suppress(Exception):
            if not self.driver.exporters:
                self.driver.do_setup(CONTEXT)
        self.driver.stop_exports()
        shutil.rmtree(self.directory)

    # -- resources -----------------------------------------------------------------------------

    def share(self, size: int = 1, protocol: str = "NFS", **values: Any) -> Share:
        """A new share on the backend."""
        share = new_share(size, protocol, **values)
        self.driver.create_share(CONTEXT, share)
        return share

    def allow(self, share: Share, *rules: AccessRule) -> dict[str, Any]:
        """Put exactly these rules in force; what is said of them, without reasons."""
        return {
            key: {word: each for word, each in said.items() if word != "reason"}
            for key, said in self.told(share, *rules).items()
        }

    def told(self, share: Share, *rules: AccessRule) -> dict[str, Any]:
        """As allow, with the reasons for those in error."""
        return dict(self.driver.update_access(CONTEXT, share, rules, [], [], []) or {})

    def snapshot(self, share: Share) -> Snapshot:
        """A new snapshot on the backend."""
        snapshot = new_snapshot(share)
        self.driver.create_snapshot(CONTEXT, snapshot)
        return snapshot

    def delete(self, share: Share) -> None:
        self.driver.delete_share(CONTEXT, share)

    def nfs_port(self, name: str) -> tuple[int, int]:
        [location] = self.driver.exporter("NFS").locations(name)
        return int(location["metadata"]["nfs_port"]), int(location["metadata"]["mount_port"])

    def mount(
        self, share: Share | str, server: str = "127.0.0.1", version: int = 3
    ) -> nfs.NfsClient:
        """A client of this machine."""
        name = share if isinstance(share, str) else f"share-{share['id']}"
        port, mount_port = self.nfs_port(name)
        return nfs.connect(server, f"/{name}", port, mount_port, version=version)


def new_share(size: int = 1, protocol: str = "NFS", **values: Any) -> Share:
    identity = values.pop("id", None) or str(uuid.uuid4())
    return share_record(id=identity, size=size, share_proto=protocol, **values)


def new_snapshot(share: Share, **values: Any) -> Snapshot:
    identity = values.pop("id", None) or str(uuid.uuid4())
    return snapshot_record(
        id=identity,
        share_id=share["id"],
        share_instance_id=share["id"],
        share_proto=share["share_proto"],
        size=share["size"],
        share=share,
        **values,
    )


def rule(to: str, level: str = "rw", kind: str = "ip") -> AccessRule:
    identity = str(uuid.uuid4())
    return access_record(
        id=str(uuid.uuid4()),
        access_id=identity,
        access_type=kind,
        access_to=to,
        access_level=level,
    )


class Foreigner:
    """A machine with another address: a network namespace joined to ours by a veth pair."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:6]
        octet = int(tag[:2], 16) % 250 + 1
        third = int(tag[2:4], 16)
        self.namespace = f"abaca-{tag}"
        self.ours, self.address = f"10.{octet}.{third}.1", f"10.{octet}.{third}.2"
        self.ours6, self.address6 = f"fd{tag[:2]}:{tag[2:]}::1", f"fd{tag[:2]}:{tag[2:]}::2"
        near, far = f"ab{tag}", f"ac{tag}"
        _ip("netns", "add", self.namespace)
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", self.namespace)
        for address in (f"{self.ours}/24", f"{self.ours6}/64"):
            _ip("addr", "add", address, "dev", near, *(["nodad"] if ":" in address else []))
        _ip("link", "set", near, "up")
        inside = ("-n", self.namespace)
        for address in (f"{self.address}/24", f"{self.address6}/64"):
            nodad = ["nodad"] if ":" in address else []
            _ip(*inside, "addr", "add", address, "dev", far, *nodad)
        _ip(*inside, "link", "set", far, "up")
        _ip(*inside, "link", "set", "lo", "up")

    def destroy(self) -> None:
        _ip("netns", "del", self.namespace)

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A command on that machine."""
        full = ["ip", "netns", "exec", self.namespace, *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=timeout, check=False)

    def nfs(self, server: str, backend: Backend, name: str, statement: str) -> str:
        """Python on a mounted client `c` there; prints the errno name, or what is printed."""
        port, mount_port = backend.nfs_port(name)
        program = (
            "import errno\nfrom abaca.testing import nfs\n"
            f"try:\n  with nfs.connect({server!r}, '/{name}', {port}, {mount_port}) as c:\n"
            f"    {statement}\n"
            "except OSError as e: print(errno.errorcode[e.errno])\n"
        )
        result = self.run(sys.executable, "-c", program)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Backend]:
    """A backend that is up, and gone afterwards."""
    backend = Backend(**options)
    try:
        backend.start()
        yield backend
    finally:
        backend.destroy()


def errno_of(call: Callable[[], object]) -> int | None:
    """The errno a call fails with, None if it succeeds."""
    try:
        call()
    except OSError as problem:
        return problem.errno
    return None
