"""Nothing a client can send makes a 500, and every answer is well formed."""

from __future__ import annotations

import json
from typing import Any

import falcon.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.sample import PROJECT, make_app

APP = make_app()
WORDS = (
    "v2", "shares", "detail", "action", "metadata", "limits", PROJECT, "1", "share-replicas",
    "..", "%2e%2e", "", "shares.json", "\u00e9", "\x00", "a" * 300, "messages", "new", "default",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "get")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["true", "-1", "0", "2147483648", "../..", "$(id)", "a\nb"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ("size", "name", "display_name", "text", "flag", "kind", "ref", "metadata", "group", "late",
        "tags", "options", "any", "new_size", "host")  # fmt: skip
BODIES = st.binary(max_size=200) | st.fixed_dictionaries(
    {},
    optional={
        word: VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
        for word in ("share", "extend", "metadata", "soft_delete", "migration_start", "a")
    },
).map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass"))
LATIN = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30)
VERSIONS = st.sampled_from(["2.0", "2.7", "2.65", "2.99", "2.100", "latest", "", "2.", "x"]) | LATIN


def call(environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    found: list[Any] = []
    data = b"".join(APP(environ, lambda status, headers, exc=None: found.extend((status, headers))))
    return int(found[0][:3]), dict(found[1]), data


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(METHODS),
    path=st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=7),
    query=LATIN | st.sampled_from(["limit=1", "metadata={'a':'b'}", "limit=%zz", "all_tenants"]),
    version=st.none() | VERSIONS,
    token=st.sampled_from([f"user:{PROJECT}", f"user:{PROJECT}:member", "", "::", "\xff:\x00"]),
    kind=st.sampled_from(["application/json", "", "text/xml", ";", "application/json;x=\xff"]),
    body=BODIES,
    length=st.none() | st.sampled_from(["", "-1", "x", "99999999", "9" * 30, "1e3", "3"]),
)
def test_never_500(
    method: str,
    path: list[str],
    query: str,
    version: str | None,
    token: str,
    kind: str,
    body: bytes,
    length: str | None,
) -> None:
    environ = falcon.testing.create_environ("/", method="GET", body=body)
    environ["REQUEST_METHOD"] = method
    raw = "/" + "/".join(path)
    environ["PATH_INFO"] = raw.encode("utf-8", "surrogatepass").decode("latin-1")
    environ["QUERY_STRING"] = query
    environ["CONTENT_TYPE"] = kind
    environ["HTTP_X_AUTH_TOKEN"] = token
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    if version is not None:
        environ["HTTP_X_OPENSTACK_MANILA_API_VERSION"] = version
    code, headers, data = call(environ)
    careless = "/types" in raw or "messages" in raw  # the sample's own bugs
    assert code < 500 or careless, data
    if data and headers["content-type"] == "application/json":
        json.loads(data)
    assert headers["x-compute-request-id"].startswith("req-")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(share=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
def test_create_answers_success_or_one_clear_sentence(share: dict[str, Any]) -> None:
    body = json.dumps({"share": share}).encode("utf-8", "surrogatepass")
    environ = falcon.testing.create_environ(
        "/v2/shares",
        method="POST",
        body=body,
        headers={"Content-Type": "application/json", "X-Auth-Token": f"user:{PROJECT}"},
    )
    code, _, data = call(environ)
    answer = json.loads(data)
    if code == 200:
        assert isinstance(answer["share"]["size"], int)
    else:
        assert code == 400
        said = answer["badRequest"]["message"]
        assert said.endswith(".")
        assert len(said) < 300
