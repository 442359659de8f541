"""The option tables are sound: walked as data."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from oslo_config import cfg

import abaca
from abaca.config import catalog, classes, later, network
from abaca.config.drivers.table import DESCRIBED, DRIVER_OPTIONS, driver_options
from abaca.config.masking import secret_name
from abaca.config.options import Kind, Mark, Option
from abaca.config.oslo import described, opt

TABLES = {
    **catalog.SECTIONS,
    "every backend": catalog.PER_BACKEND,
    "network section": network.NETWORK,
    "drivers": DESCRIBED,
}

REFERENCES = ("state_path", "share_mount_path", "ganesha_config_dir")  # in defaults, after $


ROWS = [
    pytest.param(row, id=f"{section}-{row.name}")
    for section, table in TABLES.items()
    for row in table
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_an_option(row: Option) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(opt(row), "x")
    conf.register_opts([cfg.StrOpt(name) for name in REFERENCES])
    conf([])
    value = conf["x"][row.name]
    if row.default is None or any(f"${name}" in str(row.default) for name in REFERENCES):
        return
    expected = list(row.default) if isinstance(row.default, tuple) else row.default
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_it_is_for(row: Option) -> None:
    assert row.help and row.help == row.help.strip()
    assert not row.choices or row.kind is Kind.TEXT
    assert row.default is None or not row.choices or row.default in row.choices


@pytest.mark.parametrize("row", ROWS)
def test_a_name_that_sounds_secret_is_secret(row: Option) -> None:
    if secret_name(row.name) and row.kind is Kind.TEXT and row.mark is not Mark.IGNORED:
        assert row.secret


@pytest.mark.parametrize("section", [*catalog.SECTIONS, "every backend"])
def test_names_are_unique(section: str) -> None:
    counted = Counter(row.name for row in TABLES[section])
    assert not [name for name, count in counted.items() if count > 1]


def test_a_backend_and_default_know_the_same_row() -> None:
    default = {row.name: row for row in catalog.SECTIONS[catalog.DEFAULT]}
    assert all(default[row.name] is row for row in catalog.PER_BACKEND)


@pytest.mark.parametrize("driver", DRIVER_OPTIONS)
def test_options_of_every_driver(driver: str) -> None:
    names = Counter(described(row).name for row in driver_options(driver))
    assert not [name for name, count in names.items() if count > 1]


SOURCES = Path(abaca.__file__).parent
READERS = [
    path.read_text()
    for path in SOURCES.rglob("*.py")
    if path.parent.name != "config" or path.stem in ("__init__", "loading", "plan", "view")
]
MADE_UP = ("share_service_inithost_offload",)  # always so, whatever is said


@pytest.mark.parametrize("section", [*catalog.SECTIONS, "every backend"])
def test_what_is_called_used_is_read_somewhere_and_what_is_later_is_not(section: str) -> None:
    """Else `config check` would promise what is not so."""
    for row in map(described, TABLES[section]):
        if row.library or row.mark is Mark.IGNORED or row.name in MADE_UP:
            continue
        name = re.escape(row.name)
        read = any(re.search(rf"\.{name}\b|[\"']{name}[\"']", text) for text in READERS)
        if section not in later.SECTIONS:
            assert read is not later.is_later(section, row.name), row.name


def test_every_upstream_driver_we_translate_has_options() -> None:
    assert set(classes.DRIVERS.values()) <= set(DRIVER_OPTIONS)
    assert set(classes.ADVICE) <= set(DRIVER_OPTIONS)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("scheduler_max_attempts", 3),
        ("cleanup_interval", 1800),
        ("soft_deleted_share_retention_time", 604800),
        ("max_over_subscription_ratio", 20.0),
        ("protocol_access_mapping", {"ip": ["nfs"], "user": ["cifs"]}),
        ("unused_share_server_cleanup_interval", 10),
        ("share_backup_name_template", "share-backup-%s"),
        ("standalone_network_plugin_mtu", 1500),
    ],
)
def test_defaults_are_upstreams(name: str, default: object) -> None:
    (row,) = [row for row in catalog.SECTIONS[catalog.DEFAULT] if row.name == name]
    assert row.default == default


@pytest.mark.parametrize("table", [classes.SCHEDULERS, classes.NETWORK_PLUGINS])
def test_mapped_classes(table: dict[str, str]) -> None:
    assert {classes.mapped(path, table) for path in table} == set(table.values())
    assert classes.mapped("acme.plugins.Plugin", table) == "acme.plugins.Plugin"
    for path in ("manila.no.such", "x y", "", "a.b\nc"):
        with pytest.raises(Exception, match="use one of"):
            classes.mapped(path, table)
