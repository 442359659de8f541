"""Whom an access rule lets in, by type of rule: checked, and written in one way.

The protocol of the share is not looked at: a backend refuses what it cannot do, and the rule then
goes to error.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable

from abaca.model import networks
from abaca.model.errors import BadRequest

_USER = re.compile(r'[^"/\\\[\]:;|=,+*?<>]{1,255}')
_CEPHX = re.compile(r"[!-~ ]+")
_PATTERN = frozenset(",*?[]\\")
MAX = 255


def check(access_type: str, access_to: str, *, ipv6: bool = True) -> str:
    """The form that is stored.  Raises BadRequest.  ipv6: since 2.38."""
    if access_type == "ip":
        return _ip(access_to, ipv6=ipv6)
    return _CHECKS[access_type](access_to)


def same(access_type: str, one: str, other: str) -> bool:
    """Whether two stored forms let the same client in.

    Networks in any notation; users without letter case and in any Unicode form, because Samba
    looks at neither.  Certificates and cephx ids are told apart by case.
    """
    key = _KEYS.get(access_type, str)
    return key(one) == key(other)


def _user_key(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


_KEYS: dict[str, Callable[[str], str]] = {"ip": networks.plain, "user": _user_key}


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
    if problem := networks.why_no_client(network):
        raise _refused(access_to, f"a network that clients can be in; {problem}")
    return str(network) if "/" in access_to else str(network.network_address)


def _network(text: str) -> networks.Network:
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
            'a name of 1 to 255 characters without " / \\ [ ] : ; | = , + * ? < > and without '
            "blanks around it",
        )
    return access_to


def _cert(access_to: str) -> str:
    name = access_to.strip()
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise _refused(access_to, "the common name of a certificate, 1 to 64 characters")
    if not _PATTERN.isdisjoint(name):  # GlusterFS matches names as patterns, in a list with commas
        raise _refused(access_to, "the common name of one certificate, without , * ? [ ] \\")
    return name


def _cephx(access_to: str) -> str:
    if not _CEPHX.fullmatch(access_to) or "." in access_to or len(access_to) > MAX:
        raise _refused(access_to, f"1 to {MAX} printable ASCII characters without a period")
    return access_to


_CHECKS: dict[str, Callable[[str], str]] = {"user": _user, "cert": _cert, "cephx": _cephx}
TYPES = ("ip", *_CHECKS)
