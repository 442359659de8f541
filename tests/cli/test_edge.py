"""What the API listens on, and Keystone's middleware around it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from support.processes import Site, free_port, site

KEYSTONE = """
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:{port}
auth_url = http://127.0.0.1:{port}
auth_type = password
username = manila
password = secret
project_name = service
user_domain_name = Default
project_domain_name = Default
http_request_max_retries = 0
memcached_servers = 127.0.0.1:{memcached}
"""


def behind_keystone(more: str = "") -> str:
    """A configuration whose Keystone and memcached are both away."""
    return KEYSTONE.format(port=free_port(), memcached=free_port()) + more


def ask(site: Site, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    request = urllib.request.Request(site.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


@pytest.mark.parametrize("command", ["serve", "api"])
@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_other_machines_are_not_served_without_tls(fake: Site, command: str, address: str) -> None:
    fake.file.write_text(fake.file.read_text().replace("= 127.0.0.1", f"= {address}"))
    result = fake.run(command)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: osapi_share_listen = {address} offers passwords")
    for way_out in ("osapi_share_use_ssl", "trusted_proxies", "plain_http = True", "127.0.0.1"):
        assert way_out in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("option", ["plain_http = True", "trusted_proxies = 192.0.2.1"])
def test_unless_that_is_wanted(option: str) -> None:
    with site(f"[abaca]\n{option}\n") as made:
        made.file.write_text(made.file.read_text().replace("= 127.0.0.1", "= 0.0.0.0"))
        made.serve()
        assert ask(made, "/v2/")[0] == 200


def test_memcached_servers_of_a_production_file() -> None:
    with site(behind_keystone(), auth="keystone") as made:
        made.start("api")
        made.await_api()
        assert ask(made, "/v2/shares")[0] == 401
        status, body, _ = ask(made, "/v2/shares", **{"X-Auth-Token": "gAAAAA"})
        assert status in (401, 503), body  # Keystone is away
        assert ask(made, "/healthcheck", **{"X-Auth-Token": "gAAAAA"})[0] == 200


HIDDEN = "import sys; sys.modules[{!r}] = None"


@pytest.mark.parametrize(
    ("prelude", "more", "sentence"),
    [
        (HIDDEN.format("memcache"), "", "needs the Python package of memcache"),
        (
            HIDDEN.format("bmemcached"),
            "memcache_sasl_enabled = True\n",
            "needs the Python package of bmemcached",
        ),
        ("", "memcache_security_strategy = ENCRYPT\n", "memcache_secret_key must be defined"),
        ("", "memcache_tls_enabled = True\nmemcache_tls_cafile = /none\n", "cannot be used"),
    ],
)
def test_what_the_middleware_needs_is_looked_for_at_start(
    prelude: str, more: str, sentence: str
) -> None:
    with site(behind_keystone(more), auth="keystone") as made:
        process = made.start("api", prelude=prelude)
        assert process.wait(60) == 1
        said = made.said(process)
        assert "Error: [keystone_authtoken]" in said
        assert sentence in said
        assert "Traceback" not in said


def test_a_middleware_that_raises_is_a_fault_with_a_request_id() -> None:
    broken = (
        "from keystonemiddleware import auth_token\n"
        "def process_request(self, request): raise LookupError('no such thing')\n"
        "auth_token.AuthProtocol.process_request = process_request\n"
    )
    with site(behind_keystone(), auth="keystone") as made:
        process = made.start("api", prelude=broken)
        made.await_api()
        status, body, headers = ask(made, "/v2/shares")
        assert status == 500
        request_id = headers["x-openstack-request-id"]
        fault = json.loads(body)["computeFault"]
        assert fault["code"] == 500
        assert request_id in fault["message"]
        said = made.said(process)
        assert re.search(rf"{request_id}.*GET '/v2/shares'", said)
        assert "LookupError: no such thing" in said
        assert "process_request" in said  # of the traceback
