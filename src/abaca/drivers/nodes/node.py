"""What a driver may ask of a machine: run a command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Protocol

from abaca.drivers.contract import errors
from abaca.drivers.contract.execute import Execute, execute_locally

SECONDS = 180.0  # gluster's own commands give up after 120 s


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """One line for a message: the complaint, else the output."""
        return " ".join((self.err.strip() or self.out.strip()).split())[:300]


class Node(Protocol):
    """One machine.  Threads may share it."""

    name: str  # as messages call it

    def run(self, *words: str, data: str = "", seconds: float = SECONDS) -> Done:
        """Run a command, `data` as its input; no shell ever sees the words as anything else.

        Raises StorageCommunicationException when the outcome is not known: the machine was not
        reached, or it did not answer in time.
        """


class LocalNode:
    """This machine."""

    name = "this host"

    def __init__(self, execute: Execute = execute_locally) -> None:
        self._execute = execute

    def run(self, *words: str, data: str = "", seconds: float = SECONDS) -> Done:
        try:
            out, err = self._execute(*words, process_input=data, timeout=seconds, run_as_root=True)
        except errors.ProcessExecutionError as failure:
            code = failure.exit_code
            return Done(code if isinstance(code, int) else -1, failure.stdout, failure.stderr)
        except subprocess.TimeoutExpired as late:
            raise errors.StorageCommunicationException(
                reason=f"{words[0]} did not end in {seconds:.0f} s"
            ) from late
        return Done(0, out, err)


def checked(node: Node, *words: str, data: str = "") -> str:
    """The output of a command that has to succeed; ProcessExecutionError if it does not."""
    done = node.run(*words, data=data)
    if done.code != 0:
        raise errors.ProcessExecutionError(
            done.out, done.err, done.code, f"{' '.join(words)} on {node.name}"
        )
    return done.out
