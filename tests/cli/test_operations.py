"""`abaca operations`."""

from __future__ import annotations

import json

from support.processes import Site


def test_operations_of_a_share_by_id_and_name_and_of_all(fake: Site) -> None:
    fake.serve()
    share = fake.create("one")
    fake.await_share(share)
    for word in (share, "one"):
        result = fake.run("operations", word)
        assert result.returncode == 0, result.stderr
        assert "create_share_instance" in result.stdout and " done " in result.stdout
        assert "\nafter " in result.stdout and " create_share " in result.stdout
    (found,) = json.loads(fake.run("operations", "one", "--json").stdout)
    assert found["resource_id"] == share and found["steps"][-1]["name"] == "done"
    lately = json.loads(fake.run("operations", "--json", "--limit", "1").stdout)
    assert len(lately) == 1
    second = fake.create("one")
    fake.await_share(second)
    asked = fake.run("operations", "one")
    assert asked.returncode == 1
    assert share in asked.stderr and second in asked.stderr and "give an id" in asked.stderr


def test_operations_of_what_nobody_knows(fake: Site) -> None:
    assert "abaca has not run" in fake.run("operations").stderr
    fake.run("db", "upgrade")
    result = fake.run("operations", "a\x1bb")
    assert result.returncode == 1 and "Nothing is known" in result.stderr
    assert "\x1b" not in result.stderr
