"""The simulated array as somebody starts it by hand."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abaca.testing.vms import Running, certificates, running
from support.processes import environment
from vast.client import PATIENCE, Client, names

Start = Callable[[], tuple[subprocess.Popen[str], Client]]
MODULE = (sys.executable, "-m", "abaca.testing.vms")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """The simulator as somebody starts it by hand."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> tuple[subprocess.Popen[str], Client]:
        process = subprocess.Popen(
            [*MODULE, "serve", str(tmp_path), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )
        started.append(process)
        assert process.stdout is not None
        said = dict(line.strip().split(" = ") for line in iter(process.stdout.readline, "ready\n"))
        client = Client(int(said["vast_mgmt_port"]), Path(said["vast_ssl_ca"]))
        assert client.log_in(said["vast_mgmt_user"], said["vast_mgmt_password"]).status == 200
        return process, client

    yield begin
    for process in started:
        process.kill()
        process.wait(PATIENCE)


def test_what_it_holds_survives_kill_9(start: Start, tmp_path: Path) -> None:
    process, client = start()
    client.made("quotas/", name="kept", path="/a/b", create_dir=True, hard_limit=1)
    token = client.headers
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    _, client = start()
    client.headers = token
    assert names(client("GET", "quotas/")) == ["kept"]
    subprocess.run([*MODULE, "fault", tmp_path, "unavailable"], check=True, timeout=PATIENCE)
    assert client("GET", "quotas/").status == 503
    shown = subprocess.run(
        [*MODULE, "log", tmp_path], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    assert "503 GET quotas/" in shown.splitlines()[-1]
    assert "123456" not in shown


def test_another_address_has_a_certificate_of_the_same_authority(tmp_path: Path) -> None:
    """Also for clients that ask for everything that a certificate should have."""
    trusted = certificates.make(tmp_path, "127.0.0.1").ca.read_text()
    context = ssl.create_default_context(cadata=trusted)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
    for host in ("127.0.0.1", "127.0.0.2"):
        with (
            running(tmp_path, host=host) as vms,
            socket.create_connection((host, vms.port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            assert secure.getpeercert()


def test_a_port_in_use_is_said_in_a_sentence(vms: Running, tmp_path: Path) -> None:
    words = ("serve", str(tmp_path / "second"), "--port", str(vms.port))
    failed = subprocess.run([*MODULE, *words], capture_output=True, text=True, timeout=PATIENCE)
    assert failed.returncode == 1
    assert failed.stderr == f"Error: 127.0.0.1, port {vms.port}: Address already in use\n"
