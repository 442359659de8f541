"""`openstack share ...`: shares, their rules, properties, locations and instances."""

from __future__ import annotations

from typing import Any

import pytest

from support.openstack import Openstack

pytestmark = pytest.mark.xdist_group("clients")


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["Name"] for row in rows}


def test_a_share_from_beginning_to_end(cli: Openstack) -> None:
    made = cli(
        "share", "create", "NFS", "1", "--name", "life", "--description", "of its own",
        "--property", "a=1", "--property", "b=2", "--availability-zone", "nova",
        "--share-type", "default", "--wait",
    )  # fmt: skip
    assert (made["status"], made["size"], made["share_proto"]) == ("available", 1, "NFS")
    shown = cli("share", "show", "life")
    assert shown["id"] == made["id"]
    assert shown["properties"] == {"a": "1", "b": "2"}
    assert "/fake/share-" in shown["export_locations"]
    cli.text("share", "resize", "life", "3", "--wait")
    assert cli("share", "show", "life")["size"] == 3
    cli.text("share", "resize", "life", "2", "--wait")
    assert cli("share", "show", "life")["size"] == 2
    cli.text("share", "delete", "life", "--wait")
    with cli.refused("No share with a name or ID of 'life' exists"):
        cli("share", "show", "life")


def test_set_and_unset(cli: Openstack) -> None:
    cli("share", "create", "CIFS", "1", "--name", "changing", "--wait")
    cli.text(
        "share", "set", "changing", "--description", "new", "--public", "True",
        "--property", "k=v", "--property", "l=w",
    )  # fmt: skip
    assert cli("share", "properties", "show", "changing") == {"k": "v", "l": "w"}
    cli.text("share", "unset", "changing", "--property", "k", "--description")
    shown = cli("share", "show", "changing")
    assert shown["is_public"] is True
    assert not shown["description"]
    assert shown["properties"] == {"l": "w"}
    cli.text("share", "set", "changing", "--status", "error")
    assert cli("share", "show", "changing")["status"] == "error"
    cli.text("share", "set", "changing", "--status", "available", "--name", "changed")
    cli.text("share", "delete", "changed", "--force", "--wait")


def test_list_with_filters(cli: Openstack) -> None:
    for name, proto in (("f-one", "NFS"), ("f-two", "NFS"), ("f-three", "CIFS")):
        cli("share", "create", proto, "1", "--name", name, "--property", f"n={name}", "--wait")
    assert names(cli("share", "list")) >= {"f-one", "f-two", "f-three"}
    assert names(cli("share", "list", "--name", "f-one")) == {"f-one"}
    assert names(cli("share", "list", "--name~", "f-t")) == {"f-two", "f-three"}
    assert names(cli("share", "list", "--property", "n=f-two")) == {"f-two"}
    assert names(cli("share", "list", "--host", "node@fake#fake")) >= {"f-one"}
    assert cli("share", "list", "--name~", "f-", "--status", "error") == []
    ordered = cli("share", "list", "--name~", "f-", "--sort", "name:desc")
    assert [row["Name"] for row in ordered] == ["f-two", "f-three", "f-one"]
    assert len(cli("share", "list", "--name~", "f-", "--limit", "2")) == 2
    assert "Share Proto" in cli.text("share", "list", "--long")
    assert names(cli("share", "list", "--all-projects")) >= {"f-one"}
    cli.text("share", "delete", "f-one", "f-two", "f-three", "--wait")


def test_the_recycle_bin(cli: Openstack) -> None:
    cli("share", "create", "NFS", "1", "--name", "binned", "--wait")
    cli.text("share", "delete", "binned", "--soft")
    assert names(cli("share", "list", "--soft-deleted")) == {"binned"}
    assert "binned" not in names(cli("share", "list"))
    found = cli("share", "list", "--soft-deleted")[0]["ID"]
    cli.text("share", "restore", found)
    assert "binned" in names(cli("share", "list"))
    cli.text("share", "delete", "binned", "--wait")


