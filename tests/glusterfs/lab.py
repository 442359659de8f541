"""Machines with a real GlusterFS, NFS-Ganesha and SSH server: each is a set of namespaces.

A machine has its own mount, network and process namespace, so its daemons find their usual paths
(/var/lib/glusterd, /etc/ganesha, /run) and ports, and all of it dies with one process.  This host
reaches it over a bridge.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from abaca.drivers.confine import mounts

PASSWORD = "gluster-secret"
# of that password; made by: openssl passwd -6 -salt abaca
NEEDED = {
    "glusterd": "glusterfs-server",
    "mount.glusterfs": "glusterfs-client",
    "ganesha.nfsd": "nfs-ganesha",
    "dbus-send": "dbus-bin",
    "sshd": "openssh-server",
    "rpcbind": "rpcbind",
    "ip": "iproute2",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_UNSHARE = "unshare -m -n -p --fork --kill-child --mount-proc"
_SETUP = r"""
mount --make-rprivate /
mount -t tmpfs -o size=64m tmpfs /run
mount -t tmpfs -o size=1m tmpfs /root  # no start-up files of a shell
mkdir -p /run/dbus /run/sshd /run/gluster /run/ganesha /run/lock
for pair in lib:/var/lib/glusterd log:/var/log/glusterfs ganesha:/etc/ganesha nfs:/var/lib/nfs; do
    mkdir -p "$1/${pair%%:*}" "${pair#*:}"
    mount --bind "$1/${pair%%:*}" "${pair#*:}"
