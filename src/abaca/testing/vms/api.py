"""The management API: which path does what."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from abaca.testing.vms import cluster, objects, streams, tokens
from abaca.testing.vms.call import Call, Reply
from abaca.testing.vms.fields import RESOURCES
from abaca.testing.vms.refusal import Refusal

Handler = Callable[..., Reply]
Route = tuple[str, re.Pattern[str], Handler]

_BASE: Final = re.compile(r"/api/(?:(?:v\d+|latest)/)?(.*)\Z")
_PUBLIC: Final = ("token/", "token/refresh/")


def _special() -> list[Route]:
    table: list[tuple[str, str, Handler]] = [
        ("POST", "token/", tokens.login),
        ("POST", "token/refresh/", tokens.refresh),
        ("GET", "versions/", cluster.versions),
        ("GET", "monitors/ad_hoc_query/", cluster.ad_hoc_query),
        ("DELETE", "folders/delete_folder/", cluster.delete_folder),
        ("POST", "folders/stat_path/", cluster.stat_path),
        ("POST", r"snapshots/(\d+)/clone/", streams.clone),
        ("PATCH", r"globalsnapstreams/(\d+)/stop/?", streams.stop),
    ]
    return [(method, re.compile(path + r"\Z"), handler) for method, path, handler in table]


def _of_objects() -> list[Route]:
    found: list[Route] = []
    for kind, resource in RESOURCES.items():
        all_of, one = re.compile(rf"{kind}/\Z"), re.compile(rf"{kind}/(\d+)/\Z")
        table: list[tuple[str, re.Pattern[str], Any]] = [
            ("GET", all_of, objects.listing),
            ("POST", all_of, objects.create),
            ("GET", one, objects.read),
            ("PATCH", one, objects.change),
            ("DELETE", one, objects.delete),
        ]
        found += [
            (method, path, partial(_of_kind, handler, kind))
            for method, path, handler in table
            if method in resource.methods
        ]
    return found


def _of_kind(handler: Handler, kind: str, call: Call, *ids: int) -> Reply:
    return handler(call, kind, *ids)


ROUTES: Final[list[Route]] = _special() + _of_objects()


def below_base(path: str) -> str:
    """A path without /api/ and version; Refusal for every other one."""
    found = _BASE.match(path)
    if found is None:
        raise Refusal(404, "Not found.")
    return found[1]


def perform(call: Call) -> Reply:
    """Do what is asked for.  Raises Refusal."""
    if call.path not in _PUBLIC:
        tokens.check(call.tx, call.headers)
        call.tenant = tokens.tenant(call.tx, call.headers)
    known = [(method, found, handler) for method, found, handler in _matching(call.path)]
    for method, found, handler in known:
        if method == call.method:
            return handler(call, *map(int, found.groups()))
    raise Refusal(405, "Method not allowed.") if known else Refusal(404, "Not found.")


def _matching(path: str) -> list[tuple[str, re.Match[str], Handler]]:
    found = ((method, pattern.match(path), handler) for method, pattern, handler in ROUTES)
    return [(method, match, handler) for method, match, handler in found if match]
