"""The fact tables of ../shared/api, for tests; ABACA_SHARED says where else they are.

`require()` skips a test, with the reason, where the tables are absent.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("ABACA_SHARED", CHECKOUT.parent / "shared"))
API = SHARED / "api"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def present() -> bool:
    return (API / "routes.yaml").is_file()


def require() -> None:
    if not present():
        pytest.skip(f"no fact tables at {API}; set ABACA_SHARED")


@cache
def load(name: str) -> dict[str, Any]:
    """`load("routes")` is the whole of routes.yaml."""
    require()
    found: dict[str, Any] = yaml.load((API / f"{name}.yaml").read_text(), Loader=_Loader)
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
