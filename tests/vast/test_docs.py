"""docs/drivers/vast.md tells all options, with their defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from oslo_config import cfg

from abaca.config import classes
from abaca.drivers.vast.options import VAST_OPTS

PAGE = (Path(__file__).parents[2] / "docs" / "drivers" / "vast.md").read_text()
ROWS = dict(re.findall(r"^\| (`vast_[^|]*)\|([^|]*)\|", PAGE, re.MULTILINE))
DEFAULTS = {
    name: value.strip() for names, value in ROWS.items() for name in re.findall(r"\w+", names)
}


@pytest.mark.parametrize("option", VAST_OPTS, ids=lambda option: option.name)
def test_every_option_is_told(option: cfg.Opt) -> None:
    assert DEFAULTS[option.name] == ("" if option.default in (None, "") else str(option.default))


def test_no_option_is_told_that_is_not_there() -> None:
    assert DEFAULTS.keys() == {option.name for option in VAST_OPTS}


@pytest.mark.parametrize(
    "path",
    [
        "manila.share.drivers.vastdata.driver.VASTShareDriver",
        "manila.share.drivers.vastdata.VASTShareDriver",
    ],
)
def test_upstream_class_paths_are_ours(path: str) -> None:
    assert classes.driver_class(path) == "abaca.drivers.vast.driver.VastShareDriver"
