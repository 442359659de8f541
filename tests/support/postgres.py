"""A PostgreSQL server of the tests' own: initdb in a temporary folder, a free port, no fsync."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

START_SECONDS = 60


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None when PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).parent if path else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A running server; `database()` makes an empty database and gives its URL."""

    def __init__(
        self, folder: Path, port: int, binary: Path, *, fsync: bool, netns: str | None = None
    ) -> None:
        """netns: the network namespace to run in, where every address is served."""
        self.folder, self.port, self._binary, self._fsync = folder, port, binary, fsync
        self._netns = netns

    def _run(self, *command: str) -> None:
        as_user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        ids = {"user": as_user.pw_uid, "group": as_user.pw_gid} if as_user else {}
        prefix: list[str] = []
        if self._netns and as_user:
            to_user = [f"--reuid={as_user.pw_uid}", f"--regid={as_user.pw_gid}", "--clear-groups"]
            prefix = ["ip", "netns", "exec", self._netns, "setpriv", *to_user]
            ids = {}
        subprocess.run(
            [*prefix, str(self._binary / command[0]), *command[1:]],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
            extra_groups=[] if ids else None,
            cwd=self.folder,
            **ids,
        )

    def start(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = str(self.folder / "data")
        if not (self.folder / "data").exists():
            self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
            if self._netns:
                with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
                    rules.write("host all all all trust\n")
        settings = [
            f"-p {self.port}",
            f"-k {self.folder}",
            f"-c listen_addresses={'*' if self._netns else '127.0.0.1'}",
            "-c max_connections=300",
        ]
        if not self._fsync:
            settings += ["-c fsync=off", "-c full_page_writes=off"]
        options, log = " ".join(settings), str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    @property
    def admin_dsn(self) -> str:
        if self._netns:
            return f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def database(self) -> str:
        """An empty database of its own; its SQLAlchemy URL."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.admin_dsn, autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.url("127.0.0.1", name)

    def url(self, host: str, name: str) -> str:
        """Of one of its databases, by way of an address, or of the folder for its socket."""
        if host.startswith("/"):
            return f"postgresql+psycopg://postgres@/{name}?host={host}&port={self.port}"
        return f"postgresql+psycopg://postgres@{host}:{self.port}/{name}"


@contextlib.contextmanager
def server(*, fsync: bool = False, netns: str | None = None) -> Iterator[Postgres]:
    """A server for as long as the block runs.  RuntimeError when it is not installed."""
    binary = binaries()
    if binary is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="abaca-pg-"))
    postgres = Postgres(folder, free_port(), binary, fsync=fsync, netns=netns)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
