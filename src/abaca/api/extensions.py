"""API extensions: there are none, and old clients ask for the list."""

from __future__ import annotations

from typing import NoReturn

from abaca.api.registry import route
from abaca.api.request import Body as Answer
from abaca.api.request import Request
from abaca.model.errors import NotFound


@route("GET", "/extensions", id="extensions.index", returns={"extensions": "array"})
def index(req: Request) -> Answer:
    """List the API extensions."""
    return {"extensions": []}


@route("GET", "/extensions/{alias}", id="extensions.show")
@route("DELETE", "/extensions/{alias}", id="extensions.delete")
def show(req: Request, alias: str) -> NoReturn:
    """No extension can be shown or deleted."""
    raise NotFound(noun="Extension", id=alias[:60])


@route("POST", "/extensions", id="extensions.create")
def create(req: Request) -> NoReturn:
    """No extension can be created."""
    raise NotFound("Extensions cannot be created.")
