"""Upstream class paths and what they are here."""

from __future__ import annotations

import importlib.util
import re

from .errors import ConfigError

GENERIC = "abaca.drivers.generic.driver.GenericShareDriver"  # with share servers or without
_GLUSTERFS = "abaca.drivers.glusterfs.driver.GlusterfsShareDriver"
_NATIVE = "abaca.drivers.glusterfs.native.GlusterfsNativeShareDriver"
_VAST = "abaca.drivers.vast.driver.VastShareDriver"
_UP = "manila.share.drivers"

DRIVERS = {
    f"{_UP}.generic.GenericShareDriver": GENERIC,
    f"{_UP}.glusterfs.GlusterfsShareDriver": _GLUSTERFS,
    f"{_UP}.glusterfs.glusterfs_native.GlusterfsNativeShareDriver": _NATIVE,
    f"{_UP}.glusterfs_native.GlusterfsNativeShareDriver": _NATIVE,
    f"{_UP}.vastdata.driver.VASTShareDriver": _VAST,
    f"{_UP}.vastdata.VASTShareDriver": _VAST,
    "local": "abaca.drivers.local.driver.LocalShareDriver",
    "fake": "abaca.drivers.fake.driver.FakeShareDriver",
}

ADVICE = {
    f"{_UP}.lvm.LVMShareDriver": "use abaca.drivers.local.driver.LocalShareDriver instead",
    f"{_UP}.windows.windows_smb_driver.WindowsSMBDriver": (
        "Windows service VMs are not supported; the generic driver serves CIFS from Linux ones"
    ),
}

SCHEDULERS = {
    "manila.scheduler.drivers.filter.FilterScheduler": "filter",
    "manila.scheduler.drivers.simple.SimpleScheduler": "simple",
    "filter": "filter",
    "simple": "simple",
}

_NET = "manila.network"
NETWORK_PLUGINS = {
    f"{_NET}.neutron.neutron_network_plugin.NeutronNetworkPlugin": "neutron",
    f"{_NET}.neutron.neutron_network_plugin.NeutronBindNetworkPlugin": "neutron-bind",
    f"{_NET}.neutron.neutron_network_plugin.NeutronSingleNetworkPlugin": "neutron-single",
    f"{_NET}.neutron.neutron_network_plugin.NeutronBindSingleNetworkPlugin": "neutron-bind-single",
    f"{_NET}.standalone_network_plugin.StandaloneNetworkPlugin": "standalone",
}

BACKUP_DRIVERS = {"manila.data.drivers.nfs.NFSBackupDriver": "nfs"}

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z", re.ASCII)


def driver_class(path: str) -> str:
    """Our class for a `share_driver` value.

    Raises ConfigError for upstream drivers abaca does not have.  Paths outside `manila` are taken
    as they are: a third party's driver.
    """
    ours = DRIVERS.get(path)
    if ours is not None:
        return ours
    if not _PATH.match(path):
        raise ConfigError(f"{path[:100]!r} is not the dotted path of a class.")
    if path.startswith("manila."):
        hint = ADVICE.get(path, "abaca has no driver for it; keep it on the old service")
        raise ConfigError(f"{path} is not available: {hint}.")
    return path


def mapped(value: str, table: dict[str, str]) -> str:
    """Our name for another upstream class path; a path of a third party is returned as it is."""
    if value in table:
        return table[value]
    if value.startswith("manila.") or not _PATH.match(value):
        known = ", ".join(table)
        raise ConfigError(f"{value[:100]!r} is not available; use one of: {known}.")
    return value


def is_written(path: str) -> bool:
    """Whether the module of one of our driver classes is there."""
    module = path.rpartition(".")[0]
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
