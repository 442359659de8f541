"""The simulation finds bugs: planted ones, each of a kind that such services have had for years."""

from __future__ import annotations

import pytest

from abaca.testing.simulation import campaign
from abaca.testing.simulation.bugs import BUGS

MOST = 400  # histories of the theme
THEME = {
    "lost_rule_update": "levels",
    "resurrected_deny": "rules",
    "denied_before_it_is": "rules",
    "double_delete": "lives",
    "quota_leak": "lives",
    "orphan_after_failed_create": "lives",
    "delete_forgets_snapshots": "snapshots",
    "deleted_under_a_clone": "clones",
    "stuck_ensuring": "ensured rules",
    "extend_lost_on_crash": "sizes",
    "snapshot_counted_twice": "snapshots",
    "lost_operation": "sizes",
    "stale_capacity_booking": "sizes",
    "no_fence": "lives",
    "forgotten_key": "lives",
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    assert campaign.seeds_until_found(name, MOST, THEME[name]) is not None
    assert campaign.play(range(3)).broken == [], "it is gone with the block"
