"""A Ganesha whose functions for names are not all guarded is not started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.ganesha import guard
from abaca.drivers.ganesha.packages import missing_packages

pytestmark = pytest.mark.skipif("NFS" in missing_packages(["NFS"]), reason="NFS is not installed")

# what libfsalvfs.so imports of the family, on Debian 12 (Ganesha 4.3) and on Debian 13 (6.5)
_NAMES = """
__openat64_2 fchmodat fchownat fstatat64 linkat mkdirat mknodat name_to_handle_at
open_by_handle_at openat64 readlinkat renameat symlinkat unlinkat
"""
DEBIAN_12 = _NAMES.split()
DEBIAN_13 = [*DEBIAN_12, "syscall", "utimensat"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return guard.library(tmp_path)


def plugin(directory: Path, *imports: str) -> Path:
    """A library that uses these functions."""
    calls = "".join(f"extern void {name}(void); " for name in imports)
    uses = "".join(f"{name}(); " for name in imports)
    path = directory / "plugin.so"
    command = ["cc", "-shared", "-fPIC", "-nostdlib", "-fno-builtin", "-x", "c", "-", "-o"]
    text = f"{calls} void serve(void) {{ {uses} }}"
    subprocess.run([*command, str(path)], input=text, text=True, check=True, timeout=60)
    return path


@pytest.mark.parametrize("imports", [DEBIAN_12, DEBIAN_13])
def test_the_versions_of_debian_are_guarded(
    library: Path, tmp_path: Path, imports: list[str]
) -> None:
    guard.check_covers(library, plugin(tmp_path, *imports, "fstat64", "open64", "readlink"))


@pytest.mark.parametrize(
    "function", ["openat2", "scandirat", "__fxstatat64", "setxattrat", "futimesat"]
)
def test_a_function_for_names_that_is_not_guarded_is_an_error(
    library: Path, tmp_path: Path, function: str
) -> None:
    part = plugin(tmp_path, "mkdirat", function)
    with pytest.raises(errors.GaneshaException, match=f"plugin.so uses {function}, which"):
        guard.check_covers(library, part)


def test_this_machines_ganesha_is_looked_at() -> None:
    names = [part.name.partition(".so")[0] for part in guard.parts()]
    assert sorted(names) == ["libfsalvfs", "libganesha_nfsd"]
