"""The launcher and a confined server, with a program that does nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from abaca.drivers.confine import running
from abaca.drivers.confine import server as confine
from abaca.drivers.confine.server import Bind, ConfinementFailure, Server, Tmpfs, libraries, start
from abaca.drivers.ganesha.processes import find_running, is_running, wait_until
from storage.kit import why_not

pytestmark = pytest.mark.storage

SLEEP = "/usr/bin/sleep"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    (tmp_path / "places").mkdir()
    entries = (
        *libraries(),
        Bind(SLEEP, executable=True),
        Tmpfs("/run"),
        Tmpfs("/tmp"),
        Bind(tmp_path / "places"),
    )
    yield Server(
        directory=tmp_path,
        entries=entries,
        command=(SLEEP, "300"),
        capabilities=frozenset({"CHOWN"}),
        pid_file=tmp_path / "pid",
        log=tmp_path / "log",
    )
    pid = find_running(tmp_path / "pid", SLEEP)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid, SLEEP), 10)


def started(server: Server) -> int:
    start(server)
    pid = find_running(server.pid_file, SLEEP)
    assert pid is not None and running.inner_pid(pid) == 1
    return pid


def test_it_is_started_and_found_again(server: Server) -> None:
    pid = started(server)
    assert {path.name for path in Path(f"/proc/{pid}/root").iterdir()} <= {
        *("lib", "lib64", "usr", "run", "tmp", "etc"),
    }
    assert running.inner_pid(os.getpid()) is None


def test_directories_come_and_go(server: Server, tmp_path: Path) -> None:
    pid = started(server)
    source, place = tmp_path / "source", tmp_path / "places" / "1"
    source.mkdir()
    (source / "file").touch()
    place.mkdir()
    inside = Path(f"/proc/{pid}/root{place}")
    for _ in range(2):
        running.show(pid, Bind(source, place, writable=True))
        assert (inside / "file").exists()
        assert sum(str(place) in line for line in mounted(pid)) == 1
    for _ in range(2):
        running.hide(pid, str(place))
        assert not any(str(place) in line for line in mounted(pid))
    place.rmdir()
    running.hide(pid, str(place))
    with pytest.raises(FileNotFoundError):
        running.show(pid, Bind(source, place))
    with pytest.raises(FileNotFoundError):
        running.show(pid, Bind(tmp_path / "nothing", tmp_path / "places"))


def mounted(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/mountinfo").read_text().splitlines()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"entries": (Bind("/nowhere"),)}, "open_tree /nowhere: No such file or directory"),
        ({"command": ("/usr/bin/nothing",)}, "/usr/bin/nothing: No such file or directory"),
        ({"first": ((SLEEP, "no time"),)}, f"{SLEEP} ended with 1"),
        ({"capabilities": frozenset({"ROOT"})}, "there is no capability ROOT"),
    ],
)
def test_a_failure_is_one_sentence(
    server: Server, change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfinementFailure, match=sentence):
        start(replace(server, **change))  # type: ignore[arg-type]
    assert not server.pid_file.exists()


def test_nothing_stays_of_a_launcher_that_is_killed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its worst moment: the child waits for a command, the server is not executed yet."""
    slow = replace(server, first=((SLEEP, "60"),))
    monkeypatch.setattr(confine, "START_SECONDS", 2.0)  # then subprocess kills the launcher
    with pytest.raises(ConfinementFailure, match="was not started in 2 s"):
        start(slow)
    pid = int(server.pid_file.read_text())
    assert wait_until(lambda: not Path(f"/proc/{pid}/exe").exists(), 10)
