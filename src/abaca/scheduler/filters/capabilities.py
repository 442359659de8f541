"""CapabilitiesFilter: the pool can do what the extra specs of the share type demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abaca.model.type_specs import refusal

from ..operators import Match, matcher
from ..pools import Pool
from ..request import PlacementRequest
from ..text import shown
from .base import Check, Filter

IGNORED = frozenset(("availability_zones", "default_qos_type"))  # other parts see to these
Demand = tuple[tuple[str, ...], str, Match]  # path to the capability, requirement, its test


def prepare(request: PlacementRequest, pools: Sequence[Pool]) -> Check | None:
    specs = {name: str(value) for name, value in (request.extra_specs or {}).items()}
    scoped = {name: value for name, value in specs.items() if ":" in name}
    demands = _demands(request.requirements())
    if request.spec("default_qos_type"):
        demands.append((("qos_type_support",), "<is> True", matcher("<is> True")))
    if not demands and not scoped:
        return None

    def check(pool: Pool) -> str | None:
        capabilities = pool.capabilities
        for path, requirement, match in demands:
            value = capabilities.get(path[0])
            if len(path) > 1:
                value = _walk(value, path[1:])
            if value is None or not match(value):
                return _reason(path, requirement, value)
        return refusal(capabilities.get("extra_specs"), scoped)

    return check


def _demands(specs: Mapping[str, str]) -> list[Demand]:
    demands = []
    for key, requirement in specs.items():
        path = tuple(key.split(":"))
        if path[0] == "capabilities" and len(path) > 1:
            path = path[1:]
        elif len(path) > 1 or key in IGNORED:
            continue  # in the scope of a driver, which says what it knows of them
        demands.append((path, requirement, matcher(requirement)))
    return demands


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _reason(path: tuple[str, ...], requirement: str, value: Any) -> str:
    name = ":".join(path)
    if value is None:
        return f"it does not report {shown(name)}, the share type demands {shown(requirement)}"
    return f"its {name} is {shown(value)}, the share type demands {shown(requirement)}"


CAPABILITIES = Filter(
    "CapabilitiesFilter",
    "008",
    ("lacks what the share type asks for", "lack what the share type asks for"),
    prepare,
)
