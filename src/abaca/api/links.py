"""Links in bodies: where a resource is, and where the next page is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from abaca.model.errors import BadRequest
from abaca.web.hosts import is_host


class Bases(msgspec.Struct, frozen=True):
    """What links of one request start with; each ends with a slash."""

    root: str  # http://host:8786/
    own: str  # http://host:8786/v2/ or http://host:8786/v2/<project>/
    bookmark: str  # the same without v2


def bases(root: str, project: str | None) -> Bases:
    """The bases of a request; `project` is the segment of its URL, if it had one."""
    tail = f"{project}/" if project else ""
    return Bases(root, f"{root}v2/{tail}", f"{root}{tail}")


def root_of(environ: Mapping[str, Any], configured: str | None, proxied: bool = False) -> str:
    """Scheme and host as the client used them, or as `osapi_share_base_URL` says.

    `proxied`: a proxy in front says them in X-Forwarded-Proto and X-Forwarded-Host.
    BadRequest for a host that is none: nothing else is repeated in an answer.
    """
    if configured:
        return configured.rstrip("/") + "/"
    scheme = environ.get("wsgi.url_scheme", "http")
    host = environ.get("HTTP_HOST")
    if proxied:
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", scheme)
        host = environ.get("HTTP_X_FORWARDED_HOST", host)
    if not host:
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '8786')}"
    elif not is_host(host) or scheme not in ("http", "https"):
        raise BadRequest("Host, X-Forwarded-Host or X-Forwarded-Proto is not valid.")
    return f"{scheme}://{host}{environ.get('SCRIPT_NAME', '')}/"


def next_link(path: str, query: Mapping[str, str], last_id: Any) -> dict[str, str]:
    """The link to the page after the record `last_id`: the same query with a marker.

    `offset` is left out: the marker says where to go on.
    """
    again = {key: value for key, value in query.items() if key not in ("marker", "offset")}
    again["marker"] = str(last_id)
    return {"rel": "next", "href": f"{path}?{urlencode(again)}"}
