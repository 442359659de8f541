"""OpenAPI 3.1 documents, one per microversion, generated from the registry and the views."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from abaca.api import idempotency
from abaca.api.registry import Registry, Route, shape
from abaca.api.versions import (
    EXPERIMENTAL_HEADER,
    MAX_TEXT,
    MIN_TEXT,
    VERSION_HEADER,
    minor,
    text,
)
from abaca.api.views.fields import Representation
from abaca.model.errors import BadRequest
from abaca.web import faults

Json = dict[str, Any]
FAULT_CODES = (400, 401, 403, 404, 406, 409, 413, 422, 503)
BODY_METHODS = frozenset({"POST", "PUT"})


def asked(version: str | None) -> int:
    """The version parameter of a request for the document."""
    try:
        return minor(version or MAX_TEXT)
    except ValueError:
        raise BadRequest(
            f"There is no document for this version; ask for {MIN_TEXT} to {MAX_TEXT}."
        ) from None


@lru_cache(maxsize=8)
def document_bytes(registry: Registry, version: int) -> bytes:
    return msgspec.json.encode(document(registry, version))


def export(registry: Registry, directory: Path, versions: Iterable[int]) -> list[Path]:
    """Write the documents of these versions as `abaca-2.<n>.json`; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for version in versions:
        target = directory / f"abaca-{text(version)}.json"
        target.write_bytes(msgspec.json.format(document_bytes(registry, version)))
        written.append(target)
    return written


def document(registry: Registry, version: int) -> Json:
    """The whole API at one microversion."""
    schemas: Json = {"fault": _fault_schema(), "link": _link_schema()}
    paths: dict[str, dict[str, Json]] = {}
    spelling: dict[str, str] = {}  # one for each place, whatever routes call its variables
    for route in registry.routes:
        if version in route.versions:
            path = spelling.setdefault(shape(route.path), route.path)
            operations = paths.setdefault(f"/v2{path}", {})
            _add(operations, msgspec.structs.replace(route, path=path), version, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shared file systems", "version": text(version)},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
            },
            "responses": {"fault": _fault_response()},
        },
    }


def _add(operations: dict[str, Json], route: Route, version: int, schemas: Json) -> None:
    """A route as an operation; the actions of one path share an operation."""
    method = route.method.lower()
    fresh = _operation(route, version, schemas)
    known = operations.get(method)
    if known is None or route.action is None:
        operations[method] = fresh
        return
    known["operationId"] = re.sub(r"\.action\..*", ".action", known["operationId"])
    known["summary"] += f" | {route.summary or route.action}"
    content = known["requestBody"]["content"]["application/json"]
    one = content["schema"]
    choices = one.get("oneOf", [one])
    more = fresh["requestBody"]["content"]["application/json"]["schema"]
    content["schema"] = {"oneOf": [*choices, more]}
    for code, response in fresh["responses"].items():
        known["responses"][code] = _either(known["responses"].get(code), response)


def _either(first: Json | None, second: Json) -> Json:
    """A response that is one of two."""
    if first is None or first == second:
        return second
    bodies = [_schemas_of(r) for r in (first, second)]
    found = [schema for part in bodies for schema in part]
    if not found:
        return second
    said = "Done." if all(bodies) else "Done. Some of these actions answer without a body."
    return {"description": said, "content": _json({"anyOf": found})}


def _schemas_of(response: Json) -> list[Json]:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return []
    found: list[Json] = schema.get("anyOf", [schema])
    return found


def _operation(route: Route, version: int, schemas: Json) -> Json:
    found: Json = {
        "operationId": route.id,
        "summary": route.summary or route.id,
        "tags": [route.id.split(".")[0]],
        "parameters": list(_parameters(route, version)),
        "responses": _responses(route, version, schemas),
    }
    if route.method in BODY_METHODS and (route.body is not None or route.action is not None):
        found["requestBody"] = {"required": True, "content": _json(_body_schema(route, version))}
    if route.extension:
        found["x-abaca-extension"] = True
    return found


def _body_schema(route: Route, version: int) -> Json:
    if route.body is None:
        return {"type": "object", "required": [route.action], "properties": {route.action: {}}}
    schema = route.body.schema(version)
    if route.action is not None:
        inner = next(iter(schema.get("properties", {"": {}}).values()))
        schema = {
            "type": "object",
            "properties": {route.action: inner},
            "required": [route.action],
            "additionalProperties": False,
        }
    return schema


def _parameters(route: Route, version: int) -> Iterator[Json]:
    for name in re.findall(r"\{(\w+)\}", route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for param in route.query:
        if version in param.versions:
            yield {
                "name": param.name,
                "in": "query",
                "required": param.required,
                "schema": param.schema(version),
            }
    yield {
        "name": VERSION_HEADER,
        "in": "header",
        "required": True,
        "schema": {"type": "string", "const": text(version)},
    }
    if route.method == "POST":
        yield {
            "name": idempotency.HEADER,
            "in": "header",
            "required": False,
            "description": "The same key with the same request: the same answer, and one effect.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": idempotency.MAX_KEY,
                "pattern": "^[ -~]+$",
            },
        }
    if route.experimental is not None and version in route.experimental:
        yield {
            "name": EXPERIMENTAL_HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string", "const": "true"},
        }


def _responses(route: Route, version: int, schemas: Json) -> Json:
    success: Json = {"description": "Done."}
    if route.returns is not None:
        success["content"] = _json(_returned(route.returns, version, schemas))
    found: Json = {str(code): success for code in (route.success, *route.also)}
    for code in FAULT_CODES:
        found[str(code)] = {"$ref": "#/components/responses/fault"}
    return found


def _returned(returns: Any, version: int, schemas: Json) -> Json:
    """JSON Schema of a `returns` declaration; a key that ends with ? may be absent."""
    if isinstance(returns, Representation):
        if returns.name not in schemas:
            schemas[returns.name] = returns.schema(version)
        return {"$ref": f"#/components/schemas/{returns.name}"}
    if isinstance(returns, list):
        return {"type": "array", "items": _returned(returns[0], version, schemas)}
    if isinstance(returns, dict):
        return {
            "type": "object",
            "properties": {
                key.rstrip("?"): _returned(value, version, schemas)
                for key, value in returns.items()
            },
            "required": [key for key in returns if not key.endswith("?")],
        }
    return {"type": returns} if isinstance(returns, str) else {}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _link_schema() -> Json:
    return {
        "type": "object",
        "properties": {"rel": {"type": "string"}, "href": {"type": "string"}},
        "required": ["rel", "href"],
    }


def _fault_schema() -> Json:
    names = sorted({*faults.NAMES.values(), faults.OTHER_NAME})
    return {
        "type": "object",
        "propertyNames": {"enum": names},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {
            "type": "object",
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "retryAfter": {"type": "string"},
            },
            "required": ["code", "message"],
        },
    }


def _fault_response() -> Json:
    return {
        "description": "What was wrong.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/fault"}},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
