"""ShareDriver: every row of the contract is there, with its arguments, and the base behaves."""

from __future__ import annotations

import inspect

import pytest

from abaca.drivers.contract import DictConfiguration, ExecuteMixin, ShareDriver, overrides
from abaca.drivers.contract import errors as e
from abaca.drivers.contract.records import (
    share_group_record,
    share_group_snapshot_record,
    share_record,
    share_server_record,
    snapshot_record,
)

# The 90 rows of the contract: name -> argument names.
METHODS = {
    "do_setup": "context",
    "check_for_setup_error": "",
    "create_share": "context share share_server=",
    "create_share_from_snapshot": "context share snapshot share_server= parent_share=",
    "delete_share": "context share share_server=",
    "extend_share": "share new_size share_server=",
    "shrink_share": "share new_size share_server=",
    "ensure_share": "context share share_server=",
    "ensure_shares": "context shares",
    "get_backend_info": "context",
    "get_optional_share_creation_data": "share share_server=",
    "allow_access": "context share access share_server=",
    "deny_access": "context share access share_server=",
    "update_access": (
        "context share access_rules add_rules delete_rules update_rules share_server="
    ),
    "create_snapshot": "context snapshot share_server=",
    "delete_snapshot": "context snapshot share_server=",
    "revert_to_snapshot": (
        "context snapshot share_access_rules snapshot_access_rules share_server="
    ),
    "snapshot_update_access": (
        "context snapshot access_rules add_rules delete_rules share_server="
    ),
    "manage_existing": "share driver_options",
    "manage_existing_with_server": "share driver_options share_server=",
    "unmanage": "share",
    "unmanage_with_server": "share share_server=",
    "manage_existing_snapshot": "snapshot driver_options",
    "manage_existing_snapshot_with_server": "snapshot driver_options share_server=",
    "unmanage_snapshot": "snapshot",
    "unmanage_snapshot_with_server": "snapshot share_server=",
    "get_pool": "share",
    "get_share_stats": "refresh=",
    "get_periodic_hook_data": "context share_instances",
    "get_share_status": "share share_server=",
    "update_share_usage_size": "context shares",
    "get_inventory": "context",
    "get_extra_specs": "",
    "get_filter_function": "pool=",
    "get_goodness_function": "",
    "get_default_filter_function": "pool=",
    "get_default_goodness_function": "",
    "get_configured_ip_versions": "",
    "add_ip_version_capability": "data",
    "get_network_allocations_number": "",
    "get_admin_network_allocations_number": "",
    "allocate_network": "context share_server share_network share_network_subnet count= **kwargs",
    "allocate_admin_network": "context share_server count= **kwargs",
    "deallocate_network": "context share_server_id share_network= share_network_subnet=",
    "update_network_allocation": "context share_server",
    "update_admin_network_allocation": "context share_server",
    "choose_share_server_compatible_with_share": (
        "context share_servers share snapshot= share_group= encryption_key_ref="
    ),
    "choose_share_server_compatible_with_share_group": (
        "context share_servers share_group_ref share_group_snapshot="
    ),
    "setup_server": "network_info metadata=",
    "teardown_server": "server_details security_services=",
    "get_share_server_pools": "share_server",
    "get_share_server_network_info": "context share_server identifier driver_options",
    "manage_server": "context share_server identifier driver_options",
    "unmanage_server": "server_details security_services=",
    "connection_get_info": "context share share_server=",
    "migration_check_compatibility": (
        "context source_share destination_share share_server= destination_share_server="
    ),
    **dict.fromkeys(
        [
            "migration_start",
            "migration_continue",
            "migration_complete",
            "migration_cancel",
            "migration_get_progress",
        ],
        "context source_share destination_share source_snapshots snapshot_mappings"
        " share_server= destination_share_server=",
    ),
    "transfer_accept": "context share new_user new_project access_rules= share_server=",
    "create_replica": (
        "context replica_list new_replica access_rules replica_snapshots share_server="
    ),
    "delete_replica": "context replica_list replica_snapshots replica share_server=",
    "promote_replica": (
        "context replica_list replica access_rules share_server= quiesce_wait_time="
    ),
    "update_replica_state": (
        "context replica_list replica access_rules replica_snapshots share_server="
    ),
    "create_replicated_snapshot": "context replica_list replica_snapshots share_server=",
    "delete_replicated_snapshot": "context replica_list replica_snapshots share_server=",
    "update_replicated_snapshot": (
        "context replica_list share_replica replica_snapshots replica_snapshot share_server="
    ),
    "revert_to_replicated_snapshot": (
        "context active_replica replica_list active_replica_snapshot replica_snapshots"
        " share_access_rules snapshot_access_rules share_server="
    ),
    "create_share_group": "context share_group_dict share_server=",
    "create_share_group_from_share_group_snapshot": (
        "context share_group_dict share_group_snapshot_dict share_server="
    ),
    "delete_share_group": "context share_group_dict share_server=",
    "create_share_group_snapshot": "context snap_dict share_server=",
    "delete_share_group_snapshot": "context snap_dict share_server=",
    "share_server_migration_check_compatibility": (
        "context share_server dest_host old_share_network new_share_network shares_request_spec"
    ),
    **dict.fromkeys(
        [
            "share_server_migration_start",
            "share_server_migration_continue",
            "share_server_migration_cancel",
            "share_server_migration_get_progress",
        ],
        "context src_share_server dest_share_server shares snapshots",
    ),
    "share_server_migration_complete": (
        "context src_share_server dest_share_server shares snapshots new_network_info"
    ),
    **dict.fromkeys(
        [
            "update_share_server_security_service",
            "check_update_share_server_security_service",
        ],
        "context share_server network_info share_instances share_instance_rules"
        " new_security_service current_security_service=",
    ),
    "check_update_share_server_network_allocations": (
        "context share_server current_network_allocations new_share_network_subnet"
        " security_services share_instances share_instances_rules"
    ),
    "update_share_server_network_allocations": (
        "context share_server current_network_allocations new_network_allocations"
        " security_services shares snapshots"
    ),
    "create_backup": "context share_instance backup share_server=",
    "create_backup_continue": "context share_instance backup share_server=",
    "delete_backup": "context backup share_instance share_server=",
    "restore_backup": "context backup share_instance share_server=",
    "restore_backup_continue": "context backup share_instance share_server=",
    "update_share_from_metadata": "context share metadata share_server=",
    "update_share_network_subnet_from_metadata": (
        "context share_network share_network_subnet share_server metadata"
    ),
}
PROPERTIES = [
    "driver_handles_share_servers",
    "admin_network_api",
    "replication_domain",
    "snapshots_are_supported",
    "creating_shares_from_snapshots_is_supported",
    "max_shares_per_share_server",
    "max_share_server_size",
]
OURS = {"get_inventory", "get_extra_specs"}  # beyond the specification
DOES_SOMETHING = {
    "do_setup",
    "check_for_setup_error",
    "get_optional_share_creation_data",
    "get_extra_specs",
    "unmanage",
    "unmanage_with_server",
    "unmanage_snapshot",
    "unmanage_snapshot_with_server",
    "get_pool",
    "get_share_stats",
    "get_periodic_hook_data",
    "update_share_usage_size",
    "get_filter_function",
    "get_goodness_function",
    "get_default_filter_function",
    "get_default_goodness_function",
    "get_configured_ip_versions",
    "add_ip_version_capability",
    "get_admin_network_allocations_number",
    "allocate_admin_network",
    "update_admin_network_allocation",
    "choose_share_server_compatible_with_share",
    "choose_share_server_compatible_with_share_group",
    "setup_server",
    "teardown_server",
    "get_share_server_pools",
    "connection_get_info",
    "migration_check_compatibility",
    "transfer_accept",
    "create_share_group",
    "delete_share_group",
    "create_share_group_from_share_group_snapshot",
    "create_share_group_snapshot",
    "delete_share_group_snapshot",
    "share_server_migration_check_compatibility",
}


