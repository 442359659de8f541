"""Native backends, the certificates of their servers and clients, and clients that show them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from abaca.drivers.contract.execute import execute_locally
from abaca.drivers.glusterfs.native import GlusterfsNativeShareDriver
from glusterfs.kit import Backend
from glusterfs.lab import Lab, sh

PLACE = "/usr/lib/ssl"  # where Debian's GlusterFS looks for certificates
SERVER, CLIENT = "glusterfs-server", "client1"


class Native(Backend):
    """abaca's own host shows the servers' certificate, from a place of its own."""

    driver_class = GlusterfsNativeShareDriver

    def _execute(self, *words: Any, **keywords: Any) -> tuple[str, str]:
        if words[0] != "mount":
            return super()._execute(*words, **keywords)
        host, _, volume = str(words[-2]).partition(":/")
        own = self.lab.directory / SERVER
        files = {"own-cert": "pem", "private-key": "key", "ca-list": "ca"}
        ssl = [
            f"--xlator-option=*.transport.socket.ssl-{name}={own}/glusterfs.{kind}"
            for name, kind in files.items()
        ]
        command = ("glusterfs", *ssl, f"--volfile-server={host}", f"--volfile-id={volume}")
        return execute_locally(*command, words[-1], **keywords)


def make_certificates(lab: Lab) -> None:
    ca = lab.directory / "ca"
    ca.mkdir()
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    own = ("openssl", "req", "-x509", *key, f"{ca}/key", "-out", f"{ca}/pem", "-subj", "/CN=ca")
    sh(*own)
    for name in (SERVER, CLIENT):
        place = lab.directory / name
        place.mkdir()
        asked = (f"{place}/glusterfs.key", "-subj", f"/CN={name}", "-out", f"{place}/request")
        sh("openssl", "req", *key, *asked)
        by = ("-CA", f"{ca}/pem", "-CAkey", f"{ca}/key", "-CAcreateserial")
        given = ("-in", f"{place}/request", "-out", f"{place}/glusterfs.pem")
        sh("openssl", "x509", "-req", *by, *given)
        shutil.copy(ca / "pem", place / "glusterfs.ca")


def as_client(native: Native, volume: str, script: str) -> subprocess.CompletedProcess[str]:
    """Mount a volume on a machine with the client's certificate, and do something in it."""
    text = f"""
        mount --bind {native.lab.directory / CLIENT} {PLACE}
        mkdir -p /run/share
        mount -t glusterfs {native.machine.address}:/{volume} /run/share
        cd /run/share
        [ "$(stat -f -c %T .)" = fuseblk ] # one who is not let in is unmounted a moment later
        {script}
    """
    command = native.machine.command("unshare", "-m", "sh", "-euc", text)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
