"""A large manila.conf, as operators have it, is read as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.config import Config, classes, load, read
from abaca.config.effective import effective
from abaca.config.findings import Verdict
from abaca.config.options import Mark

FILE = Path(__file__).with_name("config_manila.conf")
SECRETS = [
    *("RABBITPASS", "DBPASS", "KSPASS", "NEUTRONPASS", "NOVAPASS"),
    *("CINDERPASS", "VMPASS", "GLUSTERPASS", "VASTPASS", "NETAPPPASS"),
]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(classes, "is_written", lambda path: True)
    monkeypatch.delenv("ABACA_STATE_DIR", raising=False)
    return load([FILE])


def test_the_file_is_not_written(config: Config) -> None:
    before = FILE.stat()
    load([FILE])
    assert FILE.stat().st_mtime_ns == before.st_mtime_ns


def test_backends_that_abaca_has_run_and_the_others_say_why(config: Config) -> None:
    assert [(b.name, b.host, b.driver_class) for b in config.backends] == [
        ("generic1", "controller@generic1", "abaca.drivers.generic.driver.GenericShareDriver"),
        ("gluster1", "controller@gluster1", "abaca.drivers.glusterfs.driver.GlusterfsShareDriver"),
        ("vast1", "controller@vast1", "abaca.drivers.vast.driver.VastShareDriver"),
    ]
    assert set(config.refused) == {"lvm1", "netapp1"}
    assert "LocalShareDriver" in config.refused["lvm1"]
    assert "manila.share.drivers.netapp.common.NetAppDriver" in config.refused["netapp1"]


def test_drivers_not_written_yet_are_refused_but_their_options_known() -> None:
    """Those of the sections that they name, too."""
    config = read([FILE])
    assert "generic1" in config.refused
    assert not [f for f in config.findings if f.verdict is Verdict.UNKNOWN]


def test_core_values(config: Config) -> None:
    assert config.host == "controller"
    assert config.state_path == Path("/var/lib/manila")
    assert config.auth == "keystone"
    assert config.scheduler == "filter"
    assert config.api_address == ("10.0.0.11", 8786)
    assert config.database_url == "postgresql+psycopg://manila:DBPASS@controller/manila"
    assert config.osapi_max_limit == 500
    assert config.enabled_share_protocols == ["NFS", "CIFS"]
    assert config.cinder.cross_az_attach is False


def test_a_value_goes_on_over_indented_lines(config: Config) -> None:
    assert config.scheduler_default_filters == [
        "AvailabilityZoneFilter",
        "CapacityFilter",
        "CapabilitiesFilter",
        "DriverFilter",
    ]


def test_old_names_in_default(config: Config) -> None:
    assert (config.quota.shares, config.quota.gigabytes, config.quota.snapshots) == (70, 7000, 71)
    assert config.nova.api_microversion == "2.30"


def test_driver_options_of_a_section(config: Config) -> None:
    generic, gluster, vast = config.backends
    assert generic.driver_handles_share_servers is True
    assert generic.share_helpers["CIFS"].endswith("CIFSHelperUserAccess")
    assert generic.config_group == "generic1"
    assert gluster.ganesha_export_dir == "/srv/ganesha/export.d"  # $ within the section
    assert gluster.glusterfs_mount_point_base == "/var/lib/manila/mnt"  # $ of [DEFAULT]
    assert vast.vast_mgmt_port == 443
    assert vast.replication_domain == "az1"
    assert vast.safe_get("glusterfs_target") is None


def test_a_section_does_not_take_driver_options_from_default(config: Config) -> None:
    generic, gluster, _ = config.backends
    assert generic.reserved_share_percentage == 5
    assert gluster.reserved_share_percentage == 0  # [DEFAULT] says 12
    place = [f for f in config.findings if f.verdict is Verdict.MISPLACED]
    assert [(f.section, f.name) for f in place] == [("DEFAULT", "reserved_share_percentage")]


def test_options_of_the_whole_service_are_inherited(config: Config) -> None:
    generic, gluster, _ = config.backends
    assert generic.filter_function == "capabilities.total_capacity_gb > 10"
    assert gluster.filter_function == "share.size < 100"
    assert gluster.share_usage_size_update_interval == 77


def test_the_network_section_of_a_backend(config: Config) -> None:
    section = config.section(config.backend("generic1").network_config_group)
    assert section.standalone_network_plugin_network_type == "vlan"
    assert section.standalone_network_plugin_mtu == 1500


def test_libraries_can_still_register_what_is_theirs(config: Config) -> None:
    auth_token = pytest.importorskip("keystonemiddleware.auth_token")
    from oslo_policy import policy

    policy.Enforcer(config.oslo)
    auth_token.AuthProtocol(None, {"oslo_config_config": config.oslo, "delay_auth_decision": True})
    assert config.oslo.keystone_authtoken.www_authenticate_uri == "http://controller:5000"


def test_nothing_in_it_is_unknown(config: Config) -> None:
    assert not [str(f) for f in config.findings if f.verdict is Verdict.UNKNOWN]


def test_every_setting_has_its_line(config: Config) -> None:
    lines = FILE.read_text().splitlines()
    for finding in config.findings:
        assert finding.setting is not None
        assert lines[finding.setting.line - 1].startswith(finding.setting.name)


def test_marks(config: Config) -> None:
    marks = {(f.section, f.name): f.mark for f in config.findings}
    assert marks["DEFAULT", "transport_url"] is Mark.IGNORED
    assert marks["DEFAULT", "debug"] is Mark.MAPPED
    assert marks["quota", "snapshots"] is Mark.USED
    assert marks["oslo_messaging_rabbit", "rabbit_ha_queues"] is Mark.IGNORED
    assert marks["spare", "share_driver"] is Mark.IGNORED


def test_no_secret_is_ever_shown(config: Config) -> None:
    shown = "\n".join([*map(str, config.findings), *map(str, effective(config))])
    assert "controller:11211" in shown
    assert not [secret for secret in SECRETS if secret in shown]
