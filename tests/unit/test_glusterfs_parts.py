"""Small parts of the GlusterFS driver: addresses, answers, options, the message bus by command."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.drivers import rules
from abaca.drivers.contract import DictConfiguration, errors
from abaca.drivers.contract.inventory import inventory_result
from abaca.drivers.ganesha.dbus_send import parse_reply
from abaca.drivers.ganesha.export import Export, Fsal, from_text, to_text
from abaca.drivers.glusterfs import replies
from abaca.drivers.glusterfs.address import Address
from abaca.drivers.glusterfs.driver import GlusterfsShareDriver
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.place import CLAIM, Place, owner

GOOD = {
    "host": ("host", None, None, None),
    "root@10.0.0.1": ("10.0.0.1", "root", None, None),
    "gluster.example:/vol": ("gluster.example", None, "vol", None),
    "root@host:/vol": ("host", "root", "vol", None),
    "root@host:/vol/some/path": ("host", "root", "vol", "/some/path"),
}
BAD = [
    *("", "@host", "host:", "host:/", "a:b:/c", "a@b@c", "host:vol", "host/vol", "host:/vol\n"),
    *("-oProxyCommand=x@host", "-host", "host:/-vol", "host:/v$(x)", "ho st:/vol", "host:/v'"),
]


@pytest.mark.parametrize(("text", "parts"), GOOD.items())
def test_an_address(text: str, parts: tuple[Any, ...]) -> None:
    address = Address.read(text)
    assert (address.host, address.user, address.volume, address.path) == parts
    assert address.qualified == text
    assert address.export == text.removeprefix("root@")
    assert Address.read(address.parts()) == address


@pytest.mark.parametrize("text", BAD)
def test_no_address(text: str) -> None:
    with pytest.raises(errors.GlusterfsException):
        Address.read(text)


def test_parts_that_make_no_address() -> None:
    for parts in ({"user": "root"}, {"host": "h", "volume": "v/w"}, {"host": "h", "port": "1"}):
        with pytest.raises(errors.GlusterfsException):
            Address.read(parts)


def manager(answers: dict[str, str], address: str = "host:/vol") -> GlusterManager:
    def execute(*words: object, **keywords: Any) -> tuple[str, str]:
        text = " ".join(map(str, words[2:]))
        if text not in answers:
            raise errors.ProcessExecutionError("", f"no {text}", 1, text)
        return answers[text], ""

    return GlusterManager(address, execute)


OPTION = "<c><opRet>0</opRet><opErrno>0</opErrno><volGetopts>{}</volGetopts></c>"


def test_required_parts() -> None:
    with pytest.raises(errors.GlusterfsException, match="lacks a volume"):
        GlusterManager("host", has_volume=True)
    with pytest.raises(errors.GlusterfsException, match="must not have a path"):
        GlusterManager("host:/vol/path", requires={"volume": True, "path": False})


@pytest.mark.parametrize(
    ("said", "words", "numbers"),
    [
        ("glusterfs 10.3\nmore", ("10", "3"), (10, 3)),
        ("glusterfs 3.6.0beta2 built on x", ("3", "6", "0beta2"), (3, 6)),
    ],
)
def test_versions(said: str, words: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    found = manager({"--version": said})
    assert found.get_gluster_version() == words
    assert GlusterManager.numreduct(words) == numbers
    found.check_gluster_version((3, 5))
    with pytest.raises(errors.GlusterfsException, match="or later is needed"):
        found.check_gluster_version((11,))


def test_error_policies() -> None:
    call = manager({}).gluster_call
    with pytest.raises(errors.GlusterfsException, match="no volume start"):
        call("volume", "start")
    with pytest.raises(errors.ProcessExecutionError):
        call("volume", "start", error_policy="raw")
    assert call("volume", "start", error_policy="suppress") is None
    assert call("volume", "start", error_policy=(1,)) == ("", "no volume start")


@pytest.mark.parametrize("shape", ["<Opt><Option>o</Option>{}</Opt>", "{}"])
@pytest.mark.parametrize(("value", "truth"), [("ON", True), ("disable", False), ("1", True)])
def test_options_in_both_shapes(shape: str, value: str, truth: bool) -> None:
    inner = shape.format(f"<Value>{value}</Value>")
    text = OPTION.format(inner)
    found = manager({"--xml volume get vol o": text})
    assert found.get_gluster_vol_option("o") == value
    assert found.get_vol_option("o", boolean=True) is truth
    assert manager({"--xml volume get vol o": ""}).get_vol_option("o") is None


def test_an_option_that_is_neither_on_nor_off() -> None:
    text = OPTION.format("<Value>x</Value>")
    with pytest.raises(errors.GlusterfsException, match="not on or off"):
        manager({"--xml volume get vol o": text}).get_vol_option("o", boolean=True)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1073741824", 1 << 30), ("10.0GB", 10 << 30), ("512Bytes", 512), ("N/A", None)],
)
def test_sizes_of_old_and_new_servers(text: str, size: int | None) -> None:
    row = f"<limit><path>/a</path><hard_limit>{text}</hard_limit><used_space>0</used_space></limit>"
    root = replies.parse(f"<cliOutput><volQuota>{row}</volQuota></cliOutput>")
    assert replies.limits(root) == [replies.Limit("/a", size, 0)]


ID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("name", "claim", "share_id"),
    [
        ("pool-1", None, None),
        ("pool-1", "NONE", None),
        ("pool-1", ID, ID),
        ("manila-1", None, None),
        (f"manila-{ID}", ID.replace("1", "9"), ID),  # a clone has its parent's claim at first
    ],
)
def test_whose_a_volume_is(name: str, claim: str | None, share_id: str | None) -> None:
    options = {} if claim is None else {CLAIM: claim}
    assert owner(replies.VolumeInfo(name, "Started", (), options)) == share_id


SNAPSHOTS = """<cliOutput><opRet>0</opRet><opErrno>0</opErrno><opErrstr/><snapInfo><count>1</count>
<snapshots><snapshot><name>manila-1_GMT-2026.11.28-00.22.24</name><volCount>1</volCount><snapVolume>
<name>6743</name><status>Started</status><originVolume><name>pool-1-a</name></originVolume>
</snapVolume></snapshot></snapshots></snapInfo></cliOutput>"""
FAILED = "<c><opRet>-1</opRet><opErrno>30800</opErrno><opErrstr>{}</opErrstr></c>"


def test_snapshots_of_a_cluster() -> None:
    def found(answer: str) -> list[replies.SnapshotInfo]:
        return manager({"--xml snapshot info": answer}).snapshots()

    [taken] = found(SNAPSHOTS)
    assert taken == replies.SnapshotInfo("manila-1_GMT-2026.11.28-00.22.24", "pool-1-a", True)
    none = "LVM commands not found, snapshot functionality is disabled"
    assert found(FAILED.format(none)) == []
    with pytest.raises(errors.GlusterfsException, match="out of order"):
        found(FAILED.format("out of order"))


def test_answers_that_are_none() -> None:
    for text in ("", "nonsense", "<cliOutput>"):
        with pytest.raises(replies.BadReply):
            replies.parse(text)
    with pytest.raises(replies.BadReply, match="broken"):
        replies.check(replies.parse("<c><opRet>-1</opRet><opErrstr>broken</opErrstr></c>"))


def test_a_busy_cluster_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    busy = "Another transaction is in progress for vol. Please try again after some time."
    with pytest.raises(errors.StorageCommunicationException, match="Another transaction"):
        manager({}).gluster_call(busy)
    assert pauses == sorted(pauses) and 3 <= len(pauses) <= 10


@pytest.mark.parametrize(
    "said",
    [
        "quota command failed : Failed to start aux mount",
        "Quota command failed. Please check the cli logs for more details",
        "Failed to get trusted.gfid attribute. Reason : Transport endpoint is not connected",
        "Commit failed on 10.0.0.2. Please check log file for details.",
    ],
)
def test_what_a_glusterd_that_is_coming_up_says_is_no_refusal(said: str) -> None:
    with pytest.raises(errors.StorageCommunicationException):
        manager({}).gluster_call(said)


REPLY = """method return time=1.9 sender=:1.2 -> destination=:1.5 serial=8 reply_serial=2
   struct {
      uint64 1795255939
   }
   array [
      struct {
         uint16 0
         string "/ }"
         struct {
            boolean false
         }
      }
      struct {
         uint16 101
         string ""
      }
   ]
