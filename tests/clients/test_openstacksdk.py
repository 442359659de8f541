"""openstacksdk's shared_file_system proxy."""

from __future__ import annotations

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
