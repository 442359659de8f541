"""The client's address: from the peer, and behind trusted proxies from X-Forwarded-For."""

from __future__ import annotations

import pytest

from abaca.web.clients import TrustedProxies, client_address, network_of, normal

PROXIES = ("10.0.0.0/8", "2001:db8:1::/64", "192.0.2.1")


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # not a proxy: its header is its own
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client wrote 1.1.1.1
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("2001:db8:1::5", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9," + "10.0.0.2," * 40 + "10.0.0.2", "10.0.0.2"),
    ],
)
def test_the_right_most_hop_that_is_no_proxy_is_the_client(
    peer: str, header: str | None, client: str
) -> None:
    assert TrustedProxies(PROXIES).client_of(normal(peer), header) == client


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert TrustedProxies().client_of("10.0.0.1", "203.0.113.9") == "10.0.0.1"


def test_without_the_server_it_is_the_remote_address() -> None:
    assert client_address({"REMOTE_ADDR": "192.0.2.7"}) == "192.0.2.7"
    assert client_address({}) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
        ("x:" * 100, "x:" * 32),
        ("", ""),
    ],
)
def test_an_ipv6_client_counts_by_its_64_bit_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1:80", "", "10.0.0.0/33"])
def test_a_proxy_is_an_address_or_a_network(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        TrustedProxies([text])
