"""The registered API against the fact tables."""

from __future__ import annotations

import pytest

from abaca.api.registry import Registry, load
from abaca.identity.policy import Enforcer
from api import contract, tables


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load()


@pytest.mark.skipif(not tables.SHARED.is_dir(), reason="the shared documents are not beside this")
def test_the_tables_are_those_of_the_team() -> None:
    for copy in tables.FACTS.iterdir():
        assert copy.read_text() == (tables.SHARED / copy.name).read_text(), copy.name


def test_declarations_equal_the_table(registry: Registry) -> None:
    assert contract.declarations(registry) == []


def test_every_row_exists_exactly_in_its_versions(registry: Registry) -> None:
    assert contract.availability(registry) == []


def test_roles_equal_the_table(registry: Registry) -> None:
    assert contract.roles(registry, Enforcer()) == []


def test_every_rule_is_known_to_the_policy(registry: Registry) -> None:
    knows = Enforcer().knows
    assert [rule for route in registry.routes for rule in route.policy if not knows(rule)] == []


def test_fields_equal_the_table(registry: Registry) -> None:
    assert contract.fields() == []


def test_bodies_equal_the_table(registry: Registry) -> None:
    assert contract.bodies(registry) == []


def test_no_representation_of_ones_own(registry: Registry) -> None:
    assert contract.unknown_representations() == []


def test_the_packaged_table_is_current() -> None:
    """absent.json is made from routes.yaml: run scripts/make_api_absent.py after a change."""
    from abaca.api import absent

    packaged = [(r.method, r.path, r.action, r.first, r.last) for r in absent.table().routes]
    table = [
        (r["method"], r["path"], r["action"], r["min"], r["max"]) for r in tables.routes().values()
    ]
    assert packaged == table


def test_what_is_missing_is_known(registry: Registry) -> None:
    """Not a failure: `pytest -s` shows the ids still to come."""
    missing = contract.not_implemented(registry)
    assert len(missing) < len(tables.routes())
    print(f"\nnot implemented: {len(missing)} of {len(tables.routes())}")
    print("\n".join(missing))
