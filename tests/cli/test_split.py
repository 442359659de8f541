"""`abaca api` and `abaca manager`: separate processes on one database."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path

from support.processes import Site


def test_work_announced_by_the_api_reaches_the_manager_at_once(split: Site) -> None:
    api = split.start("api")
    manager = split.start("manager")
    split.await_api()
    split.await_text(manager, "backend.up")
    first = split.create("first")
    split.await_share(first)
    seconds = [split.await_share(split.create(f"s{number}")) for number in range(15)]
    told = f"{seconds}\n{split.said(api)}\n{split.said(manager)}"
    assert statistics.median(seconds) < 1, told  # 0.02 on an idle machine; without wake-ups 5 s
    assert split.stop(api) < 3
    assert split.stop(manager) < 3
    assert (api.returncode, manager.returncode) == (0, 0)
    assert "Traceback" not in split.said(api) + split.said(manager)


def test_what_is_asked_while_no_manager_runs_is_done_later(split: Site) -> None:
    split.start("api")
    split.await_api()
    manager = split.start("manager")
    split.await_text(manager, "backend.up")
    split.await_share(split.create("before"))
    split.stop(manager, signal.SIGKILL)
    meanwhile = split.create("meanwhile")
    split.start("manager")
    split.await_share(meanwhile)


def test_a_second_manager_takes_over(split: Site) -> None:
    split.start("api")
    split.await_api()
    first = split.start("manager")
    split.await_text(first, "backend.up")
    split.await_share(split.create("before"))
    second = split.start("manager")
    split.await_text(second, "manager.started")
    split.stop(first, signal.SIGKILL)
    split.await_share(split.create("after"))
    assert second.poll() is None


def test_status_tells_both_apart(split: Site) -> None:
    split.run("db", "upgrade")
    manager = split.start("manager")
    split.await_text(manager, "backend.up")
    split.await_text(manager, "queue.taken")
    result = split.run("status")
    assert f"process {manager.pid}" in result.stdout
    assert result.returncode == 0, result.stdout + result.stderr


def test_several_api_processes(fake: Site) -> None:
    text = fake.file.read_text()
    fake.file.write_text(text.replace("[DEFAULT]", "[DEFAULT]\nosapi_share_workers = 2", 1))
    api = fake.start("api")
    fake.await_text(api, "api.workers")
    while fake.said(api).count("api.serving") < 2:
        fake.await_text(api, "api.serving")
        time.sleep(0.05)
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children").read_text().split()
    assert len(children) == 2
    os.kill(int(children[0]), signal.SIGKILL)
    fake.await_text(api, "api.worker_died")
    fake.await_api()  # the other one may still be on its way to listening
    for number in range(10):
        fake.create(f"s{number}")
    assert fake.run("api").stderr.startswith(f"Error: Port {fake.port} is in use")
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children").read_text().split()
    assert fake.stop(api) < 5
    assert api.returncode == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
