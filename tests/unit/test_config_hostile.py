"""Files written by an enemy, or by an unlucky hand: one clear sentence, never a crash."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abaca.config import ConfigError, load, read
from abaca.config.effective import effective

FAKE = "abaca.drivers.fake.driver.FakeShareDriver"


def conf(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "a.conf"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a@b",
            "a#b",
            "../x",
            "/etc",
            "a/b",
            "a b",
            "-x",
            "é",
            "a\x00b",
            "$host",
            "a;b",
            "x" * 500,
        ),
        *("DEFAULT", "quota", "QUOTA", "database", "host", "debug", "state_path", "config_file"),
    ],
)
def test_backend_names(tmp_path: Path, name: str) -> None:
    path = conf(
        tmp_path,
        f"[DEFAULT]\nenabled_share_backends = {name},good\n"
        f"[good]\nshare_driver = {FAKE}\n[{name}]\nshare_driver = {FAKE}\n",
    )
    config = read([path])
    assert [b.name for b in config.backends] == ["good"]
    assert len(config.refused) == 1
    assert config.oslo.host and config.oslo.quota.shares == 50


def test_backend_names_that_differ_in_case_only(tmp_path: Path) -> None:
    path = conf(
        tmp_path,
        f"[DEFAULT]\nenabled_share_backends = a,A,a\n[a]\nshare_driver = {FAKE}\n",
    )
    config = load([path])
    assert [b.name for b in config.backends] == ["a"]
    assert set(config.refused) == {"A"}


def test_no_backend_at_all(tmp_path: Path) -> None:
    config = load([conf(tmp_path, "[DEFAULT]\nenabled_share_backends =\n")])
    assert config.backends == ()


@pytest.mark.parametrize(
    "path",
    [
        *("os.system", "x;y", "a.b()", "a..b", "../../x", "a.b\x00", "", "$(reboot)", "a." * 9999),
        *("manila.share.drivers.generic", "manila.os.system", "builtins.eval\n"),
    ],
)
def test_driver_classes(tmp_path: Path, path: str) -> None:
    """Nothing is imported, and what cannot be a class is refused."""
    file = conf(tmp_path, f"[DEFAULT]\nenabled_share_backends = x\n[x]\nshare_driver = {path}\n")
    config = read([file])
    assert config.backends == ()
    assert len(config.refused["x"]) < 400


@pytest.mark.parametrize(
    "values",
    [
        "my_ip = $my_ip",
        "share_name_template = $share_snapshot_name_template\n"
        "share_snapshot_name_template = $share_name_template",
        "host = $quota",
        "host = ${quota.shares}${nope.nope}",
        "state_path = $",
        "state_path = ${",
        "default_share_type = $$$$",
        "log_dir = \\$HOME",
        "osapi_max_limit = 1_000",
        "osapi_max_limit = 999999999999999999999999",
        "osapi_max_limit = -1",
        "osapi_max_limit = 1e3",
        "capacity_weight_multiplier = nan",
        "capacity_weight_multiplier = inf",
        "protocol_access_mapping = ip",
        "protocol_access_mapping = ip:nfs",
        "data_node_mount_options = a,b,c",
        "enabled_share_protocols = ,,,",
        "enabled_share_protocols = \x1b[31mNFS",
        "__class__ = x",
        "_ = x",
        "config_file = /etc/shadow",
        "config_dir = /",
        "default_share_type = " + "x" * 100_000,
        "x" * 100_000 + " = 1",
        "auth_strategy =",
        "filter_function = __import__('os').system('reboot')",
    ],
)
def test_values(tmp_path: Path, values: str) -> None:
    file = conf(tmp_path, f"[DEFAULT]\n{values}\n")
    config = read([file])
    effective(config)
    for finding in config.findings:
        assert len(str(finding)) < 1000 or "x" * 1000 in finding.name
    try:
        load([file])
    except ConfigError as error:
        assert str(tmp_path) in str(error)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(ConfigError):
        effective(read([conf(tmp_path, content)]))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(
        ["my_ip", "osapi_max_limit", "enabled_share_backends", "auth_strategy", "state_path"]
    ),
    value=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40),
)
def test_any_value(tmp_path: Path, name: str, value: str) -> None:
    config = read([conf(tmp_path, f"[DEFAULT]\n{name} = {value}\n")])
    effective(config)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_numbers_that_are_none(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"a.conf:2: .*is not a number"):
        load([conf(tmp_path, f"[abaca]\nlease_seconds = {value}\n")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = conf(tmp_path, "[DEFAULT]\n")
    path.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load([path])


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(dirs=[tmp_path / "none"])
