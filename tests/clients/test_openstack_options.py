"""`openstack share ...`: options by which lists are narrowed and things are asked for otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.openstack import Openstack

pytestmark = pytest.mark.xdist_group("clients")
HERE = ("--scheduler-hint", "only_host=node@fake#fake")


@pytest.fixture(scope="module")
def things(cli: Openstack) -> Iterator[dict[str, Any]]:
    """A share with a snapshot and a rule, another share, and one that found no room."""
    words = ("share", "create", "NFS", "1", "--wait", "--name")
    first = cli(*words, "o-one", "--description", "words", "--public", "True", *HERE)
    second = cli(*words, "o-two", "--scheduler-hint", f"same_host={first['id']}")
    cli("share", "create", "NFS", "1", "--name", "o-none", "--scheduler-hint",
        f"different_host={first['id']}", "--wait")  # fmt: skip
    snapshot = cli("share", "snapshot", "create", "o-one", "--name", "o-snap", "--force", "--wait")
    cli("share", "access", "create", "o-one", "ip", "192.0.2.0/28", "--access-level", "ro")
    yield {"first": first, "second": second, "snapshot": snapshot}
    cli.text("share", "snapshot", "delete", "o-snap", "--wait")
    cli.text("share", "delete", "o-one", "o-two", "o-none", "--wait")


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["Name"] for row in rows}


def test_lists_of_shares(cli: Openstack, things: dict[str, Any]) -> None:
    shares, mine = ("share", "list", "--name~", "o-"), {"o-one", "o-two", "o-none"}
    for option, value, found in (
        ("--user", "admin", mine),
        ("--project", "admin", mine),
        ("--share-type", "default", mine),
        ("--extra-spec", "snapshot_support=True", mine),
        ("--availability-zone", "nova", {"o-one", "o-two"}),
        ("--description~", "ord", {"o-one"}),
        ("--status", "error", {"o-none"}),
        ("--snapshot", "o-snap", set()),
    ):
        assert names(cli(*shares, option, value)) == found, option
    assert mine <= names(cli("share", "list", "--public"))
    (location, *_) = cli("share", "export", "location", "list", "o-two")
    assert names(cli("share", "list", "--export-location", location["Path"])) == {"o-two"}
    (instance,) = cli("share", "instance", "list", "--export-location", location["Path"])
    assert instance["Share ID"] == things["second"]["id"]
    page = (*shares, "--limit", "1", "--marker", things["second"]["id"])  # the newest is first
    assert names(cli(*page)) == {"o-one"}
    cli("user", "create", "o-nobody")
    assert cli(*shares, "--user", "o-nobody") == []
    cli.text("user", "delete", "o-nobody")


def test_lists_of_snapshots_and_where_one_is_mounted(
    cli: Openstack, things: dict[str, Any]
) -> None:
    words = ("share", "snapshot")
    for options in (("--status", "available"), ("--name~", "o-s"), ("--all-projects",)):
        assert "o-snap" in names(cli(*words, "list", *options)), options
    marker = ("--limit", "1", "--marker", things["snapshot"]["id"])
    assert "o-snap" not in names(cli(*words, "list", *marker))
    rows = cli(*words, "instance", "list", "--detailed")
    (id,) = [row["ID"] for row in rows if row["Snapshot ID"] == things["snapshot"]["id"]]
    words = (*words, "instance", "export", "location")
    (location, *_) = cli(*words, "list", id)
    assert cli(*words, "show", id, location["ID"])["path"] == location["Path"]


def test_lists_of_rules_and_messages(cli: Openstack, things: dict[str, Any]) -> None:
    rules = ("share", "access", "list", "o-one")
    for options, count in (
        (("--access-type", "ip", "--access-to", "192.0.2.0/28"), 1),
        (("--access-type", "user"), 0),
        (("--access-level", "ro"), 1),
        (("--access-level", "rw"), 0),
    ):
        assert len(cli(*rules, *options)) == count, options
    messages = ("share", "message", "list")
    for option, value, there in (
        ("--since", "2026-01-01", True),
        ("--before", "2026-01-01", False),
        ("--resource-type", "SHARE", True),
        ("--action-id", "001", True),
        ("--detail-id", "009", False),
        ("--message-level", "ERROR", True),
        ("--request-id", "req-none", False),
        ("--limit", "1", True),
    ):
        assert bool(cli(*messages, option, value)) is there, option


def test_services_and_pools_by_what_they_are(cli: Openstack, things: dict[str, Any]) -> None:
    words = ("share", "service", "set", "node@fake", "manila-share")
    cli.text(*words, "--disable", "--disable-reason", "to be mended")
    (row,) = cli("share", "service", "list", "--status", "disabled", "--state", "up")
    assert row["Disabled Reason"] == "to be mended"
    cli.text(*words, "--enable")
    assert cli("share", "service", "list", "--zone", "moon") == []
    for option, value, count in (("--backend", "fake", 1), ("--host", "x", 0), ("--pool", "f", 1)):
        assert len(cli("share", "pool", "list", option, value)) == count, option
    found = cli("share", "type", "list", "--extra-specs", "mount_snapshot_support=True")
    assert names(found) == {"default"}


def test_quotas_of_a_user_and_of_a_type(cli: Openstack, things: dict[str, Any]) -> None:
    project, words = cli("project", "create", "o-project")["id"], ("share", "quota")
    user = cli("user", "show", "admin")["id"]
    for scope in (("--user", user), ("--share-type", "default")):
        cli.text(*words, "set", project, "--shares", "7", "--per-share-gigabytes", "3", *scope)
        assert cli(*words, "show", project, *scope)["shares"] == 7
        cli.text(*words, "delete", project, *scope)
        assert cli(*words, "show", project, *scope)["shares"] == 50
    with cli.refused("more than the 50 that the whole project may use"):
        cli.text(*words, "set", project, "--shares", "70", "--user", user)
    cli.text(*words, "set", project, "--shares", "70", "--user", user, "--force")
    cli.text("project", "delete", project)


def test_what_administrators_force(cli: Openstack, things: dict[str, Any]) -> None:
    cli.text("share", "resize", "o-two", "2", "--force", "--wait")
    cli.text("share", "set", "o-two", "--task-state", "migration_in_progress")
    with cli.refused("is busy with a migration"):
        cli.text("share", "delete", "o-two")
    cli.text("share", "set", "o-two", "--task-state", "None")
    shown = cli("share", "show", "o-two")
    assert (shown["task_state"], shown["size"]) == (None, 2)
