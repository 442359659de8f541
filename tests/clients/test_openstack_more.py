"""`openstack share ...`: snapshots, types, quotas, services, pools, messages."""

from __future__ import annotations

from typing import Any

import pytest

from support.openstack import Openstack

pytestmark = pytest.mark.xdist_group("clients")


def test_a_snapshot_from_beginning_to_end(cli: Openstack) -> None:
    cli("share", "create", "NFS", "1", "--name", "source", "--wait")
    words = ("share", "snapshot")
    made = cli(*words, "create", "source", "--name", "snap", "--description", "d", "--wait")
    assert (made["status"], made["size"]) == ("available", 1)
    assert cli(*words, "show", "snap")["name"] == "snap"
    assert [row["Name"] for row in cli(*words, "list", "--share", "source")] == ["snap"]
    assert cli(*words, "list", "--name", "snap", "--detail")[0]["Status"] == "available"
    cli.text(*words, "set", "snap", "--name", "snip", "--description", "other")
    cli.text(*words, "unset", "snip", "--description")
    copied = cli(
        "share", "create", "NFS", "1", "--name", "copy", "--snapshot-id", made["id"], "--wait"
    )
    assert copied["snapshot_id"] == made["id"]
    cli.text("share", "revert", "snip", "--wait")
    assert cli("share", "show", "source")["status"] == "available"
    with cli.refused("snapshot"):
        cli.text("share", "delete", "source")
    cli.text(*words, "set", "snip", "--status", "error")
    cli.text(*words, "delete", "snip", "--force", "--wait")
    cli.text("share", "delete", "source", "copy", "--wait")


def test_properties_and_instances_of_a_snapshot(cli: Openstack, served: Any) -> None:
    newest = Openstack(served.clouds, "2.79")
    newest("share", "create", "NFS", "1", "--name", "origin", "--wait")
    words = ("share", "snapshot")
    made = newest(*words, "create", "origin", "--name", "marked", "--property", "a=1", "--wait")
    newest.text(*words, "set", "marked", "--property", "b=2")
    newest.text(*words, "unset", "marked", "--property", "a")
    assert newest(*words, "show", "marked")["properties"] == {"b": "2"}
    assert len(newest(*words, "list", "--property", "b=2")) == 1
    (instance,) = newest(*words, "instance", "list", "--snapshot", made["id"])
    assert newest(*words, "instance", "show", instance["ID"])["snapshot_id"] == made["id"]
    newest.text(*words, "instance", "set", instance["ID"], "--status", "available")
    newest.text(*words, "delete", "marked", "--wait")
    newest.text("share", "delete", "origin", "--wait")


def test_a_snapshot_that_is_mounted(cli: Openstack) -> None:
    cli("share", "create", "NFS", "1", "--name", "mounted", "--wait")
    words = ("share", "snapshot")
    cli(*words, "create", "mounted", "--name", "readable", "--wait")
    rule = cli(*words, "access", "create", "readable", "ip", "192.0.2.9")
    assert [row["Access To"] for row in cli(*words, "access", "list", "readable")] == ["192.0.2.9"]
    (location, *_) = cli(*words, "export", "location", "list", "readable")
    found = cli(*words, "export", "location", "show", "readable", location["ID"])
    assert found["path"] == location["Path"]
    cli.text(*words, "access", "delete", "readable", rule["id"])
    cli.text(*words, "delete", "readable", "--wait")
    cli.text("share", "delete", "mounted", "--wait")


def test_abandon_and_adopt_a_snapshot(cli: Openstack) -> None:
    cli("share", "create", "NFS", "1", "--name", "parent", "--wait")
    words = ("share", "snapshot")
    made = cli(*words, "create", "parent", "--name", "stray", "--wait")
    where = cli(*words, "show", made["id"])["provider_location"]
    cli.text(*words, "abandon", "stray", "--wait")
    adopted = cli(*words, "adopt", "parent", where, "--name", "back", "--wait")
    assert adopted["status"] == "available"
    cli.text(*words, "delete", "back", "--wait")
    cli.text("share", "delete", "parent", "--wait")


