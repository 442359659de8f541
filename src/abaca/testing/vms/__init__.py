"""A simulator of a VAST cluster's management API, over a real HTTPS socket.

    with running(directory) as vms:             # or: python -m abaca.testing.vms serve
        vms.array.add_pool("pool", ("192.0.2.10", "192.0.2.11"))
        ... vast_mgmt_host = vms.host, vast_mgmt_port = vms.port, vast_ssl_ca = vms.ca
        vms.array.fault("cut", after=3)         # the fourth request is done, its answer is lost
        vms.array.requests()

Made from published facts, not from a cluster; what is inferred is said in docs/drivers/vast.md.
"""

from abaca.testing.vms.array import Array
from abaca.testing.vms.server import Running, running, start

__all__ = ["Array", "Running", "running", "start"]
