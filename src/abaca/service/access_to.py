"""Whom an access rule lets in, by type of rule: checked, and written in one way.

The protocol of the share is not looked at: a backend refuses what it cannot do, and the rule then
goes to error.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from abaca.model.errors import BadRequest

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_USER = re.compile(r'[^"/\\\[\]:;|=,+*?<>]{4,255}')
_CEPHX = re.compile(r"[!-~ ]+")
MAX = 255


def check(access_type: str, access_to: str, *, ipv6: bool = True) -> str:
    """The form that is stored.  Raises BadRequest.  ipv6: since 2.38."""
    if access_type == "ip":
        return _ip(access_to, ipv6=ipv6)
    return _CHECKS[access_type](access_to)


def same(access_type: str, one: str, other: str) -> bool:
    """Whether two stored forms mean the same: 10.0.0.1 is 10.0.0.1/32."""
    if one == other:
        return True
    return access_type == "ip" and _network(one) == _network(other)


def _refused(access_to: str, rule: str) -> BadRequest:
    quoted = ascii(access_to)
    if len(quoted) > 60:
        quoted = f"{quoted[:56]}...'"
    return BadRequest(f"access_to is {quoted}; it must be {rule}.")


def _ip(access_to: str, *, ipv6: bool) -> str:
    rule = "an address or a network without host bits, such as 10.0.0.0/24"
    rule += " or 2001:db8::/32" if ipv6 else " (IPv6 is known since 2.38)"
    if "%" in access_to:
        raise _refused(access_to, f"{rule}; an address with a zone is one of this machine only")
    try:
        network = _network(access_to)
    except ValueError:
        raise _refused(access_to, rule) from None
    if network.version == 6 and not ipv6:
        raise _refused(access_to, rule)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise _refused(access_to, "written as IPv4: it is an IPv4 address inside IPv6")
    return str(network) if "/" in access_to else str(network.network_address)


def _network(text: str) -> _Network:
    return ipaddress.ip_network(text, strict=True)


def _user(access_to: str) -> str:
    if (
        not _USER.fullmatch(access_to)
        or not access_to.isprintable()
        or not access_to.strip(" .")
        or access_to != access_to.strip()
    ):
        raise _refused(
            access_to,
            'a name of 4 to 255 characters without " / \\ [ ] : ; | = , + * ? < > and without '
            "blanks around it",
        )
    return access_to


def _cert(access_to: str) -> str:
    name = access_to.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise _refused(access_to, "the common name of a certificate, 1 to 64 characters")
    return name


def _cephx(access_to: str) -> str:
    if not _CEPHX.fullmatch(access_to) or "." in access_to or len(access_to) > MAX:
        raise _refused(access_to, f"1 to {MAX} printable ASCII characters without a period")
    return access_to


_CHECKS: dict[str, Callable[[str], str]] = {"user": _user, "cert": _cert, "cephx": _cephx}
TYPES = ("ip", *_CHECKS)