def test_types(cli: Openstack) -> None:
    words = ("share", "type")
    made = cli(
        *words, "create", "gold", "False", "--description", "fast", "--public", "False",
        "--snapshot-support", "True", "--extra-specs", "share_backend_name=fake",
    )  # fmt: skip
    assert made["name"] == "gold"
    assert "gold" in {row["Name"] for row in cli(*words, "list", "--all")}
    project = cli("project", "show", "admin")["id"]
    cli.text(*words, "access", "create", "gold", project)
    assert [row["Project ID"] for row in cli(*words, "access", "list", "gold")] == [project]
    cli.text(*words, "access", "delete", "gold", project)
    cli.text(*words, "set", "gold", "--extra-specs", "colour=yellow", "--description", "very")
    cli.text(*words, "unset", "gold", "colour")
    shown = cli(*words, "show", "gold")
    assert shown["description"] == "very"
    assert "colour" not in shown["optional_extra_specs"]
    cli.text(*words, "delete", "gold")
    with cli.refused("gold"):
        cli(*words, "show", "gold")


def test_quotas_and_limits(cli: Openstack) -> None:
    words = ("share", "quota")
    project = cli("project", "create", "counted")["id"]
    cli.text(*words, "set", project, "--shares", "7", "--gigabytes", "70")
    assert cli(*words, "show", project)["shares"] == 7
    assert cli(*words, "show", project, "--defaults")["shares"] == 50
    assert cli(*words, "show", project, "--detail")
    cli.text(*words, "delete", project)
    assert cli(*words, "show", project)["shares"] == 50
    limits = {row["Name"]: row["Value"] for row in cli("share", "limits", "show", "--absolute")}
    assert limits["maxTotalShares"] == 50
    assert cli("share", "limits", "show", "--rate") == []
    cli.text(*words, "set", "default", "--class", "--snapshots", "49")
    assert cli(*words, "show", project)["snapshots"] == 49
    cli.text(*words, "set", "default", "--class", "--snapshots", "50")
    cli.text("project", "delete", "counted")


def test_services_pools_and_zones(cli: Openstack, served: Any) -> None:
    (service,) = cli("share", "service", "list", "--binary", "manila-share")
    assert (service["Host"], service["State"], service["Status"]) == ("node@fake", "up", "enabled")
    words = ("share", "service", "set", "node@fake", "manila-share")
    cli.text(*words, "--disable")
    assert cli("share", "service", "list", "--host", "node@fake")[0]["Status"] == "disabled"
    cli.text(*words, "--enable")
    Openstack(served.clouds, "2.86").text("share", "service", "ensure", "shares", "node@fake")
    (pool,) = cli("share", "pool", "list")
    assert pool["Name"] == "node@fake#fake"
    assert cli("share", "pool", "list", "--detail", "--share-type", "default")
    assert [row["Name"] for row in cli("share", "availability", "zone", "list")] == ["nova"]


def test_a_share_that_finds_no_room_leaves_a_message(cli: Openstack) -> None:
    cli("share", "type", "create", "nowhere", "False", "--extra-specs", "share_backend_name=none")
    made = cli("share", "create", "NFS", "1", "--name", "homeless", "--share-type", "nowhere")
    cli("share", "create", "NFS", "1", "--name", "h2", "--share-type", "nowhere", "--wait")
    assert cli("share", "show", "h2")["status"] == "error"
    (message, *_) = cli("share", "message", "list", "--resource-id", made["id"])
    assert message["Resource ID"] == made["id"]
    assert cli("share", "message", "show", message["ID"])["user_message"]
    cli.text("share", "message", "delete", message["ID"])
    cli.text("share", "delete", "homeless", "h2", "--wait")
    cli.text("share", "type", "delete", "nowhere")


def test_what_is_not_there_yet_says_so(cli: Openstack) -> None:
    for words in (("share", "group", "list"), ("share", "network", "list")):
        with pytest.raises(AssertionError) as error:
            cli(*words)
        assert "500" not in str(error.value)
