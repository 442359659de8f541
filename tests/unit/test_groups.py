"""The test suite's own assumption: tests of one xdist group run in one worker."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("canary")
def test_groups_are_seen_by_xdist(request: pytest.FixtureRequest) -> None:
    """pytest 9.2 made xdist 3.8 blind for them, without a word: each worker had a cluster then."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("groups count with --dist loadgroup only")
    assert request.node.nodeid.endswith("@canary")
