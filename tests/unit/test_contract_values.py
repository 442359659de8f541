"""Records, results, errors, configuration and private storage of the contract."""

from __future__ import annotations

import copy
import json
import pickle
import re
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from abaca.drivers.contract import Configuration, DictConfiguration, MemoryPrivateStorage
from abaca.drivers.contract import errors as e
from abaca.drivers.contract import records as r
from abaca.drivers.contract import results as x
from abaca.drivers.contract.options import GANESHA_OPTS, SHARE_OPTS, SSH_OPTS

SHARE = r.share_record(id="i", share_id="s", size=1, share_proto="NFS", metadata={"a": "b"})

# Records


def test_record_is_mapping_and_object():
    assert SHARE["size"] == SHARE.size == SHARE.get("size") == dict(SHARE)["size"] == 1
    assert "size" in SHARE and "nothing" not in SHARE and SHARE.get("nothing", 7) == 7
    assert SHARE.name == "share-i" and SHARE.snapshot_id is None
    assert SHARE.to_dict() == dict(SHARE) and list(SHARE) == list(SHARE.keys())
    with pytest.raises(AttributeError):
        _ = SHARE.nothing
    with pytest.raises(KeyError):
        _ = SHARE["nothing"]


def test_record_does_not_change():
    with pytest.raises(AttributeError):
        SHARE.size = 2
    with pytest.raises(AttributeError):
        del SHARE.size
    with pytest.raises(TypeError):
        SHARE["size"] = 2
    assert SHARE.replace(size=2).size == 2 and SHARE.size == 1


def test_record_defaults_are_not_shared():
    one, two = (r.share_record(id="i", size=1, share_proto="NFS") for _ in range(2))
    one.metadata["x"] = "y"
    assert two.metadata == {}


def test_record_refuses_unknown_keys():
    with pytest.raises(TypeError, match="sizee"):
        r.share_record(id="i", sizee=1)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_record_survives_copies(again):
    assert again(SHARE) == SHARE and type(again(SHARE)) is r.Share


def test_every_key_is_always_there():
    for cls in r.Record.__subclasses__():
        made = cls.make(**({"id": "x"} if cls.name_template else {}))
        assert set(made) == set(cls.keys_) - cls.optional
        assert json.dumps(made.to_dict())


def test_snapshot_takes_what_it_can_from_its_share():
    snapshot = r.snapshot_record(id="n", share=SHARE)
    assert (snapshot.share_id, snapshot.share_instance_id, snapshot.size) == ("i", "i", 1)
    assert snapshot.name == "share-snapshot-n" and snapshot.share.share_id == "s"


def test_passwords_are_not_printed():
    assert "hush" not in repr(r.security_service_record(id="1", type="ldap", password="hush"))


# Results

text = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).filter(str.strip)
metadata = st.dictionaries(st.text(), st.text() | st.integers() | st.booleans(), max_size=3)
location = text | st.builds(
    lambda p, a, m: {"path": p, "is_admin_only": a, "metadata": m}, text, st.booleans(), metadata
)
junk = st.none() | st.booleans() | st.integers() | st.floats() | st.binary()
junk = (
    junk | st.lists(st.integers(), min_size=1) | st.dictionaries(st.text(max_size=3), st.integers())
)


@given(st.lists(location, max_size=4) | location | st.none())
def test_export_locations_are_regular(value):
    made = x.export_locations(value)
    assert x.export_locations([loc.to_return() for loc in made]) == made
    assert x.export_locations(made) == made
    assert len({loc.path for loc in made}) == len(made)
    for loc in made:
        assert isinstance(loc.path, str) and type(loc.is_admin_only) is bool
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in loc.metadata.items())


@given(
    st.sampled_from(
        [
            x.export_locations,
            x.create_result,
            lambda v: x.create_result(v, from_snapshot=True),
            x.snapshot_result,
            x.status_result,
            x.manage_result,
            x.revert_result,
            x.ensure_result,
            lambda v: x.access_updates(v, [{"id": "a"}]),
        ]
    ),
    junk
    | st.recursive(
        junk,
        lambda inner: st.dictionaries(
            st.sampled_from(
                ["status", "export_locations", "size", "path", "a", "state", "metadata"]
            ),
            inner,
        ),
    ),
)
@settings(max_examples=1000, deadline=None)
def test_junk_is_understood_or_refused(normalise, value):
    try:
        normalise(value)
    except e.InvalidShareInstance as error:
        assert "driver returned" in str(error)


@pytest.mark.parametrize(
    "value", [7, b"x", [None], [7], "", " ", {"path": ""}, {"path": 7}, {}, "a\nb"]
)
def test_locations_refused(value):
    with pytest.raises(e.InvalidShareInstance):
        x.export_locations(value)


def test_create_results():
    assert x.create_result("h:/p").export_locations == (x.Location("h:/p"),)
    assert x.create_result(None).export_locations == ()
    clone = x.create_result({"status": "creating_from_snapshot"}, from_snapshot=True)
    assert clone.status == "creating_from_snapshot" and clone.export_locations == ()
    assert x.create_result(["a"], from_snapshot=True).status == "available"
    assert x.create_result({"path": "a"}, from_snapshot=True).status == "available"
    for bad in ({}, {"status": "error"}, {"status": "available"}, {"export_locations": ["a"]}):
        with pytest.raises(e.InvalidShareInstance):
            x.create_result(bad, from_snapshot=True)


