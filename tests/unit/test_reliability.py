"""The page with the figures says what was measured."""

from __future__ import annotations

from pathlib import Path

from abaca.testing import reliability

ROOT = Path(__file__).parents[2]
PAGE = "before\n<!-- figures: crash -->\nold\n<!-- end -->\nafter\n"


def test_the_page_has_the_figures_of_the_last_runs() -> None:
    page = (ROOT / reliability.PAGE).read_text()
    figures = reliability.load(ROOT / reliability.FIGURES)
    again = "run: python -m abaca.testing.reliability"
    assert reliability.fill(page, figures) == page, again


def test_each_method_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    for method, number in (("crash", 1), ("simulation", 2), ("crash", 3)):
        reliability.record(file, method, ["points"], [[number]])
    found = reliability.load(file)
    assert {method: table["rows"] for method, table in found.items()} == {
        "crash": [[3]],
        "simulation": [[2]],
    }


def test_figures_take_the_place_of_the_old_ones() -> None:
    table = {"measured": "today", "columns": ["a", "b"], "rows": [[1, 2], ["all", 3]]}
    filled = reliability.fill(PAGE, {"crash": table})
    assert "| a | b |\n| --- | --- |\n| 1 | 2 |\n| all | 3 |" in filled
    assert "Measured today." in filled and "old" not in filled
    assert filled.startswith("before\n") and filled.endswith("<!-- end -->\nafter\n")
    assert reliability.fill(filled, {"crash": table}) == filled


def test_plain_figures_are_a_table_too() -> None:
    filled = reliability.fill(PAGE, {"crash": {"planted_bugs": 10}})
    assert "| planted bugs | 10 |" in filled


def test_what_was_not_measured_is_not_claimed() -> None:
    assert "Not measured yet." in reliability.fill(PAGE, {})
