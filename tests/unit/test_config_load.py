"""load(): defaults, files, precedence, overrides."""

from __future__ import annotations

from pathlib import Path

import pytest
from oslo_config import cfg

from abaca.config import ConfigError, load, read
from abaca.config.options import text

FAKE = "abaca.drivers.fake.driver.FakeShareDriver"
LOCAL = "abaca.drivers.local.driver.LocalShareDriver"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ABACA_STATE_DIR", "ABACA_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_without_a_file_one_local_backend() -> None:
    config = load(files=[])
    (backend,) = config.backends
    assert (backend.name, backend.driver_class) == ("local", LOCAL)
    assert backend.host == f"{config.host}@local"
    assert backend.driver_handles_share_servers is False
    assert backend.backend_name == "local"
    assert config.auth == "embedded"
    assert config.database_url == "sqlite:////var/lib/abaca/abaca.sqlite"
    assert config.api_address == ("127.0.0.1", 8786)
    assert config.abaca.operations_threads_per_backend == 8
    assert (config.abaca.lease_seconds, config.abaca.heartbeat_seconds) == (1.5, 0.3)
    assert not config.findings and not config.refused


def test_two_configurations_share_nothing() -> None:
    one = load(files=[], overrides={"osapi_max_limit": 5})
    assert (one.osapi_max_limit, load(files=[]).osapi_max_limit) == (5, 1000)
    assert "osapi_max_limit" not in cfg.CONF


def test_state_directory_from_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.conf", "[DEFAULT]\nstate_path = /var/lib/manila\n")
    assert load([file]).state_path == Path("/var/lib/manila")
    monkeypatch.setenv("ABACA_STATE_DIR", "/srv/abaca")
    assert load([file]).state_path == Path("/srv/abaca")
    assert load([]).database_url == "sqlite:////srv/abaca/abaca.sqlite"


def test_later_files_and_directories_win(tmp_path: Path) -> None:
    first = write(tmp_path / "1.conf", "[quota]\nshares = 1\nsnapshots = 1\nbackups = 1\n")
    second = write(tmp_path / "2.conf", "[quota]\nsnapshots = 2\nbackups = 2\n")
    folder = tmp_path / "conf.d"
    folder.mkdir()
    write(folder / "20.conf", "[quota]\nbackups = 20\n")
    write(folder / "10.conf", "[quota]\nbackups = 10\n")
    write(folder / "30.txt", "[quota]\nbackups = 30\n")
    config = load([first, second], [folder])
    assert (config.quota.shares, config.quota.snapshots, config.quota.backups) == (1, 2, 20)
    assert [path.name for path in config.files] == ["1.conf", "2.conf", "10.conf", "20.conf"]


def test_file_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.conf", "[quota]\nshares = 9\n")
    monkeypatch.setenv("ABACA_CONFIG_FILE", str(file))
    assert load().quota.shares == 9
    assert load(files=[]).quota.shares == 50


def test_single_options_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_QUOTA__SHARES", "12")
    assert load(files=[]).quota.shares == 12
    monkeypatch.setenv("OS_QUOTA__SHARES", "dozen")
    with pytest.raises(ConfigError, match="OS_QUOTA__SHARES"):
        load(files=[])


