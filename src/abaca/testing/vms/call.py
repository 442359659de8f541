"""One request as the handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abaca.testing.vms.refusal import Refusal
from abaca.testing.vms.state import Row, Tx

Query = Mapping[str, list[str]]


@dataclass
class Call:
    """A request in its transaction."""

    tx: Tx
    method: str
    path: str  # below /api/, without the version
    query: Query
    body: Any
    tenant: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """A word of the query."""
        found = self.query.get(name)
        return found[-1] if found else None

    def given(self) -> Row:
        """The body, which must be an object."""
        if not isinstance(self.body, dict):
            raise Refusal(400, "the body must be a JSON object")
        return dict(self.body)


@dataclass(frozen=True)
class Reply:
    """A success."""

    status: int = 200
    body: Any = None  # None: no body at all
