"""Whether servers can be confined here, said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.drivers.confine import capabilities, mounts, seccomp
from abaca.drivers.confine.server import Bind, check, why_not
from abaca.drivers.contract.errors import BadConfigurationException

ALL = (1 << len(capabilities.NAMES)) - 1


@pytest.fixture(autouse=True)
def _able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "effective", lambda: ALL)
    monkeypatch.setattr(mounts, "are_supported", lambda: True)
    monkeypatch.setattr(seccomp, "is_known", lambda: True)


def test_nothing_is_wrong() -> None:
    assert why_not() is None
    check()


def test_a_capability_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = ALL & ~capabilities.mask(["SYS_ADMIN"])
    monkeypatch.setattr(capabilities, "effective", lambda: rest)
    with pytest.raises(BadConfigurationException, match=r"lacks the capability .*: CAP_SYS_ADMIN"):
        check()


def test_the_kernel_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "are_supported", lambda: False)
    assert "needs Linux 5.12 or later" in str(why_not())


def test_a_machine_whose_system_calls_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "is_known", lambda: False)
    assert "x86_64 and aarch64 only" in str(why_not())


def test_a_bind_is_harmless_unless_it_is_declared_otherwise() -> None:
    everything = mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_DEVICES | mounts.NO_EXEC
    assert Bind(Path("/a")).attributes() == everything
    assert Bind("/a", writable=True).attributes() == everything & ~mounts.READ_ONLY
    assert Bind("/a", executable=True).attributes() == everything & ~mounts.NO_EXEC
    assert Bind("/a", device=True).attributes() == everything & ~mounts.NO_DEVICES
    assert Bind("/a", links=False).attributes() == everything | mounts.NO_LINKS


def test_an_unknown_capability_is_an_error() -> None:
    assert capabilities.mask(["CHOWN", "MKNOD"]) == 1 | 1 << 27
    with pytest.raises(ValueError, match="there is no capability ROOT"):
        capabilities.mask(["ROOT"])
