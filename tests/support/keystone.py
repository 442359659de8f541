"""A real Keystone in a folder of its own: SQLite, fernet tokens, served on loopback."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from support.postgres import free_port

PASSWORD = "keystone admin"
BIN = Path(sys.executable).parent
CONFIG = """
[database]
connection = sqlite:///{folder}/keystone.sqlite
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/receipts
[credential]
key_repository = {folder}/credential
[token]
expiration = {seconds}
[identity]
password_hash_algorithm = scrypt
password_hash_rounds = 4
[cache]
enabled = false
"""
SERVE = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
port = int(sys.argv.pop())
from keystone.wsgi.api import application
class Quiet(WSGIRequestHandler):
    def log_message(self, *args): pass
make_server("127.0.0.1", port, application, handler_class=Quiet).serve_forever()
"""


class Keystone:
    """A folder with a bootstrapped Keystone; `serve` runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v3"
        for name in ("fernet", "receipts"):
            (folder / name).mkdir(mode=0o700)
        owner = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
        keys = self._manage("fernet_setup", *owner)
        self._done(self._manage("db_sync"))
        self._done(keys)
        urls = [f"--bootstrap-{kind}-url={self.url}" for kind in ("public", "internal", "admin")]
        self._done(self._manage("bootstrap", "--bootstrap-password", PASSWORD, *urls))

    def _config(self, seconds: int) -> Path:
        path = self.folder / f"keystone-{seconds}.conf"
        path.write_text(CONFIG.format(folder=self.folder, seconds=seconds))
        return path

    def _manage(self, *words: str) -> subprocess.Popen[bytes]:
        config = ["--config-file", str(self._config(3600))]
        command = [str(BIN / "keystone-manage"), *config, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _done(self, running: subprocess.Popen[bytes]) -> None:
        said, _ = running.communicate(timeout=120)
        assert running.returncode == 0, said.decode()[-3000:]

    @contextlib.contextmanager
    def serve(self, port: int, *, seconds: int = 3600) -> Iterator[str]:
        """The URL; its tokens are good for this many seconds."""
        environ = {**os.environ, "OS_KEYSTONE_CONFIG_FILES": str(self._config(seconds))}
        with (self.folder / f"log-{port}").open("wb") as log:
            command = [sys.executable, "-c", SERVE, str(port)]
            running = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        try:
            self._wait(running, port)
            yield f"http://127.0.0.1:{port}/v3"
        finally:
            running.kill()
            running.wait()

    def _wait(self, running: subprocess.Popen[bytes], port: int) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert running.poll() is None, (self.folder / f"log-{port}").read_text()[-3000:]
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v3", timeout=5).close()
                return
            time.sleep(0.1)
        raise TimeoutError("Keystone does not answer")
