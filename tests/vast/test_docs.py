"""docs/drivers/vast.md tells all options, with their defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abaca.config import classes
from abaca.config.drivers.vast import VAST
from abaca.config.options import Option

PAGE = (Path(__file__).parents[2] / "docs" / "drivers" / "vast.md").read_text()
ROWS = dict(re.findall(r"^\| (`vast_[^|]*)\|([^|]*)\|", PAGE, re.MULTILINE))
DEFAULTS = {
    name: value.strip() for names, value in ROWS.items() for name in re.findall(r"\w+", names)
}


@pytest.mark.parametrize("option", VAST, ids=lambda option: option.name)
def test_every_option_is_told(option: Option) -> None:
    assert DEFAULTS[option.name] == ("" if option.default in (None, "") else str(option.default))


def test_no_option_is_told_that_is_not_there() -> None:
    assert DEFAULTS.keys() == {option.name for option in VAST}


@pytest.mark.parametrize(
    "path",
    [
        "manila.share.drivers.vastdata.driver.VASTShareDriver",
        "manila.share.drivers.vastdata.VASTShareDriver",
    ],
)
def test_upstream_class_paths_are_ours(path: str) -> None:
    assert classes.driver_class(path) == "abaca.drivers.vast.driver.VastShareDriver"
