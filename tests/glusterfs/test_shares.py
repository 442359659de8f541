"""Shares as directories of a volume, used by a real NFS client."""

from __future__ import annotations

import pytest

from glusterfs.kit import Backend, rule

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


def test_written_and_read_over_nfs(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule(backend.lab.address))
    with backend.mount(share) as client:
        client.write("/hello", b"hello")
        assert client.read("/hello") == b"hello"
    backend.delete(share)