def make(cls=ShareDriver, handles=False, default=None, **options):
    values = {"driver_handles_share_servers": handles, **options}
    kwargs = options.pop("kwargs", {})
    return cls(handles, configuration=DictConfiguration(values, default=default), **kwargs)


def test_the_contract_has_90_rows():
    assert len(METHODS.keys() - OURS) == 90


@pytest.mark.parametrize("name", METHODS)
def test_arguments(name):
    wanted = []
    for p in list(inspect.signature(getattr(ShareDriver, name)).parameters.values())[1:]:
        mark = "**" if p.kind is p.VAR_KEYWORD else ""
        wanted.append(f"{mark}{p.name}{'' if p.default is p.empty else '='}")
    assert " ".join(wanted) == METHODS[name]


@pytest.mark.parametrize("name", sorted(METHODS.keys() - DOES_SOMETHING))
def test_not_implemented_in_the_base(name):
    required = [a for a in METHODS[name].split() if not a.endswith("=") and "*" not in a]
    with pytest.raises(NotImplementedError):
        getattr(make(), name)(*[{} for _ in required])


def test_properties():
    driver = make()
    for name in PROPERTIES:
        assert isinstance(inspect.getattr_static(type(driver), name), property)
    assert driver.max_shares_per_share_server == driver.max_share_server_size == -1
    assert driver.admin_network_api is None
    assert driver.replication_domain is None


