"""Where share servers get addresses: a backend's section, or the section it names."""

from __future__ import annotations

from .options import Mark, flag, integer, text, words

NETWORK = (
    text(
        "network_api_class",
        "manila.network.neutron.neutron_network_plugin.NeutronNetworkPlugin",
        "network plugin; upstream paths are translated",
        mark=Mark.MAPPED,
    ),
    flag("network_plugin_ipv4_enabled", True, "give out IPv4 addresses"),
    flag("network_plugin_ipv6_enabled", False, "give out IPv6 addresses"),
    text("neutron_physical_net_name", None, "physical network of the segment"),
    text("neutron_net_id", None, "network of a single-network plugin"),
    text("neutron_subnet_id", None, "subnet of a single-network plugin"),
    text(
        "neutron_vnic_type",
        "baremetal",
        "kind of port",
        choices=("baremetal", "normal", "direct", "direct-physical", "macvtap"),
    ),
    text("neutron_host_id", None, "host ports are bound to (default: the host name)"),
    words("neutron_binding_profiles", None, "sections with switch data of ports"),
    text("standalone_network_plugin_gateway", None, "gateway; must be set"),
    text("standalone_network_plugin_mask", None, "network mask, as bits or dotted; must be set"),
    text(
        "standalone_network_plugin_network_type",
        None,
        "kind of segment",
        choices=("flat", "vlan", "vxlan", "gre"),
    ),
    integer("standalone_network_plugin_segmentation_id", None, "number of the segment", min=0),
    words("standalone_network_plugin_allowed_ip_ranges", None, "first-last, comma separated"),
    integer("standalone_network_plugin_mtu", 1500, "largest packet"),
    text("ovs_integration_bridge", "br-int", "bridge that ports are plugged into"),
)

PROFILE = (
    text("neutron_switch_id", None, "switch of the ports"),
    text("neutron_port_id", None, "port on that switch"),
    text("neutron_switch_info", None, "further data of that switch"),
)