def test_other_results():
    assert x.snapshot_result(None).status == "available"
    assert x.snapshot_result({"provider_location": 7, "size": 1.5}).size == 2
    assert x.manage_result({"size": 3}) == x.Managed(3, None)
    assert x.revert_result(None) == x.Reverted(True, None)
    assert x.revert_result(5).size == 5
    assert not x.revert_result({"status": "reverting_to_snapshot"}).done
    assert x.status_result({"status": "reverting_error", "progress": 5}).progress == "5"
    assert x.ensure_result({"a": None, "b": {"reapply_access_rules": True}}) == {
        "b": x.Ensured(reapply_access_rules=True)
    }
    for bad in (0, -1, True, float("nan"), float("inf"), "1"):
        with pytest.raises(e.InvalidShareInstance):
            x.manage_result({"size": bad})


ids = st.integers(0, 20).map(str)


@given(st.dictionaries(ids, ids, max_size=6), st.booleans())
def test_rule_updates_by_either_key(rules, by_id):
    given_rules = [{"id": f"m{a}", "access_id": f"r{b}"} for a, b in rules.items()]
    key = "id" if by_id else "access_id"
    result = {rule[key]: {"state": "error"} for rule in given_rules} | {"stranger": {}}
    updates = x.access_updates(result, given_rules)
    assert set(updates) == {rule["access_id"] for rule in given_rules}
    assert all(update.state == "error" for update in updates.values())


# Errors


def test_every_error_of_the_contract_is_there():
    text = Path(__file__).resolve().parents[3] / "shared" / "spec" / "driver-contract.md"
    if not text.exists():
        pytest.skip("the specification is not at hand")
    section = text.read_text().split("## 2.")[1].split("## 3.")[0]
    first_cells = " ".join(line.split("|")[1] for line in section.splitlines() if "|" in line)
    names = set(re.findall(r"\b[A-Z]\w+", first_cells)) - {"Name", "NotImplementedError"}
    assert names <= e.ERRORS.keys(), names - e.ERRORS.keys()


@pytest.mark.parametrize("kind", e.ERRORS.values())
def test_errors_can_be_raised_without_values(kind):
    error = kind()
    assert str(error) and isinstance(error, e.DriverError) and 400 <= error.http_code < 600
    assert "{" not in str(error)


def test_error_values():
    error = e.ShareResourceNotFound(share_id="x", detail_data={"server_details": {"a": "b"}})
    assert "x" in error.msg and error.code == 404
    assert e.detail_data(error) == {"server_details": {"a": "b"}}
    assert e.detail_data(ValueError()) == {}
    assert e.NetworkException(code=404).http_code == 404
    assert str(e.InvalidShare("as it is {x}")) == "as it is {x}"


def test_foreign_errors_are_known_by_name():
    foreign = type("ShareShrinkingPossibleDataLoss", (Exception,), {})
    child = type("Special", (foreign,), {})
    assert e.is_a(child(), "ShareShrinkingPossibleDataLoss") and not e.transient(child())
    assert e.transient(type("Timeout", (IOError,), {})())
    assert e.transient(ConnectionResetError()) and e.transient(TimeoutError())
    assert e.transient(e.StorageCommunicationException(reason="x"))
    assert not e.transient(e.ShareBackendException(msg="x"))
    assert not e.transient(NotImplementedError())
    assert e.not_found(e.VastShareNotFound(name="x"))


# Configuration, private storage


def test_configuration_over_oslo():
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    configuration = Configuration(SHARE_OPTS, "alpha", conf)
    configuration.append_config_values([*SSH_OPTS, *SHARE_OPTS])
    conf.register_opt(cfg.StrOpt("filter_function"))
    conf.set_override("num_shell_tries", 7, group="alpha")
    conf.set_override("filter_function", "f")
    assert configuration.num_shell_tries == 7 and configuration.config_group == "alpha"
    assert configuration.protocol_access_mapping == {"ip": ["nfs"], "user": ["cifs"]}
    assert configuration.safe_get("nothing") is None
    assert configuration.safe_get("filter_function") is None
    assert configuration.default_get("filter_function") == "f"
    assert configuration.default_get("nothing") is None
    with pytest.raises(AttributeError):
        _ = configuration.nothing


def test_plain_configuration():
    configuration = DictConfiguration({"num_shell_tries": "7", "own": 1})
    configuration.append_config_values([*SHARE_OPTS, *GANESHA_OPTS])
    assert configuration.num_shell_tries == 7 and configuration.own == 1
    assert configuration.ganesha_service_name == "ganesha.nfsd"
    assert configuration.safe_get("nothing") is None
    with pytest.raises(AttributeError):
        _ = configuration.nothing


def test_private_storage():
    storage, key = MemoryPrivateStorage(), str(uuid.uuid4())
    storage.update(key, {"a": "x" * 5000, "b": 2, "c": [1]})
    storage.update(key, {"b": "3"})
    assert storage.get(key) == {"a": "x" * 5000, "b": "3", "c": "[1]"}
    assert storage.get(key, "z", "d") == "d"
    storage.delete(key, "a")
    storage.update(key, {"q": "1"}, delete_existing=True)
    assert storage.get(key) == {"q": "1"}
    for _ in range(2):
        storage.delete(key)
    assert storage.get(key) == {}
    for bad in ("not-a-uuid", "", None):
        with pytest.raises(ValueError):
            storage.get(bad)
    with pytest.raises(ValueError):
        storage.update(key, [1])
