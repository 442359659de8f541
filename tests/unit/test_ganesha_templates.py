"""Templates of exports: the incumbent's files give options, and never who may come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.ganesha.export import Export, from_text, to_text
from abaca.drivers.ganesha.templates import Template, load

INCUMBENT = """EXPORT {
    Export_Id = @runtime;
    Path = @runtime;
    FSAL {
        Name = @config;
    };
    Pseudo = @runtime;
    SecType = sys;
    Tag = @runtime;
    CLIENT {
        Clients = @runtime;
        Access_Type = RW;
    };
    Squash = None;
}
"""
GLUSTER = """{"EXPORT": {"FSAL": {"Name": "GLUSTER", "Hostname": "@config", "Volume": "@config",
"Volpath": "@runtime"}, "Attr_Expiration_Time": 0, "sectype": ["sys", "krb5"]}}"""

BAD = [
    ("", "one EXPORT block is expected"),
    ("EXPORT {", "does not end"),
    ("EXPORT { } EXPORT { }", "one EXPORT block is expected"),
    ("EXPORT { Path = /data; }", "Path is '/data', but is filled in for each export"),
    ("EXPORT { Access_Type = RW; }", "Access_Type is 'RW', but is filled in"),
    ("EXPORT { CLIENT { Clients = *; } }", "Clients is '\\*', but is filled in"),
    ("EXPORT { CLIENT { Access_Type = RO; } }", "Access_Type is 'RO', but is filled in"),
    ("EXPORT { CLIENT { Squash = All; } }", "CLIENT Squash cannot be set; options of the EXPORT"),
    ("EXPORT { FSAL { Name = VFS; } }", "FSAL Name is 'VFS', but is filled in"),
    ("EXPORT { Filesystem_id = @runtime; }", "Filesystem_id is @runtime, which nothing fills in"),
    ('{"EXPORT": {"A": null}}', "A is None, which is no text"),
    ('{"EXPORT": {"A": ["x; y"]}}', "'x; y' cannot stand in a list"),
    ('{"EXPORT": {"A": "a\\"; Access_Type = RW"}}', "cannot be quoted"),
    ('{"EXPORT": {"A b": 1}}', "is not an option or block name"),
    ('{"EXPORT": []}', "EXPORT is not an object"),
    ('{"EXPORT": ', "Expecting value"),
]


def test_a_directory_without_templates_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("nothing")
    built_in = Template(options=(("Protocols", "4"),))
    assert load(tmp_path, "GLUSTER") == built_in == load(tmp_path / "none", "GLUSTER")
    assert load(None, "GLUSTER") == built_in


def test_the_incumbents_templates_are_laid_over_each_other(tmp_path: Path) -> None:
    (tmp_path / "00-base.conf").write_text(INCUMBENT)
    assert load(tmp_path, "GLUSTER", version_3=True) == Template("None", ())
    (tmp_path / "10-gluster.json").write_text(GLUSTER)
    template = load(tmp_path, "GLUSTER")
    assert template.squash == "None"
    assert dict(template.options) == {
        "Protocols": "4",
        "Attr_Expiration_Time": "0",
        "sectype": ("sys", "krb5"),
    }


@pytest.mark.parametrize("given", ["3", "3, 4", "NFS3, NFS4", "4, 9P", "All", "4, NFSv3"])
def test_a_template_does_not_bring_version_3_back(tmp_path: Path, given: str) -> None:
    (tmp_path / "t.conf").write_text(f"EXPORT {{ protocols = {given}; }}")
    with pytest.raises(errors.BadConfigurationException, match=r"t.conf: Protocols is .* NFSv3"):
        load(tmp_path, "GLUSTER")
    allowed = load(tmp_path, "GLUSTER", version_3=True)
    assert given.split(", ")[0] in str(dict(allowed.options).get("protocols", "3, 4"))


@pytest.mark.parametrize("given", ["4", "NFSv4", "V4"])
def test_a_template_may_say_version_4(tmp_path: Path, given: str) -> None:
    (tmp_path / "t.conf").write_text(f"EXPORT {{ Protocols = {given}; }}")
    assert dict(load(tmp_path, "GLUSTER").options) == {"Protocols": given}


def test_version_3_is_exported_where_it_is_allowed(tmp_path: Path) -> None:
    export = Export(7, "share-1", "/share-1", options=load(None, "GLUSTER", True).options)
    assert "Protocols = 3, 4;" in to_text(export)


def test_an_exports_file_says_them_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GLUSTER)
    export = Export(7, "share-1", "/share-1", options=load(tmp_path, "GLUSTER").options)
    text = to_text(export)
    assert "sectype = sys, krb5;" in text and "SecType" not in text
    assert "Access_Type = None;" in text and "Protocols = 4;" in text
    assert from_text(text) == export


@pytest.mark.parametrize(("text", "complaint"), BAD)
def test_a_bad_template_is_named_with_its_fault(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / ("t.json" if text.startswith("{") else "t.conf")
    file.write_text(text)
    with pytest.raises(errors.BadConfigurationException, match=complaint) as refused:
        load(tmp_path, "GLUSTER")
    assert str(file) in str(refused.value)