def test_no_public_name_beside_the_contract():
    public = {n for n, _ in inspect.getmembers(ShareDriver, inspect.isfunction) if n[0] != "_"}
    assert public == METHODS.keys()


@pytest.mark.parametrize(
    ("modes", "value"),
    [(False, None), (False, 0), (False, True), ((True,), False), ("both", True), ((1, 0), True)],
)
def test_wrong_mode_is_refused(modes, value):
    configuration = DictConfiguration({"driver_handles_share_servers": value})
    with pytest.raises(e.ManilaException):
        ShareDriver(modes, configuration=configuration)


@pytest.mark.parametrize("modes", [(True, False), [False], {False, True}, False])
def test_modes(modes):
    configuration = DictConfiguration({"driver_handles_share_servers": False})
    assert ShareDriver(modes, configuration=configuration).driver_handles_share_servers is False


class WithSnapshots(ShareDriver):
    def create_snapshot(self, context, snapshot, share_server=None):
        self.made = [*getattr(self, "made", []), snapshot["id"]]
        if snapshot["id"] == "bad":
            raise e.ShareBackendException(msg="full")

    def delete_snapshot(self, context, snapshot, share_server=None):
        self.made.remove(snapshot["id"])


class WithClones(WithSnapshots):
    def create_share_from_snapshot(self, context, share, snapshot, **kwargs):
        return [f"h:/{share['id']}-of-{snapshot['id']}"]


def test_capabilities_follow_overrides():
    seen = [
        (d.snapshots_are_supported, d.creating_shares_from_snapshots_is_supported)
        for d in (make(), make(WithSnapshots), make(WithClones))
    ]
    assert seen == [(False, False), (True, False), (True, True)]
    stats = make(WithClones).get_share_stats(refresh=True)
    assert stats["snapshot_support"] and stats["create_share_from_snapshot_support"]
    assert not overrides(make(WithClones), "create_snapshot", "revert_to_snapshot")


def test_functions_section_then_default_then_own():
    class Own(ShareDriver):
        def get_default_filter_function(self, pool=None):
            return f"own-{pool}"

    assert make(Own).get_filter_function("p") == "own-p"
    assert make(Own, default={"filter_function": "d"}).get_filter_function() == "d"
    assert make(Own, filter_function="s").get_filter_function() == "s"
    assert make().get_goodness_function() is None


def test_ip_versions():
    class Six(ShareDriver):
        ipv6_implemented = True

    with pytest.raises(NotImplementedError):
        make(Six).get_configured_ip_versions()
    data = make().add_ip_version_capability({"pools": [{}]})
    assert data == {
        "ipv4_support": True,
        "ipv6_support": False,
        "pools": [{"ipv4_support": True, "ipv6_support": False}],
    }


class Plugin:
    def __init__(self, group, label):
        self.group, self.label, self.calls = group, label, []

    enabled_ip_versions = {6}

    def allocate_network(self, context, server, **kwargs):
        self.calls.append((server, kwargs))


