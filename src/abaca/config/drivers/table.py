"""Which options a driver class has."""

from __future__ import annotations

import importlib
from typing import Any

from ..options import Option
from .foreign import LVM, WINDOWS
from .generic import GENERIC

Source = str | tuple[Option, ...]

LOCAL = "abaca.drivers.local.driver.LocalShareDriver"
_GLUSTERFS = "abaca.drivers.glusterfs.options:GLUSTERFS_OPTS"
_GANESHA = "abaca.drivers.contract.options:GANESHA_OPTS"

DRIVER_OPTIONS: dict[str, tuple[Source, ...]] = {
    LOCAL: ("abaca.drivers.local.options:LOCAL_OPTS",),
    "abaca.drivers.fake.driver.FakeShareDriver": ("abaca.drivers.fake.options:FAKE_OPTS",),
    "abaca.drivers.generic.driver.GenericShareDriver": (GENERIC,),
    "abaca.drivers.glusterfs.driver.GlusterfsShareDriver": (_GLUSTERFS, _GANESHA),
    "abaca.drivers.glusterfs.native.GlusterfsNativeShareDriver": (_GLUSTERFS,),
    "abaca.drivers.vast.driver.VastShareDriver": ("abaca.drivers.vast.options:VAST_OPTS",),
    "manila.share.drivers.lvm.LVMShareDriver": (LVM,),
    "manila.share.drivers.windows.windows_smb_driver.WindowsSMBDriver": (GENERIC, WINDOWS),
}

DESCRIBED: tuple[Option, ...] = GENERIC + LVM + WINDOWS


def driver_options(driver_class: str) -> list[Any]:
    """Rows and oslo.config options of a driver; none for one that registers its own."""
    found: list[Any] = []
    for source in DRIVER_OPTIONS.get(driver_class, ()):
        found.extend(_listed(source) if isinstance(source, str) else source)
    return found


def _listed(where: str) -> list[Any]:
    module, _, name = where.partition(":")
    try:
        return list(getattr(importlib.import_module(module), name))
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # the module is there, something it needs is not
        return []