"""


def test_an_answer_of_dbus_send() -> None:
    assert parse_reply(REPLY) == ((1795255939,), [(0, "/ }", (False,)), (101, "")])


def test_an_export_of_a_gluster_directory_round_trips() -> None:
    options = (("Hostname", "10.0.0.1"), ("Volume", "vol"), ("Volpath", "/share-1"))
    export = Export(100, "share-1", "/share-1", fsal=Fsal("GLUSTER", options))
    assert from_text(to_text(export)) == export


@pytest.mark.parametrize("name", ["a,b", "a b", "", "*", "x\n", "../x", "$(x)", "'", "x" * 65])
def test_a_common_name_that_would_be_more_than_one(name: str) -> None:
    rule = {"access_id": "1", "access_type": "cert", "access_to": name, "access_level": "rw"}
    assert "1" in rules.read([rule], ("cert",)).refused


CONFIG = {"driver_handles_share_servers": False}


class TwoVolumes:
    """A layout with a share in each of two volumes; the server cannot read the options of one."""

    explicit = True

    def __init__(self) -> None:
        volumes = [manager({}, f"host:/{name}") for name in ("bad", "good")]
        self.places = [Place(each, f"share-{each.volume}", "/") for each in volumes]

    def held(self, of: GlusterManager | None = None) -> Any:
        if of is None:
            return [(place.manager.volume, place, 1) for place in self.places]
        if of.volume == "bad":
            raise errors.GlusterfsException(reason="nfs.export-dir is '((', which is not a list")
        return {"share-good": [("ip", "10.0.0.1", "rw")]}

    def managers(self) -> list[GlusterManager]:
        return [place.manager for place in self.places]

    def locations(self, place: Place) -> list[dict[str, str]]:
        return [{"path": f"host:/{place.name}"}]


def test_a_volume_that_cannot_be_read_is_no_end_of_the_look() -> None:
    driver = GlusterfsShareDriver(configuration=DictConfiguration(CONFIG))
    driver._layout = driver._exporter = TwoVolumes()  # type: ignore[assignment]
    bad, good = inventory_result(driver.get_inventory(None))
    assert (bad.id, good.id) == ("bad", "good")
    assert bad.problem and "export-dir" in bad.problem and bad.rules is None
    assert good.problem is None and good.rules == {("ip", "10.0.0.1", "rw")}


@pytest.mark.parametrize(
    "name", ["*", "*.example.org", "a,b", "a?", "[ab]", "a\\b", "", "-a", "a b"]
)
def test_no_certificate_means_more_than_one(name: str) -> None:
    """glusterd splits names at commas and matches them as patterns."""
    row = {"access_id": "1", "access_type": "cert", "access_to": name, "access_level": "rw"}
    wanted = rules.read([row], ["cert"], levels=["rw"])
    assert wanted.names == {}
    assert wanted.states([row])["1"]["state"] == "error"