class Served(ShareDriver):
    def get_network_allocations_number(self):
        return 2

    def get_configured_ip_versions(self):
        return [4, 6]


def test_network_plugins():
    driver = Served(
        True,
        configuration=DictConfiguration({"driver_handles_share_servers": True}),
        network_plugins=Plugin,
    )
    driver.allocate_network(None, "srv", "net", "sub")
    driver.allocate_network(None, "srv", "net", "sub", count=0)
    assert driver.network_api.group == "backend" and driver.network_api.label == "user"
    assert [kw["count"] for _, kw in driver.network_api.calls] == [2]
    assert driver.add_ip_version_capability({}) == {"ipv4_support": False, "ipv6_support": True}
    with pytest.raises(e.NetworkBadConfigurationException):
        driver.allocate_admin_network(None, "srv", count=1)


def test_servers():
    servers = [share_server_record(id="1"), share_server_record(id="2")]
    choose = make().choose_share_server_compatible_with_share
    assert choose(None, servers, {}).id == "1"
    assert choose(None, servers, {}, share_group={"share_server_id": "2"}).id == "2"
    assert choose(None, [], {}) is None
    assert make().setup_server([]) is None
    with pytest.raises(NotImplementedError):
        make(handles=True).setup_server([])


def test_connection_info():
    share = share_record(
        id="i", size=1, share_proto="NFS", export_locations=[{"path": "10.0.0.1:/x"}]
    )
    info = make().connection_get_info(None, share)
    assert info["mount"] == "mount -vt nfs %(options)s 10.0.0.1:/x %(path)s"
    assert info["unmount"] == "umount -v %(path)s"
    assert info["access_mapping"] == {"ip": ["nfs"], "user": ["cifs"]}


def _member(member_id):
    share = share_record(id=f"share-{member_id}", size=1, share_proto="NFS")
    return snapshot_record(id=member_id, share=share).to_dict()


def test_group_snapshot_undoes_what_it_made():
    driver = make(WithSnapshots)
    members = [_member(i) for i in ("one", "two", "bad")]
    group = share_group_snapshot_record(
        id="g", share_group_id="G", share_group_snapshot_members=members
    )
    with pytest.raises(e.ShareBackendException):
        driver.create_share_group_snapshot(None, group)
    assert driver.made == ["bad"]
    with pytest.raises(e.ShareGroupSnapshotNotSupported):
        make().create_share_group_snapshot(None, group)


def test_group_from_group_snapshot():
    driver = make(WithClones)
    snapshot = share_group_snapshot_record(
        id="g", share_group_id="G", share_group_snapshot_members=[_member("m")]
    )
    share = share_record(
        id="s", size=1, share_proto="NFS", source_share_group_snapshot_member_id="m"
    )
    group = share_group_record(id="n", shares=[share])
    made = driver.create_share_group_from_share_group_snapshot(None, group, snapshot)
    assert made[1][0]["export_locations"][0]["path"] == "h:/s-of-m"
    empty = share_group_snapshot_record(id="g", share_group_id="G")
    assert driver.create_share_group_from_share_group_snapshot(None, group, empty) == (None, None)
    stray = group.replace(shares=[share.replace(source_share_group_snapshot_member_id="x")])
    with pytest.raises(e.InvalidShareGroup):
        driver.create_share_group_from_share_group_snapshot(None, stray, snapshot)


def test_execute_mixin_tries_again(monkeypatch):
    class Runs(ExecuteMixin, ShareDriver):
        pass

    slept, tries = [], []
    monkeypatch.setattr("time.sleep", slept.append)

    def execute(*cmd, **kwargs):
        tries.append(cmd)
        raise e.ProcessExecutionError(exit_code=1, cmd="x")

    driver = make(Runs, kwargs={"execute": execute})
    with pytest.raises(e.ProcessExecutionError):
        driver._try_execute("x")
    assert len(tries) == 3 and slept == [1, 4]
    assert driver.configuration.ssh_conn_timeout == 60
    assert make(Runs)._execute("echo", "a b")[0] == "a b\n"
    with pytest.raises(e.ProcessExecutionError) as caught:
        make(Runs)._execute("/no/such/command")
    assert caught.value.exit_code == 127
