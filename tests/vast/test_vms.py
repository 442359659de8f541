"""The simulated array answers as the facts about real ones say, row by row of the specification."""

from __future__ import annotations

import base64
import json
import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abaca.testing.vms import Array, Running
from support.processes import environment

PATIENCE = 60.0  # seconds; a loaded machine
PROPERTIES = ("drr", "logical_space", "logical_space_in_use", "physical_space")


class Reply(NamedTuple):
    status: int
    body: Any


class Client:
    """Anybody who speaks HTTPS."""

    def __init__(self, port: int, ca: Path) -> None:
        self.base = f"https://127.0.0.1:{port}/api/"
        self.context = ssl.create_default_context(cafile=ca)
        self.headers: dict[str, str] = {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {**self.headers, **headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=PATIENCE) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return Reply(status, json.loads(text) if text else None)

    def log_in(self, user: str = "admin", password: str = "123456") -> Reply:
        reply = self("POST", "token/", {"username": user, "password": password})
        if reply.status == 200:
            self.headers = {"Authorization": f"Bearer {reply.body['access']}"}
        return reply

    def made(self, where: str, **body: Any) -> int:
        reply = self("POST", where, body)
        assert reply.status == 201, reply
        return int(reply.body["id"])


@pytest.fixture
def client(vms: Running) -> Client:
    client = Client(vms.port, vms.ca)
    assert client.log_in().status == 200
    return client


# --- the endpoint table ---------------------------------------------------------------------------
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


@pytest.fixture
def ids(client: Client, array: Array) -> dict[str, int]:
    """One object of each kind."""
    found = {"p": client.made("viewpolicies/", name="policy")}
    place = {"path": "/root/dir", "create_dir": True}
    found["q"] = client.made("quotas/", name="quota", **place)
    found["v"] = client.made("views/", name="view", policy_id=found["p"], **place)
    found["unused"] = client.made("viewpolicies/", name="unused")
    source = client.made("snapshots/", name="source", path="/root/dir")
    found["s"] = client.made("snapshots/", name="snapshot", path="/root/dir/")
    clone = f"snapshots/{source}/clone/"
    found["g"] = client.made(clone, name="stream", loanee_root_path="/root/stream")
    array.configure(clone_seconds=3600.0)
    found["running"] = client.made(clone, name="running", loanee_root_path="/root/running")
    array.change("globalsnapstreams", "stream", stopped=True)
    return found


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


# --- bad requests ---------------------------------------------------------------------------------
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


# --- lists ----------------------------------------------------------------------------------------
def names(reply: Reply) -> list[str]:
    rows = reply.body if isinstance(reply.body, list) else reply.body["results"]
    return [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["a1", "a2", "b1"]),
        ("?name=a1", ["a1"]),
        ("?name=a", []),
        ("?name__contains=1", ["a1", "b1"]),
        ("?name__startswith=a", ["a1", "a2"]),
        ("?path=/r/b1", ["b1"]),
        ("?path__startswith=/r/a", ["a1", "a2"]),
        ("?hard_limit=2", ["a2"]),
        ("?page=2&page_size=2", ["b1"]),
        ("?page_size=2", ["a1", "a2"]),
    ],
)
def test_filters_and_pages(client: Client, query: str, wanted: list[str]) -> None:
    for number, name in enumerate(("a1", "a2", "b1"), 1):
        client.made("quotas/", name=name, path=f"/r/{name}", create_dir=True, hard_limit=number)
    for base in ("", "v7/", "latest/"):
        assert names(client("GET", f"{base}quotas/{query}")) == wanted


def test_a_page_has_an_envelope(client: Client) -> None:
    for number in range(5):
        client.made("viewpolicies/", name=str(number))
    pages = [client("GET", f"viewpolicies/?page={n}&page_size=2").body for n in (1, 2, 3)]
    assert [page["count"] for page in pages] == [5, 5, 5]
    assert [bool(page["next"]) for page in pages] == [True, True, False]
    assert [bool(page["previous"]) for page in pages] == [False, True, True]


# --- who asks -------------------------------------------------------------------------------------
def basic(words: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(words).decode()}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Authorization": "Bearer nonsense"}, 403),
        ({"Authorization": "Api-Token nonsense"}, 403),
        ({"Authorization": "Api-Token api-token"}, 200),
        (basic(b"admin:123456"), 200),
        (basic(b"admin:1"), 403),
        ({"Authorization": "Basic %%%"}, 403),
        ({"Authorization": "Api-Token api-token", "X-Tenant-Name": "default"}, 200),
        ({"Authorization": "Api-Token api-token", "X-Tenant-Name": "nobody"}, 400),
    ],
)
def test_who_may_ask(vms: Running, headers: dict[str, str], status: int) -> None:
    reply = Client(vms.port, vms.ca)("GET", "views/", **headers)
    assert reply.status == status
    if status == 403:
        assert "Token is invalid or expired" in reply.body["detail"]


def test_tokens_expire_and_are_refreshed_once(vms: Running, array: Array) -> None:
    client = Client(vms.port, vms.ca)
    assert client.log_in(password="guess").status == 401
    pair = client.log_in().body
    array.expire_tokens()
    assert client("GET", "views/").status == 403
    fresh = client("POST", "token/refresh/", {"refresh": pair["refresh"]})
    assert fresh.status == 200 and fresh.body.keys() == {"access", "refresh"}
    assert client("POST", "token/refresh/", {"refresh": pair["refresh"]}).status == 401
    reply = client("GET", "views/", Authorization=f"Bearer {fresh.body['access']}")
    assert reply.status == 200


def test_the_log_holds_no_secret(client: Client, array: Array) -> None:
    client("GET", "views/?name=x")
    first, last = array.requests()[0], array.requests()[-1]
    assert (first["path"], first["body"]) == ("token/", "***")
    assert (last["path"], last["query"], last["status"]) == ("views/", "name=x", 200)


# --- as a program ---------------------------------------------------------------------------------
Start = Callable[[], tuple[subprocess.Popen[str], Client]]
MODULE = (sys.executable, "-m", "abaca.testing.vms")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """The simulator as somebody starts it by hand."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> tuple[subprocess.Popen[str], Client]:
        process = subprocess.Popen(
            [*MODULE, "serve", str(tmp_path), "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )
        started.append(process)
        assert process.stdout is not None
        said = dict(line.strip().split(" = ") for line in iter(process.stdout.readline, "ready\n"))
        client = Client(int(said["vast_mgmt_port"]), Path(said["vast_ssl_ca"]))
        assert client.log_in(said["vast_mgmt_user"], said["vast_mgmt_password"]).status == 200
        return process, client

    yield begin
    for process in started:
        process.kill()
        process.wait(PATIENCE)


def test_what_it_holds_survives_kill_9(start: Start, tmp_path: Path) -> None:
    process, client = start()
    client.made("quotas/", name="kept", path="/a/b", create_dir=True, hard_limit=1)
    token = client.headers
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    _, client = start()
    client.headers = token
    assert names(client("GET", "quotas/")) == ["kept"]
    subprocess.run([*MODULE, "fault", tmp_path, "unavailable"], check=True, timeout=PATIENCE)
    assert client("GET", "quotas/").status == 503
    shown = subprocess.run(
        [*MODULE, "log", tmp_path], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    assert "503 GET quotas/" in shown.splitlines()[-1]
    assert "123456" not in shown
