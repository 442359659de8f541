"""Behind the guard of names and handles: a server's root holds nothing of the machine.

The first wall is taken down on purpose: servers are started without the library that checks names.
What a client then reaches is what the server reaches.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abaca.drivers.confine import capabilities, mounts, seccomp
from abaca.drivers.confine import server as confine
from abaca.drivers.contract.errors import BadConfigurationException
from abaca.drivers.contract.records import Share
from abaca.drivers.ganesha import bus, guard
from abaca.drivers.ganesha.instance import CAPABILITIES, Instance
from abaca.drivers.local.nfs import NfsExporter
from attack import nfs3
from attack.canary import SECRET, Canary
from attack.conftest import Wall
from attack.nfs3 import Mount, Nfs3
from storage.kit import Backend, rule, running, why_not

WALL = "servers: a root of their own"
pytestmark = pytest.mark.storage


class Scene:
    """An attacker's share and another project's, on two servers that check no names."""

    def __init__(self, backend: Backend, canary: Canary) -> None:
        self.backend, self.canary = backend, canary
        self.own, self.other = (backend.share(project_id=who) for who in ("own", "other"))
        for share in (self.own, self.other):
            backend.allow(share, rule("127.0.0.1"))
        self.own_server, self.other_server = self._servers()
        (self._path(self.other) / "secret").write_bytes(SECRET)
        for name in ("token.key", "abaca.sqlite"):  # as `abaca serve` has them
            (backend.directory / name).write_bytes(SECRET)

    def attacker(self) -> tuple[Nfs3, bytes]:
        name = f"share-{self.own['id']}"
        port, mount_port = self.backend.nfs_port(name)
        return Nfs3(port), Mount(mount_port).mnt(f"/{name}".encode()).handle

    def forbidden(self) -> list[Path]:
        """Files and directories of this machine that are there, and that the server must lack."""
        state, pool = self.backend.driver.state, self.backend.driver.pool
        own, other = self.own_server, self.other_server
        [export] = other.mount_root.iterdir()
        paths = [
            *map(Path, ("/etc/shadow", "/etc/ssl", "/etc/resolv.conf", "/root", "/home", "/boot")),
            *map(Path, ("/bin/sh", "/usr/bin/env", "/sbin", "/usr/share", "/var/lib", "/var/log")),
            *map(Path, ("/proc", "/proc/1/environ", "/proc/self/root", "/sys", "/sys/kernel")),
            *map(Path, ("/dev/mem", "/dev/zero", "/dev/shm", "/run/lock", "/var/tmp")),
            self.canary.directory / "secret",
            *(self.backend.directory / name for name in ("token.key", "abaca.sqlite")),
            state / "pool.img",
            *(pool.root, pool.shares, self._path(self.own), self._path(self.other)),
            self._path(self.other) / "secret",
            *(other.directory, other.config, other.mount_root, export, export / "secret"),
            *(own.pid_file, own.directory / "last_export_id"),
        ]
        return [path for path in paths if path.exists()]

    def _path(self, share: Share) -> Path:
        return self.backend.driver.share_path(share["id"])

    def _servers(self) -> list[Instance]:
        exporter = self.backend.driver.exporter("NFS")
        assert isinstance(exporter, NfsExporter)
        return [table.server for table in exporter.shards.tables()]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    reason = why_not("NFS")
    if reason:
        pytest.skip(reason)
    with Canary() as canary, pytest.MonkeyPatch.context() as patch:
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.ADDRESS}
        patch.setattr(Instance, "_environment", lambda _: environment)
        patch.setattr(guard, "is_loaded", lambda *_: True)
        with running() as backend:
            yield Scene(backend, canary)


def names(path: Path) -> Iterator[bytes]:
    """A path as a name in a directory of the export."""
    there = os.fsencode(path)
    yield there
    yield b"../" * 16 + there[1:]


def test_a_name_leads_to_nothing_of_the_machine(scene: Scene, wall: Wall) -> None:
    nfs, root = scene.attacker()
    assert nfs.lookup(root, b"/etc/passwd").ok, "the first wall still stands"
    for path in scene.forbidden():
        for name in names(path):
            found = nfs.lookup(root, name)
            data = nfs.read(found.handle).data if found.ok else b""
            wall.attempt(f"LOOKUP {name!r}", found.ok or SECRET in data)
    wall.assert_held()


def test_what_is_there_cannot_be_changed(scene: Scene, wall: Wall) -> None:
    """It is read-only, or the server's own and empty."""
    nfs, root = scene.attacker()
    nfs.create(root, b"file")
    file = nfs.lookup(root, b"file").handle
    assert file
    server = scene.own_server
    [export_file] = (server.directory / "exports").glob("*.conf")
    for path in (Path("/etc/passwd"), Path("/etc/nsswitch.conf"), server.config, export_file):
        [name, _] = names(path)
        before = path.read_bytes() if path.exists() else b""
        for what, answer in {
            "REMOVE": nfs.remove(root, name),
            "RENAME from": nfs.rename(root, name, root, b"mine"),
            "RENAME to": nfs.rename(root, b"file", root, name),
            "CREATE": nfs.create(root, name, 0, size=0),
        }.items():
            changed = path.exists() and path.read_bytes() != before
            wall.attempt(f"{what} {name!r}", answer.ok or changed)
    directories = ("/", "/etc", "/usr/bin", "/dev", "/usr/lib/x86_64-linux-gnu")
    for directory in (*map(Path, directories), server.mount_root, server.directory / "exports"):
        name = os.fsencode(directory / "new")
        for what, answer in {
            "CREATE": nfs.create(root, name),
            "MKDIR": nfs.mkdir(root, name),
            "SYMLINK": nfs.symlink(root, name, b"/"),
            "MKNOD": nfs.mknod(root, name, nfs3.FIFO),
            "LINK": nfs.link(file, root, name),
        }.items():
            wall.attempt(f"{what} {name!r}", answer.ok or (directory / "new").exists())
    for path in (scene.canary.directory, scene._path(scene.other)):
        nfs.create(root, os.fsencode(path / "new"))
        nfs.remove(root, os.fsencode(path / "secret"))
        wall.attempt(f"change of {path}", (path / "new").exists() or not (path / "secret").exists())
    wall.assert_held()


