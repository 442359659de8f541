"""The Host of a request: only a well-formed one is ever repeated in an answer."""

from __future__ import annotations

import functools
import re

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@functools.lru_cache(maxsize=64)
def is_host(text: str) -> bool:
    """Whether this is `name`, `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`."""
    return _HOST.fullmatch(text) is not None
