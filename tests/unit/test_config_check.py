"""What is said about each setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.config import load, read, warn
from abaca.config.findings import Finding, Verdict
from abaca.config.masking import HIDDEN, masked

FAKE = "abaca.drivers.fake.driver.FakeShareDriver"
BACKEND = f"[DEFAULT]\nenabled_share_backends = x\n[x]\nshare_driver = {FAKE}\n"
GLUSTER = (
    "[DEFAULT]\nenabled_share_backends = x\n[x]\n"
    "share_driver = manila.share.drivers.glusterfs.GlusterfsShareDriver\n"
)
GANESHA = GLUSTER.replace("= x\n[x]", "= g\n[g]") + "glusterfs_nfs_server_type = Ganesha\n"


def findings(tmp_path: Path, content: str) -> dict[tuple[str, str], Finding]:
    path = tmp_path / "a.conf"
    path.write_text(content)
    return {(f.section, f.name): f for f in read([path]).findings}


CASES = [
    ("[DEFAULT]\nreport_intervall = 3", "report_intervall", "unknown", "mean report_interval?"),
    ("[DEFAULT]\nzzz = 3", "zzz", "unknown", "no such option"),
    ("[DEFAULT]\nlease_seconds = 3", "lease_seconds", "unknown", "there is one in [abaca]"),
    ("[quotas]\nshares = 3", "shares", "unknown", "did you mean quota?"),
    ("[DEFAULT]\ncleanup_interval = 10", "cleanup_interval", "wrong", "number from 300"),
    ("[DEFAULT]\nservice_down_time = soon", "service_down_time", "wrong", "'soon' is not a whole"),
    ("[DEFAULT]\ncheck_hash = perhaps", "check_hash", "wrong", "'perhaps' is not true or false"),
    ("[DEFAULT]\nauth_strategy = keystune", "auth_strategy", "wrong", "did you mean keystone?"),
    ("[DEFAULT]\nosapi_share_listen_port = 99999", "osapi_share_listen_port", "wrong", "65535"),
    ("[DEFAULT]\nosapi_share_listen = a b", "osapi_share_listen", "wrong", "host name or address"),
    ("[DEFAULT]\nhost = a@b", "host", "wrong", "host name"),
    ("[DEFAULT]\nenabled_share_protocols = NFS,AFS", "enabled_share_protocols", "wrong", "'AFS'"),
    ("[DEFAULT]\nscheduler_driver = manila.x.Y", "scheduler_driver", "wrong", "filter, simple"),
    (
        "[DEFAULT]\nscheduler_default_filters = DriverFilter,CapacityFiltr",
        "scheduler_default_filters",
        "wrong",
        "did you mean CapacityFilter?",
    ),
    (
        "[DEFAULT]\nscheduler_default_extend_filters = X",
        "scheduler_default_extend_filters",
        "wrong",
        "no filter 'X'",
    ),
    (
        "[DEFAULT]\nscheduler_default_weighers = Y",
        "scheduler_default_weighers",
        "wrong",
        "no weigher 'Y'",
    ),
    (
        "[DEFAULT]\nscheduler_default_weighers = NetAppAIQWeigher",
        "scheduler_default_weighers",
        "ok",
        "",
    ),
    ("[DEFAULT]\nrpc_foo = 3", "rpc_foo", "ignored", "no message broker"),
    ("[DEFAULT]\nrabbit_password = x", "rabbit_password", "ignored", "no message broker"),
    ("[profiler]\nenabled = x", "enabled", "ignored", "not used"),
    ("[DEFAULT]\nquota_shares = 5", "quota_shares", "old name", "[quota] shares"),
    ("[DEFAULT]\nquota_shares = lots", "quota_shares", "wrong", "whole number"),
    ("[database]\nconnection = oracle://x", "connection", "wrong", "oracle"),
    ("[database]\nconnection = here", "connection", "wrong", "not a URL"),
    ("[DEFAULT]\nmy_ip = $nothing", "my_ip", "wrong", "write $$"),
    ("[DEFAULT]\nmy-ip = 10.0.0.1", "my_ip", "ok", ""),
    ("[DEFAULT]\ntcp_keepalive = whatever", "tcp_keepalive", "ignored", "keep idle"),
    ("[nova]\nauth_url = http://x", "auth_url", "ignored", "no effect yet"),
    ("[DEFAULT]\nhook_drivers = a.B", "hook_drivers", "ignored", "no effect yet"),
    ("[quota]\nmax_age = 5", "max_age", "ignored", "nothing is reserved"),
    ("[DEFAULT]\nnova_api_microversion = 2.1", "nova_api_microversion", "ignored", "no effect yet"),
    ("[local]\nlocal_nfs_port = abc", "local_nfs_port", "wrong", "'abc' is not a port number"),
    (BACKEND + "fake_pool = a", "fake_pool", "unknown", "did you mean fake_pools?"),
    (BACKEND + "vast_mgmt_host = a", "vast_mgmt_host", "ignored", "another driver"),
    (BACKEND + "[DEFAULT]\nvast_mgmt_host = a", "vast_mgmt_host", "misplaced", "its backend"),
    (BACKEND + "[DEFAULT]\nnum_shell_tries = z", "num_shell_tries", "misplaced", "each backend"),
    (
        GLUSTER + "ganesha_rados_store_enable = y",
        "ganesha_rados_store_enable",
        "ignored",
        "kept in",
    ),
    (GLUSTER + "ganesha_db_path = /x", "ganesha_db_path", "ignored", "ganesha_export_dir"),
    (GLUSTER + "ganesha_export_template_dir = /x", "ganesha_export_template_dir", "ok", ""),
    (GANESHA + "glusterfs_ganesha_nfsv3 = true", "glusterfs_ganesha_nfsv3", "ok", "other shares"),
    (GANESHA + "glusterfs_ganesha_nfsv3 = false", "glusterfs_ganesha_nfsv3", "ok", ""),
    (BACKEND + "goodness_function = $", "goodness_function", "ok", ""),
    (BACKEND + "goodness_function = share.size * 2", "goodness_function", "ok", ""),
    (BACKEND + 'filter_function = "stats.x > 1"', "filter_function", "ok", ""),
    (BACKEND + "filter_function = share.size <", "filter_function", "wrong", "not an expression"),
    (BACKEND + "[y]\nshare_driver = a.b", "share_driver", "ignored", "not in enabled"),
]


@pytest.mark.parametrize(("content", "name", "verdict", "message"), CASES)
def test_verdicts(tmp_path: Path, content: str, name: str, verdict: str, message: str) -> None:
    found = [f for (_, n), f in findings(tmp_path, content).items() if n == name]
    assert [f.verdict for f in found][-1] == verdict
    assert message in found[-1].message


def test_a_template_that_brings_nfsv3_back_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "site.conf").write_text("EXPORT { Protocols = 3, 4; }")
    given = f"ganesha_export_template_dir = {tmp_path}/templates\n"
    found = findings(tmp_path, GANESHA + given)["g", "ganesha_export_template_dir"]
    assert found.verdict == "wrong" and "site.conf: Protocols is 3, 4" in found.message
    allowed = findings(tmp_path, GANESHA + given + "glusterfs_ganesha_nfsv3 = true\n")
    assert allowed["g", "ganesha_export_template_dir"].verdict == "ok"


def test_the_place_is_the_line(tmp_path: Path) -> None:
    found = findings(tmp_path, "[quota]\n\n# comment\nshares = x\n")
    assert found["quota", "shares"].place == f"{tmp_path}/a.conf:4"


def test_a_wrong_option_nobody_reads_does_not_hinder(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text(BACKEND + "[DEFAULT]\nmax_over_subscription_ratio = lots\n")
    assert [b.name for b in load([path]).backends] == ["x"]


def test_a_wrong_network_section_stops_its_backend_only(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text(
        f"[DEFAULT]\nenabled_share_backends = x,y\n[x]\nshare_driver = {FAKE}\n"
        f"network_config_group = net\n[y]\nshare_driver = {FAKE}\n"
        "[net]\nstandalone_network_plugin_mtu = big\n"
    )
    config = load([path])
    assert [b.name for b in config.backends] == ["y"]
    assert "a.conf:9" in config.refused["x"]


def test_warnings_are_logged_once_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.conf"
    path.write_text(
        BACKEND + "[DEFAULT]\ntransport_url = rabbit://a:SECRET@b\nrpc_x = 1\nzzz = SECRET\n"
        "[x]\nfake_latency = SECRET\n"
    )
    with caplog.at_level("INFO", "abaca.config"):
        warn(load([path], overrides={"x.fake_latency": 1.0}))
    assert len([r for r in caplog.records if "accepted without effect" in r.message]) == 1
    assert len([r for r in caplog.records if "zzz" in r.message]) == 1
    assert "a:SECRET" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("vast_mgmt_password", "x", HIDDEN),
        ("transport_url", "rabbit://a:b@c", HIDDEN),
        ("netapp_password", "x", HIDDEN),
        ("memcache_secret_key", "x", HIDDEN),
        ("application_credential_secret", "x", HIDDEN),
        ("vast_api_token", "x", HIDDEN),
        ("vast_api_token", "", ""),
        ("password", None, None),
        ("connection", "postgresql://u:p@ss/w:rd@h/d", f"postgresql://u:{HIDDEN}@h/d"),
        ("slave_connection", "mysql://u:p@h/d", f"mysql://u:{HIDDEN}@h/d"),
        (
            "connection",
            "postgresql:///d?user=u&password=p&x=1",
            f"postgresql:///d?user=u&password={HIDDEN}&x=1",
        ),
        ("url", "http://:p@h", f"http://:{HIDDEN}@h"),
        ("urls", ["http://u:p@h"], [f"http://u:{HIDDEN}@h"]),
        (
            "map",
            {"a": "http://u:p@h", "password": "x"},
            {"a": f"http://u:{HIDDEN}@h", "password": HIDDEN},
        ),
        ("glusterfs_path_to_private_key", "/root/.ssh/id", "/root/.ssh/id"),
        ("application_credential_id", "abc", "abc"),
        ("share_transfer_key_length", 16, 16),
    ],
)
def test_masking(name: str, value: object, shown: object) -> None:
    assert masked(name, value) == shown


def test_verdicts_are_all_tried() -> None:
    assert {verdict for _, _, verdict, _ in CASES} == {str(v) for v in Verdict}