def test_overrides_in_every_form() -> None:
    config = load(
        files=[],
        overrides={
            "enabled_share_backends": ["a", "b"],
            "quota.shares": 3,
            "data_node_mount_options": {"nfs": "ro"},
            "a": {"share_driver": FAKE, "fake_latency": "0.5"},
            "b.share_driver": "fake",
            "b.driver_handles_share_servers": True,
        },
    )
    a, b = config.backends
    assert (a.driver_class, b.driver_class) == (FAKE, FAKE)
    assert (a.driver_handles_share_servers, b.driver_handles_share_servers) == (False, True)
    assert (a.fake_latency, b.fake_latency) == (0.5, 0.0)
    assert config.quota.shares == 3
    assert config.data_node_mount_options == {"nfs": "ro"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"no_such": 1}, r"no option \[DEFAULT\] no_such"),
        ({"quota.no_such": 1}, r"no option \[quota\] no_such"),
        ({"nowhere": {"x": 1}}, r"no option \[nowhere\] x"),
        ({"quota.shares": "many"}, r"\[quota\] shares"),
    ],
)
def test_a_wrong_override_is_the_programs_mistake(
    overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(files=[], overrides=overrides)


def test_one_backend_described_by_default(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.conf",
        f"[DEFAULT]\nhost = h\nshare_driver = {FAKE}\nmax_over_subscription_ratio = 2\n"
        "fake_pools = p1,p2\n",
    )
    config = load([file])
    (backend,) = config.backends
    assert (backend.name, backend.host, backend.config_group) == ("DEFAULT", "h@DEFAULT", None)
    assert backend.max_over_subscription_ratio == 2.0
    assert backend.fake_pools == ["p1", "p2"]
    assert {f.verdict for f in config.findings} == {"ok"}


def test_the_embedded_backend_can_be_tuned(tmp_path: Path) -> None:
    file = write(tmp_path / "a.conf", "[local]\nreserved_share_percentage = 7\n")
    (backend,) = load([file]).backends
    assert (backend.driver_class, backend.reserved_share_percentage) == (LOCAL, 7)


def test_keystone_is_the_default_only_where_it_is_configured(tmp_path: Path) -> None:
    file = write(tmp_path / "a.conf", "[keystone_authtoken]\nauth_url = http://k\n")
    assert load([file]).auth == "keystone"
    assert load([], overrides={"auth_strategy": "noauthv2"}).auth == "none"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg2://u:p@h/d?x=1", "postgresql+psycopg://u:p@h/d?x=1"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////a/b.sqlite", "sqlite:////a/b.sqlite"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_database_urls(given: str, url: str) -> None:
    assert load(files=[], overrides={"database.connection": given}).database_url == url


@pytest.mark.parametrize("given", ["mysql://u:SECRET@h/d", "mysql+pymysql://u:SECRET@h/d"])
def test_mysql_is_refused_with_advice(given: str, tmp_path: Path) -> None:
    file = write(tmp_path / "a.conf", f"[database]\nconnection = {given}\n")
    with pytest.raises(ConfigError, match=r"a.conf:2: .*mysql.*PostgreSQL or SQLite") as caught:
        load([file])
    assert "SECRET" not in str(caught.value)
    second = write(tmp_path / "b.conf", "[database]\nconnection = sqlite:////x\n")
    assert load([file, second]).database_url == "sqlite:////x"


def test_a_driver_registers_its_own_options(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.conf",
        "[DEFAULT]\nenabled_share_backends = x\n[x]\nshare_driver = acme.drivers.Acme\n"
        "driver_handles_share_servers = false\nacme_size = 7\n",
    )
    config = load([file])
    (backend,) = config.backends
    assert backend.safe_get("acme_size") is None
    assert [str(f.message) for f in config.findings if f.verdict == "unknown"] == [
        "known only if acme.drivers.Acme defines it"
    ]
    backend.append_config_values(
        [cfg.IntOpt("acme_size"), cfg.IntOpt("ssh_conn_timeout", default=11, help="other")]
    )
    backend.append_config_values([text("acme_name", "n", "a row of ours")])
    assert (backend.acme_size, backend.ssh_conn_timeout, backend.acme_name) == (7, 11, "n")
    assert backend.default_get("host") == config.host
    assert backend.default_get("acme_size") is None


def test_a_backend_is_what_drivers_expect() -> None:
    from abaca.drivers.contract.configuration import DriverConfiguration
    from abaca.drivers.contract.options import SHARE_OPTS, SSH_OPTS

    (backend,) = load(files=[], overrides={"goodness_function": "50"}).backends
    configuration: DriverConfiguration = backend
    configuration.append_config_values([*SHARE_OPTS, *SSH_OPTS])
    assert configuration.config_group == "local"
    assert configuration.safe_get("max_over_subscription_ratio") == 20.0
    assert configuration.goodness_function == "50"
    assert configuration.driver_handles_share_servers is False


def test_sections_and_backends_by_name() -> None:
    config = load(files=[])
    assert config.backend("local") is config.backends[0]
    with pytest.raises(KeyError):
        config.backend("other")
    with pytest.raises(AttributeError):
        _ = config.no_such_option
    with pytest.raises(AttributeError):
        _ = config.quota.no_such_option


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("enabled_share_backends = x\n", "no section"),
        (
            "enabled_share_backends = x\n[x]\nshare_driver = acme.D\n",
            "driver_handles_share_servers",
        ),
        (
            f"enabled_share_backends = x\n[x]\nshare_driver = {FAKE}\nfake_latency = soon\n",
            "a.conf:5",
        ),
        (
            f"enabled_share_backends = x\n[x]\nshare_driver = {FAKE}\nfake_pools = $gone\n",
            "a.conf:5",
        ),
        ("enabled_share_backends = x\n[x]\nshare_driver = ../../etc/passwd\n", "dotted path"),
    ],
)
def test_a_backend_that_cannot_run_leaves_the_others_alone(
    tmp_path: Path, content: str, reason: str
) -> None:
    content = content.replace("backends = x", "backends = x,good")
    file = write(
        tmp_path / "a.conf",
        f"[DEFAULT]\n{content}[good]\nshare_driver = {FAKE}\n",
    )
    config = load([file])
    assert [b.name for b in config.backends] == ["good"]
    assert reason in config.refused["x"]


def test_read_lists_what_load_refuses(tmp_path: Path) -> None:
    file = write(tmp_path / "a.conf", "[quota]\nshares = many\n[abaca]\nlease_seconds = 0.5\n")
    config = read([file])
    assert [(f.name, f.verdict) for f in config.findings] == [
        ("shares", "wrong"),
        ("lease_seconds", "ok"),
        ("heartbeat_seconds", "wrong"),
    ]
    with pytest.raises(ConfigError, match=r"a.conf:2: "):
        load([file])
