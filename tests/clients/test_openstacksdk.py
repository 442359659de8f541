"""openstacksdk's shared_file_system proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from openstack.connection import Connection

pytestmark = pytest.mark.xdist_group("clients")


def test_a_share_from_beginning_to_end(cloud: Connection) -> None:
    api = cloud.shared_file_system
    share = api.create_share(share_protocol="NFS", size=1, name="sdk", description="by the sdk")
    share = api.wait_for_status(share, status="available", failures=["error"], interval=0.1)
    assert api.get_share(share.id).name == "sdk"
    assert share.id in {each.id for each in api.shares(details=True)}
    assert [each.id for each in api.shares(name="sdk")] == [share.id]
    api.update_share(share.id, name="renamed")
    assert api.get_share(share.id).name == "renamed"
    api.resize_share(share.id, 2)
    api.wait_for_status(api.get_share(share.id), status="available", interval=0.1)
    assert api.get_share(share.id).size == 2
    (location, *_) = api.export_locations(share.id)
    assert api.get_export_location(location.id, share.id).path == location.path
    (instance,) = [each for each in api.share_instances() if each.share_id == share.id]
    assert api.get_share_instance(instance.id).status == "available"
    api.create_share_metadata(share.id, a="1")
    assert api.get_share_metadata(share.id).metadata == {"a": "1"}
    api.delete_share_metadata(share.id, ["a"])
    api.delete_share(share.id)
    api.wait_for_delete(share, interval=0.1)
    with pytest.raises(openstack.exceptions.NotFoundException):
        api.get_share(share.id)


def test_rules(cloud: Connection) -> None:
    api = cloud.shared_file_system
    share = api.create_share(share_protocol="NFS", size=1, name="sdk rules")
    api.wait_for_status(share, status="available", interval=0.1)
    rule = api.create_access_rule(
        share.id, access_level="rw", access_type="ip", access_to="192.0.2.3"
    )
    assert [each.id for each in api.access_rules(share)] == [rule.id]
    assert api.get_access_rule(rule.id).access_to == "192.0.2.3"
    api.delete_access_rule(rule.id, share.id)
    api.delete_share(share.id)
    api.wait_for_delete(share, interval=0.1)


def test_snapshots(cloud: Connection) -> None:
    api = cloud.shared_file_system
    share = api.create_share(share_protocol="NFS", size=1, name="sdk snapshots")
    api.wait_for_status(share, status="available", interval=0.1)
    snapshot = api.create_share_snapshot(share_id=share.id, name="first")
    api.wait_for_status(snapshot, status="available", interval=0.1)
    assert api.get_share_snapshot(snapshot.id).name == "first"
    assert [s.name for s in api.share_snapshots() if s.share_id == share.id] == ["first"]
    api.revert_share_to_snapshot(share.id, snapshot.id)
    api.wait_for_status(api.get_share(share.id), status="available", interval=0.1)
    api.delete_share_snapshot(snapshot.id)
    api.wait_for_delete(snapshot, interval=0.1)
    api.delete_share(share.id)
    api.wait_for_delete(share, interval=0.1)


def test_what_there_is(cloud: Connection) -> None:
    api = cloud.shared_file_system
    assert [zone.name for zone in api.availability_zones()] == ["nova"]
    assert [pool.name for pool in api.storage_pools()] == ["node@fake#fake"]
    assert len(list(api.limits())) > 0
    assert list(api.user_messages()) is not None
    assert api.get_quota_class_set("default").shares == 50


@pytest.fixture
def share(cloud: Connection) -> Iterator[Any]:
    api = cloud.shared_file_system
    made = api.create_share(share_protocol="NFS", size=1, name="sdk share")
    yield api.wait_for_status(made, status="available", failures=["error"], interval=0.1)
    for found in list(api.shares(name="sdk share")):
        api.delete_share(found.id)
        api.wait_for_delete(found, interval=0.1)


def test_properties(cloud: Connection, share: Any) -> None:
    api = cloud.shared_file_system
    api.set_share_metadata(share.id, a="1", b="2")
    assert api.fetch_share_metadata(share.id).metadata == {"a": "1", "b": "2"}
    assert api.fetch_share_metadata_item(share.id, "a").metadata == {"a": "1"}
    api.set_share_metadata(share.id, replace=True, c="3")
    assert api.fetch_share_metadata(share.id).metadata == {"c": "3"}
    api.delete_share_metadata(share.id, ["c"])
    assert api.fetch_share_metadata(share.id).metadata == {}


def test_what_administrators_do_to_a_share(cloud: Connection, share: Any) -> None:
    api = cloud.shared_file_system
    assert api.find_share("sdk share").id == share.id
    api.reset_share_status(share.id, "error")
    assert api.get_share(share.id).status == "error"
    (instance,) = [each for each in api.share_instances() if each.share_id == share.id]
    api.reset_share_instance_status(instance.id, "available")
    assert api.get_share(share.id).status == "available"
    api.soft_delete_share(share.id)
    assert share.id not in {each.id for each in api.shares()}
    api.restore_share(share.id)
    assert share.id in {each.id for each in api.shares()}
    path, host = next(iter(api.export_locations(share.id))).path, api.get_share(share.id).host
    api.unmanage_share(share.id)
    api.wait_for_delete(share, interval=0.1)
    managed = api.manage_share("NFS", path, host, name="sdk share")
    api.wait_for_status(managed, status="available", failures=["manage_error"], interval=0.1)
    (instance,) = [each for each in api.share_instances() if each.share_id == managed.id]
    api.delete_share_instance(instance.id)
    api.wait_for_delete(managed, interval=0.1)


def test_what_administrators_do_to_a_snapshot(cloud: Connection, share: Any) -> None:
    api = cloud.shared_file_system
    snapshot = api.create_share_snapshot(share_id=share.id, name="sdk one")
    api.wait_for_status(snapshot, status="available", interval=0.1)
    assert api.update_share_snapshot(snapshot.id, name="sdk two").name == "sdk two"
    api.set_share_snapshot_metadata(snapshot.id, a="1")
    assert api.fetch_share_snapshot_metadata(snapshot.id).metadata == {"a": "1"}
    assert api.fetch_share_snapshot_metadata_item(snapshot.id, "a").metadata == {"a": "1"}
    api.delete_share_snapshot_metadata(snapshot.id, ["a"])
    instances = [each for each in api.share_snapshot_instances() if each.snapshot_id == snapshot.id]
    where = api.get_share_snapshot_instance(instances[0].id).provider_location
    api.reset_share_snapshot_status(snapshot.id, "error")
    api.reset_share_snapshot_status(snapshot.id, "available")
    api.unmanage_share_snapshot(snapshot.id)
    api.wait_for_delete(snapshot, interval=0.1)
    managed = api.manage_share_snapshot(share.id, where, name="sdk again")
    api.wait_for_status(managed, status="available", failures=["manage_error"], interval=0.1)
    api.delete_share_snapshot(managed.id)
    api.wait_for_delete(managed, interval=0.1)


def test_types(cloud: Connection) -> None:
    api = cloud.shared_file_system
    specs = {"driver_handles_share_servers": "False", "share_backend_name": "none"}
    made = api.create_share_type(name="sdk type", extra_specs=specs)
    assert "sdk type" in {each.name for each in api.share_types()}
    api.update_share_type(made, description="changed")
    api.update_share_type_extra_specs(made, colour="red")
    assert api.get_share_type(made.id).extra_specs["colour"] == "red"
    api.delete_share_type_extra_spec_property(made, "colour")
    assert "colour" not in api.get_share_type(made.id).extra_specs
    homeless = api.create_share(share_protocol="NFS", size=1, name="sdk x", share_type=made.id)
    api.wait_for_status(homeless, status="error", failures=["available"], interval=0.1)
    (message,) = api.user_messages(resource_id=homeless.id)
    assert "lacks what the share type asks for" in api.get_user_message(message.id).user_message
    api.delete_user_message(message.id)
    api.delete_share(homeless.id)
    api.wait_for_delete(homeless, interval=0.1)
    api.delete_share_type(made)


def test_quotas_and_services(cloud: Connection) -> None:
    api = cloud.shared_file_system
    project = cloud.current_project_id
    assert api.update_quota_set(project, shares=77).shares == 77
    assert api.get_quota_set(project).shares == 77
    api.revert_quota_set(project)
    assert api.get_quota_set(project).shares == 50
    assert api.update_quota_class_set("default", snapshots=51).snapshots == 51
    api.update_quota_class_set("default", snapshots=50)
    (service,) = [each for each in api.services() if each.binary == "manila-share"]
    named = {"host": service.host, "binary": service.binary}
    api.disable_service(service, **named, disable_reason="to be mended")
    (found,) = api.services(host=service.host)
    assert (found.status, found.disabled_reason) == ("disabled", "to be mended")
    api.enable_service(service, **named)
    api.ensure_shares_service(service.host)
