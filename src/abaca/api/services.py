"""Services: what runs where, taking backends out of use, looking after their shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abaca.api.kinds import Bool, Text
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Body, Field
from abaca.api.views.services import SERVICE, SERVICE_UPDATE
from abaca.model.errors import BadRequest, NotFound
from abaca.service import services as service
from abaca.service.services import Seen

_FILTERS: dict[str, Callable[[Seen], Any]] = {
    "host": lambda seen: seen.service.host,
    "binary": lambda seen: seen.service.binary,
    "topic": lambda seen: seen.service.topic,
    "zone": lambda seen: seen.service.zone,
    "state": lambda seen: seen.state,
    "status": lambda seen: seen.status,
    "ensuring": lambda seen: seen.service.ensuring,
}
_QUERY = (
    *(Field(name, Text()) for name in _FILTERS if name != "ensuring"),
    Field("ensuring", Text(), since="2.93"),
)
_LIST = {"services": [SERVICE]}
_CHANGED = {"host": "string", "binary": "string", "status": "string"}
_WORDS = {"enable": False, "disable": True}  # what `disabled` becomes
_UPDATE = Body(
    None,
    Field("host", Text(min=1), required=True),
    Field("binary", Text(min=1), required=True),
    Field(
        "disabled_reason",
        Text(min=1, strip=True, blank=False),
        null=True,
        since="2.83",
        before="refuse",
    ),
)


class _AlsoBare(Body):
    """Both clients in use send {"host": ...}; the API reference says {"ensure_shares": {...}}."""

    def _inner(self, document: Any) -> Any:
        if isinstance(document, dict) and "host" in document:
            return document
        return super()._inner(document)


_ENSURE = _AlsoBare("ensure_shares", Field("host", Text(min=1), required=True), unknown="refuse")


@route(
    "GET",
    "/os-services",
    id="services.legacy.index",
    max="2.6",
    policy="service:index",
    query=_QUERY,
    returns=_LIST,
)
@route(
    "GET",
    "/services",
    id="services.index",
    min="2.7",
    policy="service:index",
    query=_QUERY,
    returns=_LIST,
)
def index(req: Request) -> Answer:
    """List the services."""
    wanted = dict(req.query)
    if "ensuring" in wanted:
        wanted["ensuring"] = _truth(wanted["ensuring"], req.version)
    found = [
        seen
        for seen in service.find(req.env, req.context)
        if all(_FILTERS[name](seen) == value for name, value in wanted.items())
    ]
    return req.many("services", SERVICE, found)


def _truth(text: str, version: int) -> bool | None:
    """A word that is no boolean fits no service."""
    try:
        return Bool().decode(text, "ensuring", version)
    except BadRequest:
        return None


@route(
    "PUT",
    "/os-services/{word}",
    id="services.legacy.update",
    max="2.6",
    policy="service:update",
    body=_UPDATE,
    returns=_CHANGED,
)
@route(
    "PUT",
    "/services/{word}",
    id="services.update",
    min="2.7",
    policy="service:update",
    body=_UPDATE,
    returns=_CHANGED,
)
def update(req: Request, word: str) -> Answer:
    """Enable or disable a service: the path ends with one of these words."""
    if word not in _WORDS:
        raise NotFound(f"A service can be told enable or disable, not {word[:60]!a}.")
    given = req.body
    changed = service.set_disabled(
        req.env,
        req.context,
        given["host"],
        given["binary"],
        _WORDS[word],
        given.get("disabled_reason"),
    )
    return req.view(SERVICE_UPDATE).one(changed)


@route(
    "POST",
    "/services/ensure-shares",
    id="services.ensure_shares",
    min="2.86",
    policy="service:ensure_shares",
    success=202,
    body=_ENSURE,
)
def ensure_shares(req: Request) -> None:
    """Have a backend look after all its shares again."""
    service.ensure_shares(req.env, req.context, req.body["host"])
