"""Small parts of the local driver: paths, rules, packages, configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from abaca.drivers import rules
from abaca.drivers.contract import errors
from abaca.drivers.contract.configuration import DictConfiguration
from abaca.drivers.firewall.filter import NoFilter
from abaca.drivers.firewall.networks import Network
from abaca.drivers.firewall.ruleset import Server
from abaca.drivers.ganesha import packages
from abaca.drivers.ganesha.clients import Client
from abaca.drivers.ganesha.export import Export
from abaca.drivers.ganesha.instance import Ports
from abaca.drivers.ganesha.shards import Layout, Place, Shards
from abaca.drivers.local.driver import LocalShareDriver
from abaca.drivers.local.nfs import NfsExporter
from abaca.drivers.local.paths import UnsafePath, below, checked_id


def driver(**options: object) -> LocalShareDriver:
    values = {"driver_handles_share_servers": False, **options}
    return LocalShareDriver(configuration=DictConfiguration(values, config_group="one"))


def test_below_stays_below(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "out").symlink_to("/")
    (tmp_path / "in").symlink_to(tmp_path / "a")
    assert below(tmp_path, "a//b") == tmp_path / "a" / "b"
    for trick in ("..", "a/..", "", "/", "out", "out/etc", "in/x", "a\nb", "x" * 2000, "a\x00"):
        with pytest.raises(UnsafePath):
            below(tmp_path, trick)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "é", "x" * 65, "-x", "a\n"])
def test_ids(text: str) -> None:
    with pytest.raises(UnsafePath):
        checked_id(text)


def test_results_are_keyed_by_either_id() -> None:
    given = [
        {"id": "m", "access_id": "a", "access_type": "ip", "access_to": "10.0.0.1"},
        {"id": "b", "access_type": "ip", "access_to": "nonsense", "access_level": "rw"},
    ]
    wanted = rules.read(given, ("ip",))
    assert wanted.states(given) == {
        "a": {"state": "active"},
        "b": {"state": "error", "reason": "'nonsense' is not an IP address or network"},
    }


def test_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "SEARCH_PATH", "/nowhere")
    monkeypatch.setattr(packages, "PLUGIN_DIRECTORIES", ())
    with pytest.raises(errors.BadConfigurationException) as caught:
        packages.require(["NFS"])
    packaged = "binutils dbus-daemon gcc nfs-ganesha nfs-ganesha-vfs"
    assert f"NFS needs the packages {packaged}" in str(caught.value)
    with pytest.raises(errors.BadConfigurationException, match="CIFS needs the package samba "):
        packages.find_program("smbd")


@pytest.mark.parametrize(
    "options",
    [
        {"local_export_ips": ["not-an-address"]},
        {"local_export_ips": ["10.0.0.1;rm"]},
        {"local_protocols": ["AFP"]},
    ],
)
def test_wrong_options_are_named(options: dict[str, object]) -> None:
    made = driver(**options)
    with pytest.raises(errors.BadConfigurationException, match="local_"):
        _ = made.addresses, made.protocols


def test_section_names_become_directories_safely() -> None:
    made = LocalShareDriver(
        configuration=DictConfiguration(
            {"driver_handles_share_servers": False}, config_group="../x"
        )
    )
    with pytest.raises(errors.BadConfigurationException):
        _ = made.state


def test_only_without_share_servers() -> None:
    with pytest.raises(errors.ManilaException):
        driver(driver_handles_share_servers=True)


def test_the_packet_filter_changes_around_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no network is let through that the server is not told of."""
    made: list[object] = []

    class Recorder(NoFilter):
        @contextlib.contextmanager
        def changing(
            self, server: Server, export: str, networks: Iterable[Network]
        ) -> Iterator[None]:
            made.append(("admitted", {str(network) for network in networks}))
            yield
            made.append("done")

    def set_clients(shards: Shards, name: str, clients: Iterable[Client]) -> None:
        made.append(("told", {str(client.network) for client in clients}))

    place = Place(Export(1, "a", "/a"), Ports(2049, 20048))
    monkeypatch.setattr(Shards, "find", lambda shards, name: place)
    monkeypatch.setattr(Shards, "set_clients", set_clients)
    given = [
        {"id": str(at), "access_type": "ip", "access_to": network}
        for at, network in enumerate(("10.0.0.1", "2001:db8::/120"))
    ]
    exporter = NfsExporter(tmp_path, Layout(), [], Recorder(""))
    exporter.allow("a", rules.read(given, ("ip",)))
    assert made == [("admitted", {"10.0.0.1/32"}), ("told", {"10.0.0.1/32"}), "done"]
