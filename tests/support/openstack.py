"""The openstack command, in this process: it takes a second to start, and there are many."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from openstackclient.common.clientmanager import ClientManager
from osc_lib.clientmanager import ClientCache

_sleep = time.sleep


def _quick_at_first() -> Callable[[float], None]:
    """--wait looks 60 times, every 5 s: what is done at once is seen at once, and what takes long
    on a loaded machine is still waited for."""
    pauses = itertools.chain((0.02 * 2**n for n in range(6)), itertools.repeat(1.0))
    return lambda seconds: _sleep(min(seconds, next(pauses)))


_served: tuple[str, str] | None = None  # whom the command has its clients for


def _new_clients_for(whom: tuple[str, str]) -> None:
    """The command keeps its clients, with their cloud and version, as long as the process lives."""
    global _served
    if _served != whom:
        kept_by = (vars(each).values() for each in ClientManager.__mro__)
        for kept in itertools.chain.from_iterable(kept_by):
            if isinstance(kept, ClientCache):
                kept._handle = None
        _served = whom


class Failed(AssertionError):
    """The command ended with an error; what it said."""


class Openstack:
    """`openstack WORDS`, with a clouds.yaml."""

    def __init__(self, clouds: Path, version: str = "") -> None:
        self._environ = {"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "abaca"}
        self._version = version

    def text(self, *words: str) -> str:
        """What it prints.  Raises Failed."""
        from openstackclient import shell

        _new_clients_for((self._environ["OS_CLIENT_CONFIG_FILE"], self._version))
        version = ["--os-share-api-version", self._version] if self._version else []
        out, err = io.StringIO(), io.StringIO()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        with (
            mock.patch.dict(os.environ, {**kept, **self._environ}, clear=True),
            mock.patch("time.sleep", _quick_at_first()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = shell.OpenStackShell().run([*version, *words])
        if code:
            raise Failed(f"openstack {' '.join(words)}: {err.getvalue()}{out.getvalue()}")
        return out.getvalue()

    def __call__(self, *words: str) -> Any:
        """What it shows or lists: as JSON."""
        return json.loads(self.text(*words, "-f", "json"))

    @contextlib.contextmanager
    def refused(self, text: str) -> Iterator[None]:
        """The commands of the block fail and say this."""
        try:
            yield
        except Failed as error:
            assert text in str(error), error
        else:
            raise AssertionError(f"nothing failed with {text!r}")
