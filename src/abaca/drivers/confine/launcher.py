"""The process that makes a server's namespaces and its root, and becomes the server.

It is a process of its own because abaca has threads, which must not fork and cannot leave the
machine's namespaces.  It reads a plan from its standard input: JSON, as server.py writes it.

    abaca -> launcher            unshares; forks; writes the pid file; waits for the child's report
               `-> its child     is process 1 of the new PID namespace: puts the root together,
                                 gives up capabilities, executes the server

The pid file is written before the child does anything, so a server that runs can be found,
whichever process is killed at whichever moment.  A child whose launcher dies before the server is
executed dies with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any, NoReturn

from abaca.drivers.confine import capabilities, mounts, seccomp

ROOT_OPTIONS = "mode=0755,size=1m,nr_inodes=100k"
SAFE = mounts.NO_SUID | mounts.NO_DEVICES | mounts.NO_EXEC
_PR_SET_PDEATHSIG = 1

Plan = dict[str, Any]


def main() -> None:
    """Start the server of the plan.  A failure is one line on standard error, and a status."""
    plan = json.load(sys.stdin)
    try:
        problem = _launch(plan)
    except OSError as error:
        problem = _message(error)
    if problem:
        sys.exit(problem)


def _launch(plan: Plan) -> str:
    """What failed, or nothing."""
    mounts.unshare(mounts.CLONE_NEWPID | mounts.CLONE_NEWIPC)
    go_read, go_write = os.pipe()
    report_read, report_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go_write)
        _become_server(plan, go_read, report_write)
    os.close(report_write)
    _write(plan["pid_file"], str(pid))
    os.write(go_write, b"1")
    with os.fdopen(report_read, "rb") as report:
        problem = report.read().decode()
    if not problem and os.waitpid(pid, os.WNOHANG)[0]:
        problem = f"{plan['command'][0]} ended at once; see {plan['log']}"
    if problem:
        os.unlink(plan["pid_file"])  # noqa: PTH108 (no pathlib here)
    return problem


def _become_server(plan: Plan, go: int, report: int) -> NoReturn:
    """In the child."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        mounts.check(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        if not os.read(go, 1):  # the launcher died before
            os._exit(1)
        os.setsid()
        os.umask(0o022)
        _redirect(plan["log"])
        _limit_open_files(plan["open_files"])
        _make_root(plan)
        capabilities.keep_only(plan["capabilities"])
        seccomp.refuse()
        for command in plan["first"]:
            _run(command, plan["environment"])
        mounts.check(libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl")
        os.execve(plan["command"][0], plan["command"], plan["environment"])
    except (OSError, ValueError) as error:
        os.write(report, _message(error).encode())
        os._exit(1)


def _make_root(plan: Plan) -> None:
    """Sources are opened before the new root hides the place that it is put together at."""
    mounts.unshare(mounts.CLONE_NEWNS)
    mounts.mount("none", "/", None, mounts.MS_REC | mounts.MS_PRIVATE)
    trees = [_open(entry) for entry in plan["entries"]]
    root = plan["directory"]
    flags = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
    mounts.mount("abaca", root, "tmpfs", flags, ROOT_OPTIONS)
    for entry, tree in zip(plan["entries"], trees, strict=True):
        _KINDS[entry["kind"]](entry, root + entry["target"], tree)
    top = os.open(root, os.O_PATH | os.O_CLOEXEC)
    mounts.set_attributes(top, mounts.READ_ONLY | SAFE)
    os.close(top)
    mounts.change_root(root)


def _open(entry: Plan) -> int:
    return mounts.copy_mount(entry["source"]) if entry["kind"] == "bind" else -1


def _bind(entry: Plan, target: str, tree: int) -> None:
    mounts.set_attributes(tree, entry["attributes"])
    shown = os.fstat(tree)
    _make(target, os.path.isdir(f"/proc/self/fd/{tree}"))  # noqa: PTH112
    mounts.attach(tree, target)
    os.close(tree)
    found = os.stat(target)  # noqa: PTH116
    if (found.st_dev, found.st_ino) != (shown.st_dev, shown.st_ino):
        raise OSError(0, f"{entry['target']} does not show {entry['source']}")


def _tmpfs(entry: Plan, target: str, tree: int) -> None:
    _make(target, True)
    flags = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
    options = f"mode={entry['mode']:o},size={entry['size']},nr_inodes=1k"
    mounts.mount("abaca", target, "tmpfs", flags, options)


def _link(entry: Plan, target: str, tree: int) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    os.symlink(entry["to"], target)  # noqa: PTH211


def _text(entry: Plan, target: str, tree: int) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    _write(target, entry["text"])


def _mount_table(entry: Plan, target: str, tree: int) -> None:
    """The server's own /proc/1/mounts, and nothing else of /proc."""
    _make(target, False)
    proc = f"{os.path.dirname(target)}/.proc"  # noqa: PTH120
    os.mkdir(proc)  # noqa: PTH102
    mounts.mount("proc", proc, "proc", mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC)
    table = mounts.copy_mount(f"{proc}/1/mounts")
    mounts.set_attributes(table, mounts.READ_ONLY | SAFE)
    mounts.attach(table, target)
    os.close(table)
    mounts.unmount(proc)
    os.rmdir(proc)  # noqa: PTH106


_KINDS = {
    "bind": _bind,
    "tmpfs": _tmpfs,
    "link": _link,
    "text": _text,
    "mount_table": _mount_table,
}


def _make(target: str, directory: bool) -> None:
    """The mount point, unless it is there."""
    if directory:
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    elif not os.path.exists(target):  # noqa: PTH110
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _redirect(log: str) -> None:
    """Standard input from nowhere; what the server says before it has a log, into its log."""
    null = os.open("/dev/null", os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, standard in ((null, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, standard)
    os.close(null)
    os.close(output)


def _limit_open_files(wanted: int) -> None:
    """The wanted number, or this process's ceiling where it may not raise it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/proc/sys/fs/nr_open") as file:  # noqa: PTH123
        most = min(wanted, int(file.read()))
    for limit in (max(most, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        except (OSError, ValueError):  # it lacks CAP_SYS_RESOURCE, as in many containers
            continue
        return


def _run(command: list[str], environment: dict[str, str]) -> None:
    """A command that ends before the server starts: a daemon that goes into the background."""
    pid = os.posix_spawn(command[0], command, environment)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise OSError(0, f"{command[0]} ended with {code}")


def _write(path: str, text: str) -> None:
    """In one step: no one reads half a number."""
    unfinished = f"{path}.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    os.write(descriptor, text.encode())
    os.close(descriptor)
    os.rename(unfinished, path)  # noqa: PTH104


def _message(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


if __name__ == "__main__":
    main()
