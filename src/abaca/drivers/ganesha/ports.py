"""Whether a server can listen on a port."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from abaca.drivers.contract import errors

_LISTEN = "0A"  # of include/net/tcp_states.h


def is_listening(port: int) -> bool:
    """Whether a process of this network namespace listens on the TCP port, on any address."""
    suffix = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(suffix) and fields[3] == _LISTEN:
                    return True
    return False


def check_free(port: int, way_out: str) -> None:
    """BadConfigurationException, with the way out, if another program has the TCP port."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as problem:
            reason = os.strerror(problem.errno or 0)
            raise errors.BadConfigurationException(
                reason=f"TCP port {port} is taken ({reason}); {way_out}"
            ) from problem