def test_access_rules(cli: Openstack) -> None:
    cli("share", "create", "NFS", "1", "--name", "guarded", "--wait")
    made = cli(
        "share", "access", "create", "guarded", "ip", "192.0.2.0/24", "--access-level", "ro",
        "--properties", "why=backup", "--wait",
    )  # fmt: skip
    assert (made["state"], made["access_level"]) == ("active", "ro")
    assert cli("share", "access", "show", made["id"])["access_to"] == "192.0.2.0/24"
    second = cli("share", "access", "create", "guarded", "ip", "198.51.100.7", "--wait")
    rows = cli("share", "access", "list", "guarded")
    assert {row["Access To"] for row in rows} == {"192.0.2.0/24", "198.51.100.7"}
    only = cli("share", "access", "list", "guarded", "--properties", "why=backup")
    assert [row["ID"] for row in only] == [made["id"]]
    cli.text("share", "access", "set", second["id"], "--property", "who=me")
    cli.text("share", "access", "unset", second["id"], "--property", "who")
    with cli.refused("exists already"):
        cli("share", "access", "create", "guarded", "ip", "198.51.100.7")
    with cli.refused("does not appear to be an IPv4 or IPv6 network"):
        cli("share", "access", "create", "guarded", "ip", "not-an-address")
    cli.text("share", "access", "delete", "guarded", second["id"], "--wait")
    assert len(cli("share", "access", "list", "guarded")) == 1
    cli.text("share", "delete", "guarded", "--wait")


def test_access_levels_change(cli: Openstack, served: Any) -> None:
    newest = Openstack(served.clouds, "2.88")
    newest("share", "create", "NFS", "1", "--name", "levels", "--wait")
    rule = newest("share", "access", "create", "levels", "ip", "192.0.2.1", "--wait")
    newest.text("share", "access", "set", rule["id"], "--access-level", "ro")
    assert newest("share", "access", "show", rule["id"])["access_level"] == "ro"
    newest.text("share", "delete", "levels", "--wait")


def test_export_locations_and_instances(cli: Openstack, served: Any) -> None:
    newest = Openstack(served.clouds, "2.87")
    share = newest("share", "create", "NFS", "1", "--name", "where", "--wait")
    (location, *_) = newest("share", "export", "location", "list", "where")
    shown = newest("share", "export", "location", "show", "where", location["ID"])
    assert shown["path"] == location["Path"]
    words = ("share", "export", "location")
    newest.text(*words, "set", "where", location["ID"], "--property", "site=a")
    newest.text(*words, "unset", "where", location["ID"], "--property", "site")
    (instance,) = newest("share", "instance", "list", "--share", "where")
    found = newest("share", "instance", "show", instance["ID"])
    assert found["share_id"] == share["id"]
    places = newest("share", "instance", "export", "location", "list", instance["ID"])
    words = ("share", "instance", "export", "location", "show", instance["ID"])
    assert newest(*words, places[0]["ID"])["path"] == places[0]["Path"]
    newest.text("share", "instance", "set", instance["ID"], "--status", "error")
    assert newest("share", "show", "where")["status"] == "error"
    newest.text("share", "instance", "delete", instance["ID"], "--wait")
    with newest.refused("exists"):
        newest("share", "show", "where")


def test_abandon_and_adopt(cli: Openstack) -> None:
    made = cli("share", "create", "NFS", "1", "--name", "known", "--wait")
    (location, *_) = cli("share", "export", "location", "list", "known")
    cli.text("share", "abandon", "known", "--wait")
    with cli.refused("exists"):
        cli("share", "show", "known")
    adopted = cli(
        "share", "adopt", made["host"], "NFS", location["Path"], "--name", "again",
        "--share-type", "default", "--wait",
    )  # fmt: skip
    assert adopted["status"] == "available"
    cli.text("share", "delete", "again", "--wait")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("NFS", "0"), "size"),
        (("NFS", "1", "--share-type", "none such"), "none such"),
        (("NFS", "1", "--availability-zone", "moon"), "moon"),
        (("XFS", "1"), "XFS"),
    ],
)
def test_wrong_wishes_are_told(cli: Openstack, words: tuple[str, ...], said: str) -> None:
    with cli.refused(said):
        cli("share", "create", *words)
