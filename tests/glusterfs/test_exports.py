"""A Ganesha that is not abaca's alone: others' exports stay, and what abaca had comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from glusterfs.kit import CONTEXT, Backend, rule
from glusterfs.lab import Lab

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("glusterfs")]

EXPORT = """EXPORT {{
    Export_Id = {id}; Path = "{path}"; Pseudo = "/{name}"; Tag = "{name}"; Squash = None;
    FSAL {{ Name = GLUSTER; Hostname = {host}; Volume = "vol"; Volpath = "{path}"; }}
    CLIENT {{ Clients = {client}; Access_Type = RW; }}
}}
"""


def add_by_hand(backend: Backend, name: str, path: str, export_id: int) -> None:
    host, client = backend.machine.address, backend.lab.address
    text = EXPORT.format(id=export_id, path=path, name=name, host=host, client=client)
    file = backend.machine.directory / "ganesha" / "export.d" / f"{name}.conf"
    file.write_text(text)
    backend.machine.run(
        *("dbus-send", "--system", "--print-reply", "--dest=org.ganesha.nfsd"),
        *("/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr.AddExport"),
        *(f"string:/etc/ganesha/export.d/{file.name}", f"string:EXPORT(Export_Id={export_id})"),
    )


def test_exports_survive_ganesha_and_foreign_ones_are_left_alone(backend: Backend) -> None:
    (backend.root / "by-hand").mkdir(mode=0o777)
    add_by_hand(backend, "by-hand", "/by-hand", 4711)
    share = backend.share()
    backend.allow(share, rule(backend.lab.address))
    backend.machine.kill("ganesha.nfsd")
    with pytest.raises(errors.StorageCommunicationException, match=r"start its service .*ganesha"):
        backend.allow(share)
    backend.allow_later(share, rule(backend.lab.address))
    backend.machine.start_ganesha()
    backend.restart()
    with backend.mount(share) as client:
        client.write("/x", b"x")
    assert "uint16 4711" in backend.machine.show_exports()
    backend.delete(share)
    kept = backend.machine.directory / "ganesha" / "export.d" / "by-hand.conf"
    assert kept.read_text().startswith("EXPORT {")
    (backend.root / "by-hand").rmdir()


def test_an_export_of_the_incumbents_form_goes_with_its_rule(backend: Backend) -> None:
    share, old, gone = backend.share(), rule(backend.lab.address), rule("192.0.2.9")
    for export_id, each in ((4801, old), (4802, gone)):
        add_by_hand(
            backend, f"{share['name']}--{each['access_id']}", f"/{share['name']}", export_id
        )
    backend.restart()
    backend.allow(share, old)
    shown = backend.machine.show_exports()
    assert "uint16 4801" in shown and "uint16 4802" not in shown
    backend.allow(share)
    assert "uint16 4801" not in backend.machine.show_exports()
    backend.delete(share)


def test_an_export_that_ganesha_lost_is_served_again(backend: Backend) -> None:
    share = backend.share()
    backend.allow(share, rule(backend.lab.address))
    table = backend.driver.exporter.table  # type: ignore[attr-defined]
    table.server.exports.remove(table.get(share["name"]).export_id)
    with pytest.raises(OSError):
        backend.mount(share)
    backend.driver.ensure_shares(CONTEXT, [share])
    with backend.mount(share) as client:
        client.write("/x", b"x")
    backend.delete(share)


def test_the_older_calls_add_and_remove_one_rule(backend: Backend) -> None:
    share, driver = backend.share(), backend.driver
    mine, other = rule(f"{backend.lab.address}/32"), rule("192.0.2.7", "ro")
    for each in (other, mine, mine):
        driver.allow_access(CONTEXT, share, each)
    with backend.mount(share) as client:
        client.write("/x", b"x")
        driver.deny_access(CONTEXT, share, rule(backend.lab.address))  # the same client
        with pytest.raises(PermissionError):
            client.read("/x")
    held = {item["id"]: item["rules"] for item in driver.get_inventory(CONTEXT)}
    assert [each["access_to"] for each in held[share["id"]]] == ["192.0.2.7"]
    driver.deny_access(CONTEXT, share, rule("nobody", kind="user"))
    with pytest.raises(errors.InvalidShareAccess, match="user 'nobody' cannot be let in"):
        driver.allow_access(CONTEXT, share, rule("nobody", kind="user"))
    backend.delete(share)
    driver.deny_access(CONTEXT, share, mine)


def test_a_template_holds_for_every_export(lab: Lab, backend: Backend, tmp_path: Path) -> None:
    share = backend.share()
    backend.allow(share, rule(lab.address))
    (tmp_path / "site.conf").write_text("EXPORT { Squash = All_Squash; Anonymous_Uid = 4711; }")
    templated = Backend(lab, ganesha_export_template_dir=str(tmp_path))
    templated.start()
    templated.driver.ensure_shares(CONTEXT, [share])
    with backend.mount(share) as client:
        client.write("/mine", b"x")
    assert (backend.root / share["name"] / "mine").stat().st_uid == 4711
    backend.restart()  # without the template
    backend.driver.ensure_shares(CONTEXT, [share])
    with backend.mount(share) as client:
        client.write("/roots", b"x")
    assert (backend.root / share["name"] / "roots").stat().st_uid == 0
    backend.delete(share)
