"""Mixins for drivers that run commands or steer an NFS-Ganesha."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

from abaca.drivers.contract import errors
from abaca.drivers.contract.options import GANESHA_OPTS, SSH_OPTS

Execute = Callable[..., tuple[str, str]]


def execute_locally(*cmd: object, **kwargs: Any) -> tuple[str, str]:
    """Run a command, never through a shell; returns (stdout, stderr).

    `run_as_root` goes through sudo unless we are root; `check_exit_code` (int, list or bool) says
    what is success; `process_input` is text for stdin; `timeout` in seconds.
    """
    argv = [str(part) for part in cmd]
    if kwargs.get("run_as_root") and os.geteuid() != 0:
        argv = ["sudo", "-n", *argv]
    try:
        done = subprocess.run(
            argv,
            input=kwargs.get("process_input"),
            capture_output=True,
            text=True,
            timeout=kwargs.get("timeout"),
            check=False,
        )
    except FileNotFoundError:
        raise errors.ProcessExecutionError("", "command not found", 127, " ".join(argv)) from None
    expected = kwargs.get("check_exit_code", 0)
    wanted = [expected] if type(expected) is int else expected
    if wanted is True:
        wanted = [0]
    if wanted and done.returncode not in wanted:
        raise errors.ProcessExecutionError(
            done.stdout, done.stderr, done.returncode, " ".join(argv)
        )
    return done.stdout, done.stderr


class ExecuteMixin:
    """`self._execute(*cmd)` and `self._try_execute(*cmd)`."""

    configuration: Any

    def init_execute_mixin(self, *args: Any, **kwargs: Any) -> None:
        """Declare the ssh options and take `execute`; called by the driver's constructor."""
        if self.configuration is not None:
            self.configuration.append_config_values(SSH_OPTS)
        self.set_execute(kwargs.get("execute") or execute_locally)

    def set_execute(self, execute: Execute) -> None:
        """Use another command runner."""
        self._execute = execute

    def _try_execute(self, *cmd: object, **kwargs: Any) -> tuple[str, str]:
        """Try `num_shell_tries` times, sleeping tries² seconds in between."""
        tries = 0
        while True:
            try:
                return self._execute(*cmd, **kwargs)
            except errors.ProcessExecutionError:
                tries += 1
                if tries >= (self.configuration.safe_get("num_shell_tries") or 1):
                    raise
                time.sleep(tries**2)


class GaneshaMixin:
    """Declares the options of NFS-Ganesha."""

    configuration: Any

    def init_ganesha_mixin(self, *args: Any, **kwargs: Any) -> None:
        """Called by the driver's constructor."""
        if self.configuration is not None:
            self.configuration.append_config_values(GANESHA_OPTS)
