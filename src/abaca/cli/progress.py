"""What a starting service says: one labelled line for each thing, a moving one while it waits."""

from __future__ import annotations

import sys
import threading

import click

WIDTH = 11


class Progress:
    """Lines `label      text` on standard output; several threads may speak.

    On a terminal `working` shows a line that the next one replaces.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()
        self._passing = False
        self._lock = threading.Lock()

    def say(self, label: str, text: str = "") -> None:
        """Something is so."""
        self._line(label, text, passing=False)

    def working(self, label: str, text: str) -> None:
        """Something is being done; it may take a while."""
        self._line(label, f"{text} ...", passing=self._terminal)

    def passing(self, label: str, text: str) -> None:
        """A step of many: only where the next one replaces it."""
        if self._terminal:
            self.working(label, text)

    def warn(self, label: str, text: str) -> None:
        """Something is wrong, but not the end.  Said even when quiet."""
        with self._lock:
            self._wipe()
            click.echo(self._shown(label, click.style(text, fg="yellow")), err=True)

    def _line(self, label: str, text: str, *, passing: bool) -> None:
        if self._quiet:
            return
        with self._lock:
            self._wipe()
            click.echo(self._shown(label, text), nl=not passing)
            self._passing = passing
            sys.stdout.flush()

    def _wipe(self) -> None:
        if self._passing:
            click.echo("\r\x1b[2K", nl=False)
            self._passing = False

    def _shown(self, label: str, text: str) -> str:
        return f"{click.style(label.ljust(WIDTH), bold=True)}{text}"
