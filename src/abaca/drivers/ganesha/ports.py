"""Whether a server can listen on a port."""

from __future__ import annotations

import os
import socket

from abaca.drivers.contract import errors


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
