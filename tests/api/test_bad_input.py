"""Bad input, one row each: what is sent, the status, words of the one sentence that says why.

After every refusal nothing is different: no row, no counted quota, no operation (the database has
had no writing transaction at all).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from abaca.operations import log as oplog
from api.full_world import MASKED, TOKENS, Answer, Call, FullWorld, full_world
from support.shares import HOST

LONG = "x" * 10240
UNKNOWN = "99999999-9999-4999-8999-999999999999"
SHELL = "$(reboot); `id` | tee > /etc/passwd && \"x\" 'y' %(k)s ${k} { } [s] # \\"
UPWARDS = "../../../etc/passwd"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullWorld]:
    with full_world(tmp_path_factory.mktemp("bad")) as found:
        yield found


@pytest.fixture
def world(whole: FullWorld) -> Iterator[FullWorld]:
    yield whole
    whole.restore()


def refused(world: FullWorld, answer: Answer, before: int, status: int, *words: str) -> None:
    assert answer.status == status, answer
    said = answer.message
    for word in words:
        assert word.lower() in said.lower(), said
    assert re.fullmatch(r"[^\n]{10,400}[.]", said), said
    assert not re.search(r"Traceback|Error\b|psycopg|sqlite|\bNone\b|\x1b|\x00", said), said
    assert world.version() == before, "something was written"


def new(**given: Any) -> tuple[str, str, Any]:
    return "POST", "/shares", {"share": {"size": 1, "share_proto": "NFS", **given}}


def without(key: str) -> tuple[str, str, Any]:
    method, path, body = new()
    del body["share"][key]
    return method, path, body


def act(word: str, given: Any, of: str = "shares/{share}") -> tuple[str, str, Any]:
    return "POST", f"/{of}/action", {word: given}


def allow(to: Any, kind: Any = "ip", **more: Any) -> tuple[str, str, Any]:
    return act("allow_access", {"access_type": kind, "access_to": to, **more})


def taken(**given: Any) -> tuple[str, str, Any]:
    place = {"service_host": HOST, "protocol": "NFS", "export_path": "10.0.0.1:/there"}
    return "POST", "/shares/manage", {"share": {**place, **given}}


def adopt(**given: Any) -> tuple[str, str, Any]:
    place = {"share_id": "{share}", "provider_location": "there"}
    return "POST", "/snapshots/manage", {"snapshot": {**place, **given}}


def metadata(pairs: Any, of: str = "shares/{share}") -> tuple[str, str, Any]:
    return "PUT", f"/{of}/metadata", {"metadata": pairs}


# name, (method, path, body), status, words of the message
ROWS: list[tuple[str, tuple[str, str, Any], int, tuple[str, ...]]] = [
    # sizes
    ("size 0", new(size=0), 400, ("size is 0", "from 1")),
    ("size -1", new(size=-1), 400, ("size is -1", "from 1")),
    ("size 10**12", new(size=10**12), 400, ("size is 1000000000000", "to 2147483647")),
    ("size 10**40", new(size=10**40), 400, ("size", "whole number")),
    ("size 1.5", new(size=1.5), 400, ("size is 1.5", "whole number")),
    ("size in words", new(size="one"), 400, ("size is 'one'", "whole number")),
    ("size true", new(size=True), 400, ("size is true", "whole number")),
    ("size a list", new(size=[1]), 400, ("size is a list", "whole number")),
    ("no size", without("size"), 400, ("size is missing",)),
    ("size above the quota", new(size=2000), 413, ("gigabytes", "2000 requested", "of 1000")),
    ("extend to 0", act("extend", {"new_size": 0}), 400, ("new_size 0", "larger", "2 GiB")),
    ("extend to -1", act("extend", {"new_size": -1}), 400, ("new_size is -1",)),
    ("extend to 10**12", act("extend", {"new_size": 10**12}), 400, ("new_size is",)),
    ("extend to 1.5", act("extend", {"new_size": 1.5}), 400, ("new_size is 1.5",)),
    ("extend to the same", act("extend", {"new_size": 2}), 400, ("new_size 2", "larger")),
    ("extend above the quota", act("extend", {"new_size": 5000}), 403, ("gigabytes", "of 1000")),
    ("shrink to 0", act("shrink", {"new_size": 0}), 400, ("new_size 0", "smaller", "not 0")),
    ("shrink to more", act("shrink", {"new_size": 3}), 400, ("new_size 3", "smaller", "2 GiB")),
    ("no new size", act("extend", {}), 400, ("new_size is missing",)),
    # names of things that do not exist
    ("unknown protocol", new(share_proto="FTP"), 400, ("share_proto is 'FTP'", "NFS")),
    ("protocol not offered", new(share_proto="CEPHFS"), 400, ("CEPHFS", "NFS, CIFS")),
    ("protocol a number", new(share_proto=4), 400, ("share_proto is 4",)),
    ("no protocol", without("share_proto"), 400, ("share_proto is missing",)),
    ("unknown type", new(share_type="gold"), 404, ("share type gold", "could not be found")),
    ("unknown zone", new(availability_zone="mars"), 404, ("zone mars", "could not be found")),
    ("unknown snapshot", new(snapshot_id=UNKNOWN), 404, (UNKNOWN, "could not be found")),
    ("snapshot not an id", new(snapshot_id=UPWARDS), 400, ("snapshot_id", "UUID")),
    ("unknown network", new(share_network_id=UNKNOWN), 404, (UNKNOWN,)),
    ("unknown group", new(share_group_id=UNKNOWN), 404, (UNKNOWN,)),
    ("unknown hint", new(scheduler_hints={"same_host": UNKNOWN}), 404, (UNKNOWN,)),
    ("hint not an id", new(scheduler_hints={"same_host": "a;b"}), 400, ("same_host", "'a;b'")),
    # names
    ("name with NUL", new(name="a\x00b"), 400, ("name", "control characters")),
    ("name with escape", new(name="a\x1b[2Jb"), 400, ("name", "control characters")),
    ("name of two lines", new(name="a\nb"), 400, ("name", "control characters")),
    ("name of 10 kB", new(name=LONG), 400, ("name", "0 to 255 characters")),
    ("name a number", new(name=7), 400, ("name is 7", "text")),
    ("description of 10 kB", new(description=LONG), 400, ("description", "255")),
    ("description with NUL", new(description="\x00"), 400, ("description", "control characters")),
    ("two names", new(name="a", display_name="b"), 400, ("name and display_name", "one of them")),
    (
        "renamed to NUL",
        ("PUT", "/shares/{share}", {"share": {"display_name": "\x00"}}),
        400,
        ("display_name", "control characters"),
    ),
    (
        "snapshot named 10 kB",
        ("POST", "/snapshots", {"snapshot": {"share_id": "{share}", "name": LONG}}),
        400,
        ("name", "255"),
    ),
    ("mount point upwards", new(mount_point_name=UPWARDS), 400, ("mount_point_name",)),
    # metadata
    ("metadata a list", new(metadata=["a"]), 400, ("metadata is a list", "object")),
    ("metadata with NUL", metadata({"k": "\x00"}), 400, ("metadata", "control characters")),
    ("metadata key with NUL", metadata({"\x00": "v"}), 400, ("key of metadata", "control")),
    ("metadata key of 10 kB", metadata({LONG: "v"}), 400, ("key of metadata", "255")),
    ("metadata value of 10 kB", metadata({"k": LONG}), 400, ("metadata", "1023")),
    ("metadata without key", metadata({"": "v"}), 400, ("key of metadata", "1 to 255")),
    ("metadata without value", metadata({"k": ""}), 400, ("metadata['k']", "1 to 1023")),
    ("metadata of numbers", metadata({"k": 1}), 400, ("metadata['k'] is 1", "text")),
    ("metadata of nests", metadata({"k": {"a": "b"}}), 400, ("metadata['k'] is an object",)),
    ("metadata null", metadata(None), 400, ("metadata is null",)),
    ("snapshot metadata", metadata({"k": 1}, "snapshots/{snapshot}"), 400, ("metadata['k']",)),
    ("rule metadata", metadata({"k": "\x00"}, "share-access-rules/{rule}"), 400, ("control",)),
    (
        "location metadata",
        metadata({"a/b": "c"}, "shares/{share}/export_locations/{location}"),
        400,
        ("key of metadata", "'a/b'"),
    ),
    # whom to let in
    ("host name", allow("client.example.org"), 400, ("'client.example.org'", "address")),
    ("IPv6 with zone", allow("fe80::1%eth0"), 400, ("fe80::1%eth0", "zone")),
    ("IPv4 inside IPv6", allow("::ffff:10.0.0.1"), 400, ("::ffff:10.0.0.1", "IPv4")),
    ("host bits", allow("10.0.0.1/24"), 400, ("10.0.0.1/24", "host bits")),
    ("prefix too long", allow("10.0.0.0/33"), 400, ("10.0.0.0/33",)),
    ("octal address", allow("010.0.0.1"), 400, ("010.0.0.1",)),
    ("short address", allow("10.1"), 400, ("10.1",)),
    ("everybody by star", allow("*"), 400, ("'*'", "address")),
    ("an address and options", allow("10.0.0.1(rw,no_root_squash)"), 400, ("10.0.0.1(rw",)),
    ("two addresses", allow("10.0.0.1 10.0.0.2"), 400, ("10.0.0.1 10.0.0.2",)),
    ("address of two lines", allow("10.0.0.1\n*"), 400, ("control characters",)),
    ("address with NUL", allow("10.0.0.1\x00"), 400, ("control characters",)),
    ("address of 10 kB", allow(LONG), 400, ("access_to", "1 to 255")),
    ("no address", allow(""), 400, ("access_to", "1 to 255")),
    ("address a number", allow(1), 400, ("access_to is 1",)),
    ("user of a shell", allow("$(id)|x", "user"), 400, ("access_to", "1 to 255")),
    ("user of a config", allow("ann]\\n[global", "user"), 400, ("access_to",)),
    ("user with slash", allow("DOM\\ann", "user"), 400, ("access_to",)),
    ("unknown kind of rule", allow("x", "host"), 400, ("access_type is 'host'", "ip")),
    ("unknown level", allow("10.0.0.1", access_level="rwx"), 400, ("'rwx'", "rw, ro")),
    ("the same rule", allow(MASKED), 400, (MASKED, "exists already")),
    ("ro against rw", allow(MASKED, access_level="ro"), 400, (MASKED, "exists already", "rw")),
    (
        "deny what is not there",
        act("deny_access", {"access_id": UNKNOWN}),
        404,
        (UNKNOWN, "could not be found"),
    ),
    ("deny a path", act("deny_access", {"access_id": UPWARDS}), 400, ("access_id", "UUID")),
    (
        "host name for a snapshot",
        act("allow_access", {"access_type": "ip", "access_to": "h"}, "snapshots/{snapshot}"),
        400,
        ("'h'", "address"),
    ),
    # paths that are not meant
    ("manage upwards", taken(export_path="10.0.0.1:/a/../../etc"), 400, ("export_path", "'..'")),
    ("manage with NUL", taken(export_path="10.0.0.1:/a\x00b"), 400, ("export_path", "control")),
    ("manage nothing", taken(export_path=""), 422, ("export_path", "must be given")),
    ("manage 10 kB", taken(export_path=LONG), 400, ("export_path", "2000")),
    ("manage at no host", taken(service_host="nowhere@x#y"), 404, ("nowhere@x",)),
    ("manage without pool", taken(service_host="node@local"), 400, ("host@backend#pool",)),
    ("manage by FTP", taken(protocol="FTP"), 400, ("FTP", "NFS, CIFS")),
    ("adopt upwards", adopt(provider_location="a/../../etc"), 400, ("provider_location", "'..'")),
    ("adopt with NUL", adopt(provider_location="\x00"), 400, ("provider_location", "control")),
    ("adopt of nothing", adopt(share_id=UNKNOWN), 404, (UNKNOWN,)),
    # forms of bodies
    ("no share", ("POST", "/shares", {"volume": {}}), 422, ("no share",)),
    ("share null", ("POST", "/shares", {"share": None}), 422, ("no share",)),
    ("a list", ("POST", "/shares", []), 400, ("a list", "JSON object")),
    ("no action", ("POST", "/shares/{share}/action", {}), 400, ("exactly one key",)),
    (
        "two actions",
        ("POST", "/shares/{share}/action", {"extend": {}, "shrink": {}}),
        400,
        ("exactly one key",),
    ),
    ("unknown action", act("explode", {}), 400, ("no action 'explode'",)),
    ("action of nothing", act("extend", None), 400, ("extend is null", "an object")),
    (
        "unknown quota",
        ("PUT", "/quota-sets/{project}", {"quota_set": {"sharez": 1}}),
        400,
        ("'sharez'",),
    ),
    (
        "negative quota",
        ("PUT", "/quota-sets/{project}", {"quota_set": {"shares": -2}}),
        400,
        ("shares", "-2"),
    ),
    (
        "type without name",
        ("POST", "/types", {"share_type": {"name": " ", "extra_specs": {}}}),
        400,
        ("name", "not blank"),
    ),
    (
        "spec with blanks in its name",
        ("POST", "/types/{type}/extra_specs", {"extra_specs": {"a b": "c"}}),
        400,
        ("'a b'",),
    ),
    (
        "status that nobody has",
        act("reset_status", {"status": "broken"}),
        400,
        ("'broken'", "available"),
    ),
    ("revert to nothing", act("revert", {"snapshot_id": UNKNOWN}), 400, (UNKNOWN,)),
    ("revert without word", act("revert", {}), 400, ("snapshot_id is missing",)),
    # what is in the way
    ("delete with snapshots", ("DELETE", "/shares/{share}", None), 403, ("1 snapshot", "first")),
    ("use of the recycle bin", act("extend", {"new_size": 5}, "shares/{bin}"), 403, ("restore",)),
]  # fmt: skip


def call_of(world: FullWorld, row: tuple[str, str, Any]) -> Call:
    method, path, body = row
    mine = world.mine
    ids = {name: getattr(mine, name) for name in mine.__struct_fields__}
    ids["type"] = world.unused_type
    for name, id in ids.items():
        path = path.replace(f"{{{name}}}", id)
        body = _put(body, f"{{{name}}}", id)
    return Call(method=method, path=path, body=body)


def _put(body: Any, mark: str, id: str) -> Any:
    if isinstance(body, dict):
        return {key: _put(value, mark, id) for key, value in body.items()}
    return id if body == mark else body


@pytest.mark.parametrize(
    ("row", "status", "words"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_refused_with_a_sentence_and_nothing_changed(
    world: FullWorld, row: tuple[str, str, Any], status: int, words: tuple[str, ...]
) -> None:
    call, before = call_of(world, row), world.version()
    refused(world, world.send(call, "admin", "2.99"), before, status, *words)


# --- below the bodies: JSON, headers, queries -----------------------------------------------------
JSON = "application/json"
GOOD = json.dumps(new()[2])
RAW: list[tuple[str, str | bytes, dict[str, str], int, tuple[str, ...]]] = [
    ("half of a body", GOOD[:-5], {}, 400, ("not valid JSON",)),
    ("no JSON", "size=1", {}, 400, ("not valid JSON",)),
    ("NaN", GOOD.replace("1", "NaN"), {}, 400, ("not valid JSON",)),
    ("infinity", GOOD.replace("1", "Infinity"), {}, 400, ("not valid JSON",)),
    ("a number beyond all floats", GOOD.replace("1", "1e999"), {}, 400, ("JSON",)),
    ("not UTF-8", b'{"share": {"name": "\xff"}}', {}, 400, ("not valid JSON",)),
    ("half a character", '{"share": {"name": "\\ud800"}}', {}, 400, ("not valid JSON",)),
    ("deep lists", "[" * 50_000 + "]" * 50_000, {}, 400, ("nested too deeply",)),
    ("deep objects", '{"a":' * 10_000 + "1" + "}" * 10_000, {}, 400, ("nested too deeply",)),
    ("too large", " " * 200_000 + GOOD, {}, 413, ("200", "114688")),
    ("wrong type", GOOD, {"Content-Type": "text/plain"}, 400, ("Content-Type: application/json",)),
    ("no type", GOOD, {"Content-Type": ""}, 400, ("Content-Type: application/json",)),
    ("nothing", "", {}, 400, ("needs a body",)),
    ("version of another world", GOOD, {"V": "3.0"}, 406, ("3.0", "2.0", "2.99")),
    ("version of tomorrow", GOOD, {"V": "2.100"}, 406, ("2.100", "2.99")),
    ("version latest", GOOD, {"V": "latest"}, 400, ("latest",)),
    ("version in words", GOOD, {"V": "two"}, 400, ("two",)),
    ("version negative", GOOD, {"V": "2.-1"}, 400, ("2.-1",)),
    ("version of 10 kB", GOOD, {"V": "2." + "9" * 10240}, 400, ("2.99",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "headers", "status", "words"), [r[1:] for r in RAW], ids=[r[0] for r in RAW]
)
def test_forms_are_refused(
    world: FullWorld,
    raw: str | bytes,
    headers: dict[str, str],
    status: int,
    words: tuple[str, ...],
) -> None:
    before = world.version()
    sent = {"Content-Type": JSON, "X-Auth-Token": str(TOKENS["admin"]), "V": "2.99", **headers}
    sent["X-OpenStack-Manila-API-Version"] = sent.pop("V")
    client = testing.TestClient(world.app)
    answer = client.simulate_request("POST", "/v2/shares", body=raw, headers=sent)
    refused(world, Answer(answer), before, status, *words)


QUERIES: list[tuple[str, str, tuple[str, ...]]] = [
    ("/shares", "limit=-1", ("limit is '-1'",)),
    ("/shares", "limit=x", ("limit is 'x'",)),
    ("/shares", "limit=99999999999999999999", ("limit",)),
    ("/shares", "offset=1.5", ("offset is '1.5'",)),
    ("/shares", "marker=" + UNKNOWN, (UNKNOWN,)),
    ("/shares", "sort_key=password", ("sort_key is 'password'", "created_at")),
    ("/shares", "sort_dir=up", ("sort_dir is 'up'", "asc")),
    ("/shares", "metadata=__import__('os')", ("metadata", "dictionary")),
    ("/shares", "metadata=" + "{" * 3000, ("metadata", "dictionary")),
    ("/shares", "extra_specs=[1]", ("extra_specs", "dictionary")),
    ("/shares", "is_public=perhaps", ("is_public is 'perhaps'", "true or false")),
    ("/shares", "name=%00", ("NUL",)),
    ("/shares", "with_count=2", ("with_count is '2'",)),
    ("/snapshots", "size=big", ("size is 'big'",)),
    ("/share-access-rules", "", ("share_id is missing",)),
    ("/share-access-rules", "share_id=x", ("x", "could not be found")),
    ("/messages", "created_since=yesterday", ("created_since", "2026-01-31")),
    ("/scheduler-stats/pools", "host=((((", ("host", "((((")),
]


@pytest.mark.parametrize(("path", "query", "words"), QUERIES)
def test_queries_are_refused(
    world: FullWorld, path: str, query: str, words: tuple[str, ...]
) -> None:
    before = world.version()
    headers = {"X-Auth-Token": str(TOKENS["admin"]), "X-OpenStack-Manila-API-Version": "2.99"}
    answer = testing.TestClient(world.app).simulate_request(
        "GET", "/v2" + path, query_string=query, headers=headers
    )
    refused(world, Answer(answer), before, 400, *words)


# --- odd, but right: kept as it was said, and nothing else ----------------------------------------
KEPT: list[tuple[str, tuple[str, str, Any], str, Any]] = [
    ("size as text", new(size="1"), "size", 1),
    ("a whole float", new(size=1.0), "size", 1),
    ("shell in a name", new(name=SHELL), "name", SHELL),
    ("path in a name", new(name=UPWARDS), "name", UPWARDS),
    ("markup in a name", new(name="<script>'\"%s{0}"), "name", "<script>'\"%s{0}"),
    ("emoji", new(name="\U0001f4a9" * 255), "name", "\U0001f4a9" * 255),
    ("lines in a description", new(description="a\r\n\tb"), "description", "a\r\n\tb"),
    ("metadata of a shell", new(metadata={SHELL: SHELL}), "metadata", {SHELL: SHELL}),
    ("metadata upwards", new(metadata={UPWARDS: UPWARDS}), "metadata", {UPWARDS: UPWARDS}),
    ("protocol in small letters", new(share_proto="nfs"), "share_proto", "NFS"),
    ("unknown keys", new(surprise=1), "size", 1),
    ("everybody", allow("0.0.0.0/0"), "access_to", "0.0.0.0/0"),
    ("everybody by IPv6", allow("::/0"), "access_to", "::/0"),
    ("a part of a network", allow("10.99.0.128/25"), "access_to", "10.99.0.128/25"),
    ("more than a network", allow("10.0.0.0/8"), "access_to", "10.0.0.0/8"),
    ("a part, read only", allow("10.99.0.7", access_level="ro"), "access_level", "ro"),
    ("IPv6 written long", allow("2001:DB8:0:0::1"), "access_to", "2001:db8::1"),
    ("no level", allow("10.3.0.1", access_level=None), "access_level", "rw"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "key", "value"), [r[1:] for r in KEPT], ids=[r[0] for r in KEPT])
def test_kept_as_it_was_said(
    world: FullWorld, row: tuple[str, str, Any], key: str, value: Any
) -> None:
    answer = world.send(call_of(world, row), "member", "2.99")
    assert answer.status == 200, answer
    (found,) = answer.json.values()
    assert found[key] == value


# --- what only one role, or a later version, may say ----------------------------------------------
PREFERRED = metadata({"preferred": "False"}, "shares/{share}/export_locations/{location}")
RIGHTS: list[tuple[str, tuple[str, str, Any]]] = [
    ("a public share", new(is_public=True)),
    ("a share made public", ("PUT", "/shares/{share}", {"share": {"is_public": True}})),
    ("extend by force", act("extend", {"new_size": 3, "force": True}, "shares/{plain}")),
    ("an affinity by metadata", new(metadata={"__affinity_same_host": "x"})),
    ("an affinity by metadata later", metadata({"__affinity_same_host": "x"})),
    ("the preferred location", PREFERRED),
    ("manage", taken()),
    ("force delete", act("force_delete", None, "shares/{plain}")),
    ("reset a status", act("reset_status", {"status": "error"})),
    ("shares of a host", ("GET", "/shares?host=node@local", None)),
    ("shares of a server", ("GET", f"/shares?share_server_id={UNKNOWN}", None)),
    ("shares by specs", ("GET", "/shares?extra_specs={'a':'b'}", None)),
    ("shares in deferred deletion", ("GET", "/shares?status=deferred_deleting", None)),
]


@pytest.mark.parametrize("row", [r[1] for r in RIGHTS], ids=[r[0] for r in RIGHTS])
def test_members_may_not_but_administrators_may(
    world: FullWorld, row: tuple[str, str, Any]
) -> None:
    call, before = call_of(world, row), world.version()
    path, _, query = call.path.partition("?")
    if query:
        name, _, value = query.partition("=")
        call = Call(method="GET", path=path, query={name: value})
    refused(world, world.send(call, "member", "2.99"), before, 403)
    assert world.send(call, "admin", "2.99").status < 300


def test_only_administrators_choose_the_host(world: FullWorld) -> None:
    """For others the hint is not there; before 2.67 it is not there for anybody."""

    def hints(who: str, version: str) -> Any:
        call = call_of(world, new(scheduler_hints={"only_host": HOST}))
        share = world.send(call, who, version).json["share"]
        with world.store.read() as tx:
            return oplog.of_resource(tx, share["id"])[0].payload["hints"]

    assert hints("admin", "2.99") == {"only_host": HOST}
    assert hints("member", "2.99") == {}
    assert hints("admin", "2.66") == {}
