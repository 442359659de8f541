"""Installing Debian packages: which, how, and what is left as it was.  apt-get is a script."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from abaca import config
from abaca.cli import packages
from abaca.cli.progress import Progress


class Machine:
    """A machine on which nothing is installed, with an apt-get that notes what it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.told = folder, folder / "told"
        self.missing = {"pool": ["btrfs-progs"], "NFS": ["nfs-ganesha"]}
        self.policy = folder / "policy-rc.d"
        (folder / "lists").mkdir()
        (folder / "units").mkdir()
        for name in ("apt-get", "systemctl"):
            self.program(name, "")
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(packages, "missing_packages", lambda needs: self.missing)
        monkeypatch.setattr(packages, "_has_library", lambda name: True)
        monkeypatch.setattr(packages, "POLICY", self.policy)
        monkeypatch.setattr(packages, "LISTS", folder / "lists")
        monkeypatch.setattr(packages, "UNITS", folder / "units")
        monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
        self.monkeypatch = monkeypatch

    def program(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >> {self.told}\n{body}\n')
        path.chmod(0o755)

    def settle(self) -> None:
        """From now on everything counts as installed once apt-get was called."""
        real, told = dict(self.missing), self.told
        self.monkeypatch.setattr(
            packages, "missing_packages", lambda needs: {} if told.exists() else real
        )

    def install(self) -> None:
        packages.install_missing(config.load(files=()), Progress(quiet=True))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_exactly_what_is_missing_is_installed(machine: Machine) -> None:
    machine.settle()
    machine.program(
        "apt-get",
        f"cp {machine.policy} {machine.folder}/seen; touch {machine.folder}/units/smbd.service",
    )
    machine.install()
    update, install, disable = machine.told.read_text().splitlines()
    assert update.endswith(" update")  # there were no lists of packages
    assert install.endswith("install --yes --no-install-recommends btrfs-progs nfs-ganesha")
    assert disable == "systemctl disable --quiet smbd.service"
    assert "exit 101" in (machine.folder / "seen").read_text()  # nothing was to start
    assert not machine.policy.exists()


def test_lists_of_packages_are_not_fetched_without_need(machine: Machine) -> None:
    machine.settle()
    (machine.folder / "lists/x_Packages").touch()
    machine.install()
    (only,) = machine.told.read_text().splitlines()
    assert " install " in only


def test_services_that_were_there_stay_as_they_are(machine: Machine) -> None:
    machine.settle()
    (machine.folder / "units/smbd.service").touch()
    machine.policy.write_text("the machine's own")
    machine.install()
    assert "systemctl" not in machine.told.read_text()
    assert machine.policy.read_text() == "the machine's own"


def test_a_failure_is_one_sentence(machine: Machine) -> None:
    machine.program("apt-get", "echo 'E: Unable to locate package nfs-ganesha'; exit 100")
    with pytest.raises(click.ClickException, match="Unable to locate package nfs-ganesha"):
        machine.install()
    assert not machine.policy.exists()


def test_without_root_it_says_what_to_type(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(click.ClickException, match="apt-get install btrfs-progs nfs-ganesha"):
        machine.install()
    assert not machine.told.exists()


def test_nothing_is_done_when_nothing_is_missing(machine: Machine) -> None:
    machine.missing = {}
    machine.install()
    assert not machine.told.exists()
