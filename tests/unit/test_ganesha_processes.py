"""Daemons are found, and known to be gone, as the kernel sees them."""

from __future__ import annotations

import subprocess
import sys

from abaca.drivers.ganesha.processes import is_ending, wait_until

# its first thread ends when it is told to, another one goes on: as in a server that is being killed
HALF_GONE = (
    "import ctypes, sys, threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,)).start()\n"
    "print(flush=True)\n"
    "sys.stdin.read()\n"
    "ctypes.CDLL(None).pthread_exit(None)\n"
)


def test_a_server_is_ending_until_its_last_thread_is_gone() -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HALF_GONE], stdin=pipe, stdout=pipe)
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline()
        assert not is_ending(process.pid), "it runs"
        process.stdin.close()
        assert wait_until(lambda: is_ending(process.pid), 30)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not is_ending(process.pid), "it is gone"
