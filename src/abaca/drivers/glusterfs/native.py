"""GlusterfsNativeShareDriver: volumes that clients mount with GlusterFS itself, over TLS."""

from __future__ import annotations

from abaca.drivers.glusterfs.cert_helper import CertHelper
from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from abaca.drivers.glusterfs.exporter import Exporter
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.options import VOLUME


class GlusterfsNativeShareDriver(GlusterfsShareDriver):
    """Protocol GLUSTERFS, access by certificate; shares are volumes."""

    protocol = "GLUSTERFS"
    layouts = (VOLUME,)
    minimum = (3, 6)
    ipv6_implemented = False

    def _make_exporter(self) -> Exporter:
        return CertHelper()

    def _prepare(self, volume: GlusterManager) -> None:
        CertHelper().prepare(volume)

    def get_configured_ip_versions(self) -> list[int]:
        """Clients are told apart by their certificates."""
        return [4, 6]
