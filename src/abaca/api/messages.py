"""User messages: what went wrong with a resource, in words its owner understands."""

from __future__ import annotations

from abaca.api.bodies.times import Moment
from abaca.api.kinds import Text
from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.api.schema import Field, paged, sorting
from abaca.api.views.messages import MESSAGE
from abaca.model.messages import SORT_KEYS
from abaca.service import messages as service

_EQUAL = ("action_id", "detail_id", "message_level", "request_id", "resource_id", "resource_type")
_QUERY = paged(
    *(Field(name, Text()) for name in _EQUAL),
    Field("created_since", Moment(), since="2.52"),
    Field("created_before", Moment(), since="2.52"),
    *sorting(*SORT_KEYS),
)


@route(
    "GET",
    "/messages",
    id="messages.index",
    min="2.37",
    policy="message:get_all",
    query=_QUERY,
    returns={"messages": [MESSAGE], "messages_links?": "array"},
)
def index(req: Request) -> Answer:
    """List the user messages."""
    query, page = req.query, req.page()
    found = service.find(
        req.env,
        req.context,
        equal={name: query[name] for name in _EQUAL if name in query},
        since=query.get("created_since"),
        before=query.get("created_before"),
        sort_key=query["sort_key"],
        descending=page.descending,
        limit=page.limit,
        offset=page.offset,
        marker=page.marker,
    )
    return req.many("messages", MESSAGE, found, links="messages_links")


@route(
    "GET",
    "/messages/{message_id}",
    id="messages.show",
    min="2.37",
    policy="message:get",
    returns={"message": MESSAGE},
)
def show(req: Request, message_id: str) -> Answer:
    """Show a user message."""
    return req.one("message", MESSAGE, service.get(req.env, req.context, message_id))


@route(
    "DELETE",
    "/messages/{message_id}",
    id="messages.delete",
    min="2.37",
    policy="message:delete",
    success=204,
)
def delete(req: Request, message_id: str) -> None:
    """Delete a user message."""
    service.delete(req.env, req.context, message_id)
