"""The documents describe what the edge does: schemathesis finds no difference."""

from __future__ import annotations

import pytest

from api import schema_walk
from api.sample import TOKEN, make_app

BROKEN = ("/v2/types", "/v2/messages/{id}")  # the sample's own bugs


@pytest.mark.parametrize("version", [6, 29, 65, 99])
def test_answers_are_as_documented(version: int) -> None:
    assert schema_walk.walk(make_app(), TOKEN, version=version, without=BROKEN) == []


def test_what_the_document_calls_valid_is_accepted() -> None:
    """Not for lists: a dictionary literal in a query string is described as any text."""
    without = (*BROKEN, "/v2/shares", "/v2/shares/detail")
    checks = schema_walk.STRICT
    assert schema_walk.walk(make_app(), TOKEN, version=65, checks=checks, without=without) == []