def test_a_link_of_a_client_leads_nowhere(scene: Scene, wall: Wall) -> None:
    nfs, root = scene.attacker()
    for number, path in enumerate((*scene.forbidden(), Path("/"), Path("/etc/passwd"))):
        link = f"link-{number}".encode()
        assert nfs.symlink(root, link, os.fsencode(path)).ok
        for name in (link + b"/", link + b"/.", link + b"/secret", link + b"/passwd"):
            wall.attempt(f"LOOKUP through a link to {path}", nfs.lookup(root, name).ok)
    wall.assert_held()


# --- what the kernel says of a server -------------------------------------------------------------
def test_the_kernel_says_the_same(scene: Scene, wall: Wall) -> None:
    pid = scene.own_server.pid
    assert pid is not None
    status = capabilities.status(pid)
    allowed = capabilities.mask(sorted(CAPABILITIES))
    for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
        wall.attempt(f"{name} {status[name]}", int(status[name], 16) & ~allowed != 0)
    wall.attempt("new privileges", status["NoNewPrivs"] != "1")
    wall.attempt("no filter of system calls", status["Seccomp"] != "2")
    for kind in ("mnt", "pid", "ipc"):
        inner, ours = (Path(f"/proc/{it}/ns/{kind}").readlink() for it in (pid, "self"))
        wall.attempt(f"namespace {kind}", inner == ours)
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    known = {b"PATH", b"DBUS_SYSTEM_BUS_ADDRESS", b"LD_PRELOAD", b""}
    for line in environment:
        wall.attempt(f"environment {line!r}", line.partition(b"=")[0] not in known)
    root = {path.name for path in Path(f"/proc/{pid}/root").iterdir()}
    expected = {"dev", "etc", "lib", "lib64", "run", "tmp", "usr", "var"}
    wall.attempt(f"root {root}", not root <= expected)
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            own = _is_own(descriptor, scene.own_server, Path(f"/proc/{pid}/root"))
            wall.attempt(f"descriptor of {descriptor.readlink()}", not own)
    wall.assert_held()


def _is_own(descriptor: Path, server: Instance, root: Path) -> bool:
    """Whether it is of nothing of the machine."""
    target = str(descriptor.readlink())
    if target == "/":
        return descriptor.stat().st_dev == root.stat().st_dev
    kinds = ("socket:", "pipe:", "anon_inode:", "/dev/null", "/run/", str(server.directory))
    return target.startswith(kinds)


def test_every_mount_is_expected_and_harmless(scene: Scene, wall: Wall) -> None:
    server = scene.own_server
    pid = server.pid
    assert pid is not None
    expected = {entry.plan()["target"] for entry in server._system()} | {"/"}
    expected |= {str(path) for path in (server.config, server.directory / "exports", server.log)}
    expected |= {str(path) for path in (server.mount_root, server.directory / "recovery")}
    [place] = server.mount_root.iterdir()
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        target, options = line.split()[4:6]
        flags = options.split(",")
        is_known = target in {*expected, str(place)} or target.endswith(".so")
        wall.attempt(f"mount {target}", not is_known)
        wall.attempt(f"suid on {target}", "nosuid" not in flags)
        wall.attempt(f"devices on {target}", "nodev" not in flags and target != "/dev/null")
        wall.attempt(f"programs on {target}", not {"ro", "noexec"} & set(flags))
        wall.attempt(f"links on {target}", target == str(place) and "nosymfollow" not in flags)
    wall.assert_held()


