"""What docs/drivers/glusterfs.md tells to type on a storage node, typed on one."""

from __future__ import annotations

import pytest

from docs.blocks import of_kind
from glusterfs.kit import Backend
from glusterfs.lab import Lab

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]


def test_every_command_of_the_page(lab: Lab, backend: Backend) -> None:
    machine = lab.machines[0]
    (machine.directory / "bricks").mkdir(exist_ok=True)
    config = machine.directory / "ganesha" / "ganesha.conf"
    before = config.read_text()
    make, *rest = of_kind("sh gluster")
    try:
        for block in (make, *rest):
            place = f"{machine.address}:{machine.directory}/bricks"
            machine.run(
                "bash", "-euo", "pipefail", "-c", block.text.replace("gluster1:/bricks", place)
            )
            if block is make:  # the rest is about a volume that abaca uses
                Backend(lab, "shares", local=True).start()
    finally:
        config.write_text(before)
    assert len(rest) >= 3
