"""The fact tables of the API, for tests: facts/ is a copy of ../shared/api."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FACTS = Path(__file__).with_name("facts")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "api"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load(name: str) -> dict[str, Any]:
    """`load("routes")` is the whole of routes.yaml."""
    found: dict[str, Any] = yaml.load((FACTS / f"{name}.yaml").read_text(), Loader=_Loader)
    return found


def routes() -> dict[str, dict[str, Any]]:
    """Rows of routes.yaml by id, with paths as the registry writes them."""
    return {
        row["id"]: row | {"path": row["path"].removeprefix("/v2")}
        for row in load("routes")["routes"]
        if row["path"].startswith("/v2/") and row["path"] != "/v2/"
    }


def representations() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load("fields")["representations"]
    return found


def requests() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load("requests")["requests"]
    return found


def fixed_policies(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules that always apply to a route."""
    return [policy for policy in row["policies"] if "when" not in policy]
