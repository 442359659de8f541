"""What the first start does for somebody who has just typed `make run`: a share, used for real."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from abaca.service.bootstrap import DEFAULT_TYPE, ensure_default_type

from . import clouds
from .assembly import public_url
from .progress import Progress

if TYPE_CHECKING:
    from abaca.config import Config
    from abaca.service.env import Env

WAIT_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1
STANDARD_PORT = 2049
API_VERSION = "2.87"  # export locations come with their metadata


def make_default_type(env: Env) -> Env:
    """Without a configured default type, 'default' is it, and exists."""
    if env.settings.default_share_type:
        return env
    ensure_default_type(env.store)
    settings = msgspec.structs.replace(env.settings, default_share_type=DEFAULT_TYPE)
    return msgspec.structs.replace(env, settings=settings)


def introduce(config: Config, progress: Progress) -> None:
    """Where everything is."""
    from .logs import log_path

    url = public_url(config)
    progress.say("API", f"{url}/v2")
    if config.auth == "embedded":
        progress.say("identity", f"{url}/identity/v3")
        path = clouds.path_of(config)
        if path.exists():
            progress.say("clients", f"export OS_CLIENT_CONFIG_FILE={path} OS_CLOUD=abaca")
            progress.say("", "openstack share list")
        else:
            progress.say("clients", "`abaca user password admin` sets a password to log in with")
    progress.say("log", str(log_path(config, in_file=True) or "standard error"))


def first_share(config: Config, name: str, progress: Progress) -> None:
    """Make it, let this machine in, write and read; says what went wrong instead of raising."""
    try:
        _use(config, name, progress)
    except urllib.error.HTTPError as error:
        progress.warn("share", f"{name} cannot be made: {_said(error)}")
    except (OSError, RuntimeError, LookupError) as error:
        progress.warn("share", f"{name} cannot be used: {error}")


def _said(error: urllib.error.HTTPError) -> str:
    """The sentence of a fault."""
    try:
        (fault,) = json.loads(error.read()).values()
        return str(fault["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return str(error)


def _use(config: Config, name: str, progress: Progress) -> None:
    if config.auth == "keystone":
        raise RuntimeError("users are Keystone's; make a share with a token of yours")
    client = Client(config)
    share = _find_or_create(client, name, progress)
    progress.say("share", f"{name}, {share['size']} GiB, {share['status']}")
    location = client.api("GET", f"/shares/{share['id']}/export_locations")["export_locations"][0]
    address, _, path = location["path"].rpartition(":/")
    progress.working("access", "letting this machine in")
    _allow(client, share["id"], config.my_ip, address.strip("[]"))
    progress.say("access", "this machine may read and write")
    _write_and_read(location.get("metadata") or {}, address.strip("[]"), f"/{path}", progress)
    options = (location.get("metadata") or {}).get("mount_options", "")
    flag = f"-o {options} " if options else ""
    progress.say("mount", f"mount -t nfs {flag}{location['path']} /mnt")


def _find_or_create(client: Client, name: str, progress: Progress) -> dict[str, Any]:
    progress.working("share", f"looking for {name}")
    found = client.api("GET", f"/shares/detail?name={name}")["shares"]
    if not found:
        progress.working("share", f"making {name}")
        body = {"share": {"name": name, "size": 1, "share_proto": "NFS"}}
        found = [client.api("POST", "/shares", body)["share"]]
    share_id = found[0]["id"]

    def look() -> dict[str, Any] | None:
        share: dict[str, Any] = client.api("GET", f"/shares/{share_id}")["share"]
        if share["status"] == "error":
            said = client.api("GET", f"/messages?resource_id={share_id}")["messages"]
            why = said[0]["user_message"] if said else "it is in error."
            raise RuntimeError(f"{why} See the log; once deleted, it is made again.")
        return share if share["status"] == "available" else None

    made: dict[str, Any] = _await(look, "it is not available yet")
    return made


def _allow(client: Client, share_id: str, *addresses: str) -> None:
    """This machine, by every address from which it may reach the export."""
    where = f"/share-access-rules?share_id={share_id}"
    wanted = {"127.0.0.1", *filter(None, addresses)}
    rules = client.api("GET", where)["access_list"]
    for address in sorted(wanted - {rule["access_to"] for rule in rules}):
        rule = {"access_type": "ip", "access_to": address, "access_level": "rw"}
        client.api("POST", f"/shares/{share_id}/action", {"allow_access": rule})

    def look() -> bool | None:
        states = {rule["state"] for rule in client.api("GET", where)["access_list"]}
        if "error" in states:
            raise RuntimeError("its access rule is in error; see the log")
        return True if states == {"active"} else None

    _await(look, "its access rules are not in force yet")


def _await(look: Callable[[], Any], late: str) -> Any:
    """Look until there is something; RuntimeError when it is too late."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, FIRST_PAUSE
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)
    raise RuntimeError(f"{late}, after {WAIT_SECONDS:.0f} s")


def _write_and_read(metadata: dict[str, str], address: str, path: str, progress: Progress) -> None:
    from abaca.testing.nfs import connect

    if not metadata.get("mount_port"):  # not an export of ours
        return
    text = f"hello from abaca, {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode()
    port, mount_port = int(metadata["nfs_port"]), int(metadata["mount_port"])
    with connect(address, path, port=port, mount_port=mount_port) as client:
        client.write("/hello.txt", text)
        if client.read("/hello.txt") != text:
            raise RuntimeError("what was read is not what was written")
    progress.say("NFS", f"wrote and read back {len(text)} bytes: {address}:{path}/hello.txt")


class Client:
    """As much of a client as the first share needs; it goes through the API like any other."""

    def __init__(self, config: Config) -> None:
        self._base = public_url(config)
        self._tls = _trust(config)
        self._token = self._login(config) if config.auth == "embedded" else "admin:admin"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {
            "X-Auth-Token": self._token,
            "X-OpenStack-Manila-API-Version": API_VERSION,
        }
        return self._call(method, f"/v2{path}", body, headers)[0]

    def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS, context=self._tls) as answer:
            text = answer.read()
            return json.loads(text) if text else None, answer.headers

    def _login(self, config: Config) -> str:
        password = clouds.password(config)
        if password is None:
            raise RuntimeError(f"{clouds.path_of(config)} is gone, and with it the password")
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        return str(self._call("POST", "/identity/v3/auth/tokens", body, {})[1]["X-Subject-Token"])


def _trust(config: Config) -> ssl.SSLContext | None:
    """Our own certificate is good enough for ourselves, whatever name is in it."""
    if not config.osapi_share_use_ssl:
        return None
    context = ssl.create_default_context(cafile=config.section("ssl").safe_get("cert_file"))
    context.check_hostname = False
    return context
