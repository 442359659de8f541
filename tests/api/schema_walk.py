"""Schemathesis against an application: generated requests of its own OpenAPI document.

    problems = walk(app, token, version=65)

No answer may be a 5xx, undocumented, or different from its schema; what the document calls valid
must not be refused as malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# some actions answer nothing, others of the same path and status do; OpenAPI cannot say which
WITHOUT_BODY = [not_a_server_error, status_code_conformance]
STRICT = [*CHECKS, positive_data_acceptance]


def walk(
    app: Any,
    token: str,
    *,
    version: int,
    examples: int = 25,
    checks: Iterable[Callable[..., Any]] = CHECKS,
    without: Iterable[str] = (),
    ids: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
) -> list[str]:
    """The failures of every operation whose path is not in `without`.

    ids: {(method, path): variables of that path} that are there; half of the requests use them.
    """
    schema = schemathesis.openapi.from_wsgi(f"/v2/openapi?version=2.{version}", app)
    headers = {
        "X-Auth-Token": token,
        "X-OpenStack-Manila-API-Version": f"2.{version}",
        "X-OpenStack-Manila-API-Experimental": "true",
    }
    found: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path not in without:
            there = (ids or {}).get((operation.method.upper(), operation.path), {})
            found += _operation(operation, headers, examples, list(checks), there)
    return found


def _operation(
    operation: Any,
    headers: dict[str, str],
    examples: int,
    checks: list[Callable[..., Any]],
    there: Mapping[str, str],
) -> list[str]:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=strategies.booleans())
    def requests(case: Any, real: bool) -> None:
        if there and real:
            case.path_parameters = {**case.path_parameters, **there}
        response = case.call(headers=headers)
        empty = operation.path.endswith("/action") and not response.content
        case.validate_response(response, checks=WITHOUT_BODY if empty else checks)

    try:
        requests()
    except FailureGroup as group:
        name = f"{operation.method.upper()} {operation.path}"
        return [f"{name}: {failure.title}: {failure.message}" for failure in group.exceptions]
    return []
