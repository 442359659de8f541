"""Jobs of a process of its own, for test_walks.py."""

from __future__ import annotations

import os
import signal
import sys

from abaca.drivers import aside, walk


def priority(step: walk.Step) -> list[object]:
    return [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), os.getpid()]


def tell(text: str, step: walk.Step) -> str:
    return text


def work(step: walk.Step) -> None:
    while True:
        step()


def die(step: walk.Step) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(step: walk.Step) -> None:
    raise OSError(122, "Disk quota exceeded")


if __name__ == "__main__":
    if sys.argv[1] == "caller":
        aside.run("attack.aside_jobs", "work", progress=lambda entries: print("works", flush=True))
    else:
        jobs = {"priority": priority, "tell": tell, "work": work, "die": die, "fail": fail}
        aside.main(jobs)
