"""The OpenAPI documents: valid, complete, one per microversion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from abaca.api import openapi
from abaca.api.registry import load
from api.sample import make_client, make_registry

REGISTRY = make_registry()
DRAFT = jsonschema.Draft202012Validator


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


@pytest.mark.parametrize("version", [0, 6, 7, 28, 29, 65, 69, 99])
@pytest.mark.parametrize("registry", [REGISTRY, load()], ids=["sample", "abaca"])
def test_documents_are_sound(registry: Any, version: int) -> None:
    document = openapi.document(registry, version)
    assert document["openapi"] == "3.1.0"
    ids = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            ids.append(operation["operationId"])
            named = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)
            assert any(code[0] == "2" for code in operation["responses"])
    assert len(ids) == len(set(ids))
    for schema in document["components"]["schemas"].values():
        DRAFT.check_schema(schema)
    for node in walk(document):
        if "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            assert name in document["components"][kind]
        if isinstance(node.get("schema"), dict):
            DRAFT.check_schema(node["schema"])


def test_routes_and_fields_are_those_of_the_version() -> None:
    old, new = (openapi.document(REGISTRY, version) for version in (6, 70))
    assert "/v2/shares/{id}/action" not in old["paths"]
    action = new["paths"]["/v2/shares/{id}/action"]["post"]
    assert action["operationId"] == "shares.action"
    body = action["requestBody"]["content"]["application/json"]["schema"]
    assert [choice["required"] for choice in body["oneOf"]] == [
        ["extend"],
        ["shrink"],
        ["soft_delete"],
        ["migration_start"],
    ]
    assert set(action["responses"]) >= {"200", "202", "400"}
    cars = [document["components"]["schemas"]["test_car"] for document in (old, new)]
    assert "old" in cars[0]["properties"]
    assert "old" not in cars[1]["properties"]
    assert "host" in cars[1]["properties"]
    assert "host" not in cars[1]["required"]


def test_a_place_has_one_spelling() -> None:
    paths = openapi.document(REGISTRY, 99)["paths"]
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in paths]
    assert len(shapes) == len(set(shapes))


def test_answers_match_their_schema() -> None:
    document = openapi.document(REGISTRY, 65)
    for path, key in (("/v2/shares/1", "share"), ("/v2/shares/detail", "shares")):
        answer = make_client().ask("GET", path, v="2.65").json[key]
        for car in answer if isinstance(answer, list) else [answer]:
            DRAFT(document["components"]["schemas"]["test_car"]).validate(car)


def test_over_http() -> None:
    client = make_client()
    headers = {"X-Auth-Token": None}
    for asked, version in (("?version=2.7", "2.7"), ("", "2.99")):
        answer = client.ask("GET", f"/v2/openapi{asked}", v=None, headers=headers)
        assert answer.json["info"]["version"] == version
    for asked in ("2.100", "x", "latest", "2"):
        path = f"/v2/openapi?version={asked}"
        assert client.ask("GET", path, v=None, headers=headers).status_code == 400


def test_export(tmp_path: Path) -> None:
    written = openapi.export(REGISTRY, tmp_path / "docs", [0, 99])
    assert [path.name for path in written] == ["abaca-2.0.json", "abaca-2.99.json"]
    assert json.loads(written[0].read_text())["info"]["version"] == "2.0"
