"""The simulated array answers as the facts about real ones say, row by row of the specification."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abaca.testing.vms import Array
from vast.client import Client

SPACES = ("logical_space", "physical_space")
PROPERTIES = ("drr", *SPACES, *(f"{name}_in_use" for name in SPACES))
POLICY = (
    "id name nfs_read_write nfs_read_only nfs_no_squash nfs_root_squash nfs_all_squash"
    " trash_access flavor tenant_id count_views"
)
QUOTA = (
    "id name path hard_limit soft_limit used_capacity used_effective_capacity used_inodes"
    " percent_capacity state tenant_id"
)
VIEW = "id name path policy policy_id protocols alias tenant_id logical_capacity physical_capacity"
HOSTS = {"nfs_read_write": ["10.0.0.1"], "nfs_read_only": [], "nfs_no_squash": ["*"]}
CAPACITY = "monitors/ad_hoc_query/?object_type=cluster&time_frame=1m" + "".join(
    f"&prop_list=Capacity,{name}" for name in PROPERTIES
)
STREAM = "id name state status sync_progress loanee_root_path"


class Row(NamedTuple):
    """A row of the table: {p} {q} {v} {s} {g} are ids of a policy, quota, view, snapshot,
    stream; `keys` are those of the answer, or of the first object in it."""

    use: str
    method: str
    path: str
    body: Any = None
    status: int = 200
    keys: str = ""


TABLE = [
    Row("version", "GET", "versions/?status=success", keys="sys_version"),
    Row(
        "find pool",
        "GET",
        "vippools/?name=pool",
        keys="id name ip_ranges tenant_id enabled state vlan subnet_cidr role",
    ),
    Row("find policy", "GET", "viewpolicies/?name=policy", keys=POLICY),
    Row("make policy", "POST", "viewpolicies/", {"name": "n"}, 201, POLICY),
    Row(
        "change policy",
        "PATCH",
        "viewpolicies/{p}/",
        {"name": "n", **HOSTS, "nfs_root_squash": ["*"]},
        keys=POLICY,
    ),
    Row("drop policy", "DELETE", "viewpolicies/{unused}/", status=204),
    Row("find quota", "GET", "quotas/?name=quota", keys=QUOTA),
    Row(
        "make quota",
        "POST",
        "quotas/",
        {"name": "n", "path": "/new/n", "create_dir": True, "hard_limit": 1 << 30},
        201,
        QUOTA,
    ),
    Row("resize", "PATCH", "quotas/{q}/", {"hard_limit": 2 << 30}, keys=QUOTA),
    Row("drop quota", "DELETE", "quotas/{q}/", status=204),
    Row("find view", "GET", "views/?name=view", keys=VIEW),
    Row(
        "make view",
        "POST",
        "views/",
        {"name": "n", "path": "/new/n", "policy_id": 1, "create_dir": True, "protocols": ["NFS"]},
        201,
        VIEW,
    ),
    Row("re-point view", "PATCH", "views/{v}/", {"policy_id": 1}, keys=VIEW),
    Row("drop view", "DELETE", "views/{v}/", status=204),
    Row("drop view by force", "DELETE", "views/{v}/?force=true", status=204),
    Row("delete data", "DELETE", "folders/delete_folder/", {"path": "/root/dir", "tenant_id": 1}),
    Row(
        "stat",
        "POST",
        "folders/stat_path/",
        {"path": "/root/dir", "tenant_id": 1},
        keys="is_directory children owning_user",
    ),
    Row(
        "snapshot",
        "POST",
        "snapshots/",
        {"path": "/root/dir/", "name": "n"},
        201,
        "id state path created expiration_time indestructible locked",
    ),
    Row("find snapshot", "GET", "snapshots/?name=snapshot", keys="id name path"),
    Row("drop snapshot", "DELETE", "snapshots/{s}/", status=204),
    Row(
        "clone",
        "POST",
        "snapshots/{s}/clone/",
        {"loanee_root_path": "/root/c", "name": "n", "enabled": True, "loanee_tenant_id": 1},
        201,
        STREAM,
    ),
    Row("streams", "GET", "globalsnapstreams/?name=stream", keys=STREAM),
    Row("stream", "GET", "globalsnapstreams/{g}/", keys=STREAM),
    Row("stop", "PATCH", "globalsnapstreams/{running}/stop", keys=STREAM),
    Row("drop stream", "DELETE", "globalsnapstreams/{g}/", {"remove_dir": False}, 204),
    Row("capacity", "GET", CAPACITY, keys="prop_list data object_ids granularity"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.use)
def test_row(client: Client, ids: dict[str, int], row: Row) -> None:
    reply = client(row.method, row.path.format(**ids), row.body)
    assert reply.status == row.status, reply
    if row.status == 204:
        assert reply.body is None
        gone = client("GET", row.path.format(**ids))
        assert gone.status == 404
    elif row.keys:
        shown = reply.body[0] if isinstance(reply.body, list) else reply.body
        assert set(row.keys.split()) <= shown.keys()


def test_every_row_of_the_specification_is_here() -> None:
    found = list((Path(__file__).parents[3] / "shared" / "spec").glob("vast-driver.md"))
    if not found:
        pytest.skip("the specification is not beside this checkout")
    section = found[0].read_text().partition("## 4. Endpoints")[2].partition("\n## ")[0]
    wanted = set(re.findall(r"\b(GET|POST|PATCH|DELETE) /([a-z_]+/(?:[a-z_]+/)?)", section))
    here = {(row.method, re.match(r"[a-z_]+/(?:[a-z_]+/)?", row.path)[0]) for row in TABLE}
    assert len(wanted) > 15
    assert wanted - here == set()


BAD: list[tuple[str, str, Any, str]] = [
    ("POST", "viewpolicies/", {"name": "n", "colour": "red"}, "colour"),
    ("POST", "viewpolicies/", {}, "name"),
    ("POST", "viewpolicies/", {"name": "policy"}, "already exists"),
    ("POST", "viewpolicies/", {"name": "n", "nfs_read_write": "10.0.0.1"}, "nfs_read_write"),
    ("POST", "viewpolicies/", {"name": "n", "nfs_read_write": ["10.0.0.300"]}, "nfs_read_write"),
    ("POST", "viewpolicies/", {"name": "n", "nfs_read_write": ["a host; }"]}, "nfs_read_write"),
    ("PATCH", "viewpolicies/{p}/", {"nfs_read_only": ["10.0.0.1/8"]}, "nfs_read_only"),
    ("PATCH", "viewpolicies/{unused}/", {"name": "policy"}, "already exists"),
    ("DELETE", "viewpolicies/{p}/", None, "in use"),
    ("POST", "quotas/", {"name": "n"}, "path"),
    ("POST", "quotas/", {"name": "n", "path": "/no/such"}, "no such directory"),
    ("POST", "quotas/", {"name": "n", "path": "relative", "create_dir": True}, "path"),
    ("POST", "quotas/", {"name": "n", "path": "/a/../b", "create_dir": True}, "path"),
    ("POST", "quotas/", {"name": "n", "path": "/root/dir"}, "already exists"),
    ("PATCH", "quotas/{q}/", {"hard_limit": "1G"}, "hard_limit"),
    ("PATCH", "quotas/{q}/", {"hard_limit": -1}, "hard_limit"),
    ("PATCH", "quotas/{q}/", {"path": "/other"}, "does not move"),
    ("POST", "views/", {"path": "/v", "create_dir": True}, "policy_id"),
    ("POST", "views/", {"path": "/v", "create_dir": True, "policy_id": 99}, "policy 99"),
    ("POST", "views/", {"path": "/root/dir/", "policy_id": 1}, "already exists"),
    ("PATCH", "views/{v}/", {"policy": "policy"}, "policy"),
    ("POST", "snapshots/", {"name": "n", "path": "/no/such/"}, "no such directory"),
    ("POST", "snapshots/{s}/clone/", {"name": "n"}, "loanee_root_path"),
    ("POST", "snapshots/{s}/clone/", {"name": "n", "loanee_root_path": "/root/dir"}, "exists"),
    ("POST", "snapshots/{s}/clone/", {"name": "stream", "loanee_root_path": "/x"}, "exists"),
    ("DELETE", "globalsnapstreams/{running}/", {"remove_dir": False}, "stop it first"),
    ("PATCH", "globalsnapstreams/{g}/stop", None, "not running"),
    ("DELETE", "folders/delete_folder/", {"path": "/no/such"}, "no such directory"),
    ("DELETE", "folders/delete_folder/", {"path": "/"}, "no such directory"),
    ("DELETE", "folders/delete_folder/", {"path": "/root/running"}, "in use"),
    ("DELETE", "folders/delete_folder/", {"path": "/root/dir", "force": True}, "path"),
    ("POST", "folders/stat_path/", {"path": "/no/such"}, "no such directory"),
    ("GET", "monitors/ad_hoc_query/?object_type=cluster", None, "prop_list"),
    ("GET", "views/?name__like=x", None, "filter"),
    ("GET", "views/?page=x", None, "page"),
    ("POST", "views/", [], "JSON object"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad[0]} {bad[1]} {bad[3]}")
def test_a_bad_request_is_refused_and_changes_nothing(
    client: Client, array: Array, ids: dict[str, int], bad: tuple[str, str, Any, str]
) -> None:
    method, path, body, words = bad
    before = array.everything()
    reply = client(method, path.format(**ids), body)
    assert reply.status == 400
    assert words in reply.body["detail"]
    assert array.everything() == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing/", 404),
        ("GET", "views", 404),
        ("GET", "views/99/", 404),
        ("DELETE", "quotas/99/", 404),
        ("PATCH", "views/", 405),
        ("POST", "vippools/", 405),
        ("GET", "token/", 405),
        ("GET", "../other", 404),
    ],
)
def test_a_path_or_method_that_is_not_there(
    client: Client, method: str, path: str, status: int
) -> None:
    assert client(method, path).status == status


def test_a_disabled_trash(client: Client, array: Array, ids: dict[str, int]) -> None:
    array.configure(trash=False)
    reply = client("DELETE", "folders/delete_folder/", {"path": "/root/dir"})
    assert reply.status == 400 and "trash folder disabled" in reply.body["detail"]
