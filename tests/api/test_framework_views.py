"""Representations: what is shown, to whom, at which version, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from abaca.api.views.fields import (
    REPRESENTATIONS,
    Field,
    Representation,
    ViewContext,
    type_schema,
    views,
)
from api.sample import CAR, ID, Car


@pytest.fixture
def scratch() -> Iterator[None]:
    known = set(REPRESENTATIONS)
    yield
    for name in set(REPRESENTATIONS) - known:
        del REPRESENTATIONS[name]


def test_fields_come_and_go() -> None:
    def shown(version: int, admin: bool) -> list[str]:
        return list(CAR.compile(version, admin)(Car()))

    assert shown(0, False) == ["id", "name", "created_at", "links", "kind", "old"]
    assert shown(9, True) == ["id", "name", "created_at", "links", "host", "kind"]
    assert shown(20, False)[-2:] == ["version", "metadata"]


def test_values_come_from_attributes_steps_and_functions() -> None:
    assert CAR.compile(5, False)(Car())["kind"] == "small"
    assert CAR.compile(6, False)(Car())["kind"] == ID
    assert CAR.compile(8, False)(Car(name="x"))["old"] == "x"
    assert CAR.compile(44, False)(Car())["version"] == 44


def test_embedded_lists() -> None:
    found = views(CAR, ViewContext(version=3), [Car(id="a"), Car(id="b")])
    assert [car["id"] for car in found] == ["a", "b"]


@pytest.mark.usefixtures("scratch")
def test_wrong_tables_fail_at_import() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        Representation("test_twice", [Field("a"), Field("a", min="2.5")])
    with pytest.raises(ValueError, match="declared twice"):
        Representation("test_car", [Field("a")])
    with pytest.raises(ValueError, match="not an attribute"):
        Representation("test_bad", [Field("a", get="__import__('os')")])


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("string", {"type": "string"}),
        ("array(uuid)", {"type": "array", "items": {"type": "string", "format": "uuid"}}),
        ("object({a,b})", {"type": "object"}),
        ("share_network_subnet", {}),
    ],
)
def test_types(written: str, found: dict[str, object]) -> None:
    assert type_schema(written, nullable=False) == found