# --- a program of the attacker's in the place of the server ---------------------------------------
def test_a_program_in_a_server_stays_there(scene: Scene, wall: Wall) -> None:
    """As if a fault of the server let a client run code in it."""
    results = _inside(scene.own_server)
    for what, number in results.items():
        wall.attempt(what, number == 0)
    wall.assert_held()


def _inside(server: Instance) -> dict[str, int]:
    """What a process with the server's namespaces, root and rights can do: its errno, 0: it can."""
    pid = server.pid
    assert pid is not None
    victim = os.getpid()
    [export] = server.mount_root.iterdir()
    read, write = os.pipe()
    fds = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("pid", "ipc", "mnt")]
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            libc = ctypes.CDLL(None, use_errno=True)
            libc.setns(fds[0], 0)
            libc.setns(fds[1], 0)
            if os.fork() == 0:  # the first one in that PID namespace
                mounts.enter_namespace(fds[2])
                capabilities.keep_only(sorted(CAPABILITIES))
                seccomp.refuse()
                os.write(write, json.dumps(_attempts(libc, export, victim)).encode())
        os._exit(0)
    os.close(write)
    for descriptor in fds:
        os.close(descriptor)
    os.waitpid(child, 0)
    with os.fdopen(read) as result:
        found: dict[str, int] = json.loads(result.read() or "{}")
    assert len(found) > 15, "the program did not run"
    return found


def _attempts(libc: ctypes.CDLL, export: Path, victim: int) -> dict[str, int]:
    def syscall(function: Callable[..., int], *arguments: object) -> int:
        return ctypes.get_errno() if function(*arguments) < 0 else 0

    def disk() -> None:
        """The machine's disk, by a device node of one's own making."""
        node = export / "disk"
        with contextlib.suppress(FileExistsError):
            os.mknod(node, 0o600 | 0o060000, os.makedev(254, 0))
        os.close(os.open(node, os.O_RDONLY))

    def program() -> None:
        copy = export / "program"
        copy.write_bytes(Path("/usr/bin/dbus-daemon").read_bytes())
        copy.chmod(0o4755)
        os.posix_spawn(str(copy), [str(copy), "--version"], {})

    tried: dict[str, Callable[[], object]] = {
        "open /etc/shadow": lambda: os.open("/etc/shadow", os.O_RDONLY),
        "open /proc": lambda: os.open("/proc", os.O_RDONLY),
        "open a disk": disk,
        "run a program from a share": program,
        "write a library": lambda: os.open("/usr/lib/ganesha/new", os.O_WRONLY | os.O_CREAT),
        "write to the root": lambda: Path("/new").mkdir(),
        "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
        "signal a process of the machine": lambda: os.kill(victim, 0),
        "lower a nice value": lambda: os.nice(-5),
        "immutable root": lambda: os.chroot("/tmp"),
    }
    found = {what: _errno(attempt) for what, attempt in tried.items()}
    flags = {"user": 0x10000000, "mount": 0x20000, "PID": 0x20000000, "network": 0x40000000}
    for kind, flag in flags.items():
        found[f"unshare the {kind} namespace"] = syscall(libc.unshare, flag)
    found["mount"] = syscall(libc.mount, b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), None)
    found["remount"] = syscall(libc.mount, None, b"/", None, ctypes.c_ulong(32), None)
    found["unmount"] = syscall(libc.umount2, b"/run", 2)
    found["trace the server"] = syscall(libc.ptrace, 16, 1, None, None)
    for name, number in {"bpf": 321, "keyctl": 250, "io_uring_setup": 425}.items():
        if os.uname().machine == "x86_64":
            found[name] = syscall(libc.syscall, number, 0, 0, 0, 0)
    return found


def _errno(attempt: Callable[[], object]) -> int:
    try:
        attempt()
    except OSError as problem:
        return problem.errno or errno.EIO
    return 0


# --- a bus of its own -----------------------------------------------------------------------------
def test_no_server_reaches_the_bus_of_another(scene: Scene, wall: Wall) -> None:
    own, other = scene.own_server, scene.other_server
    assert own.exports.owner() == other.exports.owner() == 1  # each one's own process 1
    for server, stranger in ((own, other), (other, own)):
        name = stranger.exports.bus_name
        wall.attempt(f"{name} on the bus of another", server.bus.owner(name) is not None)
        wall.attempt("an export of another's", server.exports.show() != {1})
    wall.assert_held()


def test_a_server_that_could_not_be_confined_is_not_started(
    scene: Scene, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scene.other_server
    pid = server.pid
    monkeypatch.setattr(confine, "why_not", lambda: "it cannot be done here")
    with pytest.raises(BadConfigurationException, match="it cannot be done here"):
        confine.start(server._confined([]))
    wall.attempt("a server without a root of its own", server.pid != pid)
    wall.assert_held()