done
mount --bind "$1/shadow" /etc/shadow
for gsyncd in /usr/lib/*/glusterfs/gsyncd; do  # glusterd starts a dozen of it first, in Python
    [ -e "$gsyncd" ] || continue
    printf '#!/bin/sh\necho gsyncd.py\n' > "$1/gsyncd"
    chmod +x "$1/gsyncd"
    mount --bind "$1/gsyncd" "$gsyncd"
done
ip link set lo up
touch "$1/ready"
exec sleep infinity
"""

_SSHD = """Port 22
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
UsePAM no
PidFile /run/sshd.pid
"""

_GANESHA = """NFS_CORE_PARAM {
    Protocols = 3, 4; Enable_NLM = false; Enable_RQUOTA = false; MNT_Port = 20048;
    mount_path_pseudo = true;
}
NFSV4 { Graceless = true; RecoveryBackend = fs; Lease_Lifetime = 30; Grace_Period = 1; }
EXPORT_DEFAULTS { Access_Type = None; SecType = sys; Attr_Expiration_Time = 0; }
%include "/etc/ganesha/export.d/INDEX.conf"
"""


def why_not() -> str | None:
    """A sentence why these tests cannot run here, or None."""
    if os.geteuid() != 0:
        return "GlusterFS tests need root"
    missing = [p for n, p in NEEDED.items() if shutil.which(n, path=PATH) is None]
    plugin = Path("/usr/lib/x86_64-linux-gnu/ganesha/libfsalgluster.so")
    missing += [] if plugin.exists() else ["nfs-ganesha-gluster"]
    if missing:
        return f"GlusterFS tests need the Debian packages {' '.join(sorted(set(missing)))}"
    if not Path("/dev/fuse").exists():
        return "GlusterFS tests need /dev/fuse"
    return None


def wait(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def sh(*words: str, seconds: float = 60) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


class Machine:
    """One machine of the lab."""

    def __init__(self, lab: Lab, number: int) -> None:
        self.directory = lab.directory / f"m{number}"
        self.directory.mkdir()
        self.address = f"{lab.network}.{number}"
        shadow = Path("/etc/shadow").read_text().splitlines()
        hashed = sh("openssl", "passwd", "-6", "-salt", "abaca", PASSWORD).strip()
        lines = [line for line in shadow if not line.startswith("root:")]
        (self.directory / "shadow").write_text("\n".join([f"root:{hashed}:1::::::", *lines, ""]))
        self._holder = subprocess.Popen(
            [*_UNSHARE.split(), "sh", "-euc", _SETUP, "machine", str(self.directory)],
            start_new_session=True,
            stderr=subprocess.DEVNULL,  # unshare complains when its child is killed
        )
        wait((self.directory / "ready").exists, "the namespaces of a machine")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        self.pid = children.split()[0]
        near, far = f"gn{lab.tag}{number}", f"gf{lab.tag}{number}"
        sh("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.pid)
        sh("ip", "link", "set", near, "master", lab.bridge, "up")
        self.run("ip", "addr", "add", f"{self.address}/24", "dev", far)
        self.run("ip", "link", "set", far, "up")

    def command(self, *words: str) -> list[str]:
        """How to run a command there."""
        return ["nsenter", "-t", self.pid, "-m", "-n", "-p", "--", *words]

    def run(self, *words: str, check: bool = True, seconds: float = 60) -> str:
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=seconds, check=False
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout

    def gluster(self, *words: str) -> str:
        return self.run("gluster", "--mode=script", *words)

    # --- daemons ----------------------------------------------------------------------------------
    def start_glusterd(self) -> None:
        self.run("glusterd", "-l", "/var/log/glusterfs/glusterd.log")
        wait(
            lambda: "<opRet>0<" in self.run("gluster", "--xml", "volume", "list", check=False),
            "glusterd",
        )

    def start_sshd(self, host_key: str = "host_key") -> None:
        key = self.directory / host_key
        if not key.exists():
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        client = self.directory.parent / "client_key"
        if not client.exists():
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(client))
        shutil.copy(f"{client}.pub", self.directory / "authorized_keys")
        text = _SSHD.format(directory=self.directory).replace("/host_key", f"/{host_key}")
        config = self.directory / "sshd_config"
        config.write_text(text)
        sshd = shutil.which("sshd", path=PATH) or "sshd"
        self.run(sshd, "-f", str(config), "-E", str(self.directory / "sshd.log"))
        wait(lambda: listens(self.address, 22), "the SSH server")

    def start_bus(self) -> None:
        self.run("dbus-daemon", "--system", "--fork")
        self.run("rpcbind")
        for name in ("dbus/system_bus_socket", "rpcbind.sock"):
            wait(lambda path=f"/proc/{self.pid}/root/run/{name}": connects(path), name)

    def start_ganesha(self) -> None:
        config = self.directory / "ganesha"
        (config / "export.d").mkdir(exist_ok=True)
        (config / "export.d" / "INDEX.conf").touch()
        if not (config / "ganesha.conf").exists():
            (config / "ganesha.conf").write_text(_GANESHA)
        self.run(
            "ganesha.nfsd",
            "-L",
            "/var/log/glusterfs/ganesha.log",
            "-N",
            "NIV_EVENT",
            "-p",
            "/run/ganesha.pid",
        )
        wait(self._ganesha_serves, "NFS-Ganesha")

    def _ganesha_serves(self) -> bool:
        log = self.directory / "log" / "ganesha.log"
        assert self.pids("ganesha.nfsd"), "Ganesha died:\n" + log.read_text()[-2000:]
        return "uint16 0" in self.show_exports()

    def show_exports(self) -> str:
        manager = "/org/ganesha/nfsd/ExportMgr org.ganesha.nfsd.exportmgr.ShowExports"
        return self.run(
            "dbus-send",
            "--system",
            "--print-reply",
            "--dest=org.ganesha.nfsd",
            *manager.split(),
            check=False,
        )

    def kill(self, name: str) -> None:
        """kill -9 of a daemon by its pid; waits until it is gone."""
        found = self.pids(name)
        assert found, f"no {name} runs"
        self.run("kill", "-9", *found, check=False)  # some may have gone meanwhile
        wait(lambda: not self.pids(name), f"the end of {name}")

    def pids(self, name: str) -> list[str]:
        """Of processes whose command line holds the word, zombies left out."""
        return [
            pid
            for pid in self.run("pgrep", "-f", name, check=False).split()
            if self.run("cat", f"/proc/{pid}/cmdline", check=False)
        ]

    @property
    def bus_address(self) -> str:
        return f"unix:path=/proc/{self.pid}/root/run/dbus/system_bus_socket"

    def crash(self) -> None:
        """Every process dies at once; the network says so to who asks."""
        self.run("kill", "-9", "-1", check=False)

    def off(self) -> None:
        """The machine is gone."""
        os.kill(int(self.pid), signal.SIGKILL)
        self._holder.wait(30)

    def destroy(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.off()


class Lab:
    """A network of machines, and a directory for what belongs to them."""

    def __init__(self, machines: int = 1) -> None:
        self.tag = uuid.uuid4().hex[:5]
        self.network = f"10.{200 + int(self.tag[:2], 16) % 50}.{int(self.tag[2:4], 16)}"
        self.bridge = f"gb{self.tag}"
        self.directory = Path(tempfile.mkdtemp(prefix="abaca-gl-", dir="/tmp"))
        self.machines: list[Machine] = []
        sh("ip", "link", "add", self.bridge, "type", "bridge")
        sh("ip", "addr", "add", f"{self.network}.254/24", "dev", self.bridge)
        sh("ip", "link", "set", self.bridge, "up")
        for number in range(1, machines + 1):
            self.machines.append(Machine(self, number))

    @property
    def address(self) -> str:
        """This host's, as the machines see it."""
        return f"{self.network}.254"

    @property
    def key(self) -> Path:
        """The private key that the machines let in."""
        return self.directory / "client_key"

    def volume(self, name: str, *, start: bool = True) -> None:
        """Make a volume with a brick on each machine, a copy on each."""
        first, count = self.machines[0], len(self.machines)
        bricks = [f"{m.address}:{m.directory}/bricks/{name}" for m in self.machines]
        for machine in self.machines:
            (machine.directory / "bricks").mkdir(exist_ok=True)
        kind = ["replica", str(count)] if count > 1 else []
        first.gluster("volume", "create", name, *kind, *bricks, "force")
        if start:
            first.gluster("volume", "start", name)

    def destroy(self) -> None:
        for point in list(mounts.mount_points()):
            if point.startswith(f"{self.directory}/"):
                mounts.unmount(point, mounts.MNT_DETACH)
        for machine in self.machines:
            machine.destroy()
        subprocess.run(["ip", "link", "del", self.bridge], check=False, timeout=30)
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def running(machines: int = 1) -> Iterator[Lab]:
    """Machines with GlusterFS, joined into one cluster; Ganesha and SSH on the first one."""
    lab = Lab(machines)
    try:
        first = lab.machines[0]
        for machine in lab.machines:
            machine.start_glusterd()
        for other in lab.machines[1:]:
            first.gluster("peer", "probe", other.address)
            wait(
                lambda o=other: (
                    o.address in first.gluster("pool", "list")  # type: ignore[misc]
                    and "Disconnected" not in first.gluster("pool", "list")
                ),
                "a peer",
            )
        first.start_sshd()
        first.start_bus()
        first.start_ganesha()
        yield lab
    finally:
        lab.destroy()
