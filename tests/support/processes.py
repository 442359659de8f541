"""abaca as a user starts it: real processes, on free ports, in a temporary directory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ABACA = Path(sys.executable).parent / "abaca"
START_SECONDS = 60.0  # a loaded machine
STOP_SECONDS = 15.0
SECTION = re.compile(r"^\[(\w+)\]", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    """Ours without what would point abaca or a client elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OS_", "ABACA_", "PYTEST_", "COV_"))
    }
    return {**kept, "PYTHONWARNINGS": "ignore", **more}


class Site:
    """A directory with a configuration; the processes that run on it."""

    def __init__(
        self,
        folder: Path,
        text: str = "",
        *,
        auth: str = "none",
        url: str = "",
        backend: str = "[fake]\nshare_driver = fake\n",
    ) -> None:
        self.folder, self.port, self.auth = folder, free_port(), auth
        self.file = folder / "abaca.conf"
        self.state = folder / "state"
        self.running: list[subprocess.Popen[str]] = []
        database = f"\n[database]\nconnection = {url}\n" if url else ""
        self.file.write_text(
            "[DEFAULT]\n"
            f"state_path = {self.state}\nhost = node\nauth_strategy = {auth}\n"
            f"osapi_share_listen = 127.0.0.1\nosapi_share_listen_port = {self.port}\n"
            f"enabled_share_backends = {', '.join(re.findall(SECTION, backend))}\n"
            f"{text}\n{backend}{database}"
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def clouds(self) -> Path:
        return self.state / "clouds.yaml"

    # --- commands ---------------------------------------------------------------------------------
    def command(self, *words: str) -> list[str]:
        return [str(ABACA), "--config-file", str(self.file), *words]

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            self.command(*words),
            env=environment(**environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def start(self, *words: str, prelude: str = "") -> subprocess.Popen[str]:
        """A command that goes on; its output is in a file, see `said`.

        prelude: Python that the process runs first.
        """
        path = self.folder / f"out{len(self.running)}"
        command = self.command(*words)
        if prelude:
            program = f"{prelude}\nimport sys\nfrom abaca.cli import main\nsys.exit(main())"
            command = [sys.executable, "-c", program, *command[1:]]
        with path.open("w") as out:
            process = subprocess.Popen(
                command,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.running.append(process)
        return process

    def said(self, process: subprocess.Popen[str]) -> str:
        return (self.folder / f"out{self.running.index(process)}").read_text()

    def serve(self, *words: str) -> subprocess.Popen[str]:
        """`abaca serve` that is ready."""
        process = self.start("serve", *words)
        self.await_text(process, "ready ")
        return process

    def await_text(self, process: subprocess.Popen[str], text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self.said(process):
            assert process.poll() is None, self.said(process)
            assert time.monotonic() < deadline, self.said(process)
            time.sleep(0.02)

    def stop(self, process: subprocess.Popen[str], how: int = signal.SIGTERM) -> float:
        """End it; the seconds that took."""
        started = time.monotonic()
        process.send_signal(how)
        process.wait(timeout=STOP_SECONDS)
        return time.monotonic() - started

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=STOP_SECONDS)

    # --- the API ----------------------------------------------------------------------------------
    def call(self, method: str, path: str, body: Any = None) -> Any:
        """As an administrator of project `admin`; needs auth none."""
        request = urllib.request.Request(
            f"{self.url}/v2{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Content-Type": "application/json",
                "X-Auth-Token": "admin:admin",
                "X-OpenStack-Manila-API-Version": "2.65",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    def create(self, name: str, **more: Any) -> str:
        body = {"share": {"name": name, "size": 1, "share_proto": "NFS", **more}}
        return str(self.call("POST", "/shares", body)["share"]["id"])

    def await_share(self, share_id: str, status: str = "available", seconds: float = 30) -> float:
        """Until it has this status; the seconds that took."""
        started = time.monotonic()
        while True:
            found = self.call("GET", f"/shares/{share_id}")["share"]["status"]
            if found == status:
                return time.monotonic() - started
            assert found != "error", self.call("GET", f"/messages?resource_id={share_id}")
            assert time.monotonic() < started + seconds, found
            time.sleep(0.005)

    def await_services(self, *binaries: str) -> None:
        """Until each of them has reported."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = {each["binary"] for each in self.call("GET", "/services")["services"]}
            if found.issuperset(binaries):
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def await_api(self) -> None:
        """Until the API answers.  What was said is shown if all processes have ended instead."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/healthcheck"):
                return
            said = "\n".join(map(self.said, self.running))
            assert any(process.poll() is None for process in self.running), said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)


@contextlib.contextmanager
def site(text: str = "", **options: str) -> Iterator[Site]:
    """A site whose processes end with the block.

    In a directory with a short name, because a path of a socket is short.
    """
    with tempfile.TemporaryDirectory(prefix="abaca-cli-") as folder:
        made = Site(Path(folder), text, **options)
        try:
            yield made
        finally:
            made.close()


LOCAL = """[local]
share_driver = local
local_pool_size_gb = 4
local_nfs_port = {0}
local_mount_port = {1}
local_smb_port = {2}
local_nfs_grace_period = 1
local_nfs_lease = 2
"""


@contextlib.contextmanager
def local_site(ports: int, text: str = "", more: str = "", **options: str) -> Iterator[Site]:
    """A site with real storage, at ports from this one on; its exports end with the block.

    more: what else is in its section, and further sections.
    """
    backend = LOCAL.format(ports, ports + 5, ports + 10) + more
    with site(text, backend=backend, **options) as made:
        try:
            yield made
        finally:
            made.close()
            ended = made.run("serve", "--stop-exports")
            assert ended.returncode == 0 or "never run" in ended.stderr, ended.stderr
