"""docs/manager-methods.md tells the truth: no method of the seed is forgotten."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from abaca.manager import kinds

ROOT = Path(__file__).parents[2]
TABLE = re.findall(
    r"^\| `(\w+)` \| (operation|function|later) \| (.+?) \|$",
    (ROOT / "docs" / "manager-methods.md").read_text(),
    re.MULTILINE,
)


@pytest.mark.parametrize(("method", "kind", "where"), TABLE, ids=[row[0] for row in TABLE])
def test_a_seed_method_is_where_the_table_says(method: str, kind: str, where: str) -> None:
    if kind == "operation":
        registered = kinds.load()
        assert method in registered or where.partition("`")[2].partition("`")[0] in registered
    elif kind == "function":
        path, _, name = where.partition("`")[2].partition("`")[0].partition(": ")
        found: object = importlib.import_module(
            f"abaca.{path.removesuffix('.py').replace('/', '.')}"
        )
        for part in name.split("."):
            found = getattr(found, part)
    else:
        assert not (ROOT / "src/abaca/manager" / f"{where}.py").exists(), f"{where} exists by now"


def test_every_method_of_the_seed_manager_is_in_the_table() -> None:
    seeds = list((ROOT.parent / "shared" / "seeds").glob("001*"))
    if not seeds:
        pytest.skip("the seed documents are not beside this checkout")
    text = seeds[0].read_text().partition("ShareManager")[2].partition("add_hooks")[0]
    methods = set(re.findall(r"\b([a-z]+(?:_[a-z]+)+)\n\((?:context|ctxt|\*\*kwargs|\))", text))
    assert len(methods) > 40
    assert methods - {row[0] for row in TABLE} == set()
