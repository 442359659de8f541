"""Real clients against the embedded identity: the openstack command, openstacksdk, keystoneauth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import openstack
import pytest

from abaca.identity.embedded import create_identity_app
from support.identity import PASSWORD, make_identity

OPENSTACK = Path(sys.executable).parent / "openstack"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """http://host:port of a served identity."""
    folder = tmp_path_factory.mktemp("identity")
    identity = make_identity(f"sqlite:///{folder}/abaca.sqlite")
    app = create_identity_app(identity)
    with make_server("127.0.0.1", 0, app, server_class=Server, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
    identity.store.close()


def password_auth(root: str, name: str = "admin", password: str = PASSWORD) -> dict[str, str]:
    return {
        "auth_url": f"{root}/identity",
        "username": name,
        "password": password,
        "project_name": name,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }


def command(auth: dict[str, str], *words: str, script: str = "") -> str:
    """Run the openstack command; with a script, many commands in one process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    given = {f"OS_{name.upper()}": value for name, value in auth.items()}
    done = subprocess.run(
        [str(OPENSTACK), *words],
        input=script,
        env={**kept, **given, "OS_IDENTITY_API_VERSION": "3", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or script, done.stderr  # a script always ends with 1
    assert not done.stderr, done.stderr
    return done.stdout


def connect(auth: dict[str, str], auth_type: str = "password") -> openstack.connection.Connection:
    return openstack.connection.Connection(
        auth=auth, auth_type=auth_type, region_name="RegionOne", identity_api_version="3"
    )


EVERY_COMMAND = """
catalog list
project create acme --description first
project set acme --description second
project show acme -f value -c description
project list
user create ann --password long-enough --project acme
user set ann --email ann@example.org
user show ann -f value -c email
user list
role list
role show member
role create extra
role delete extra
implied role list
role add --user ann --project acme member
role assignment list --names -f value
role assignment list --user ann --project acme --names
user list --project acme
role remove --user ann --project acme member
application credential create ci --role reader
application credential list
application credential show ci
application credential delete ci
domain list
domain show default
domain create other
domain set other --disable
domain delete other
service list
endpoint list
region list
group list
project list --my-projects
user delete ann
project delete acme
"""


def test_every_command_of_the_openstack_client(root: str) -> None:
    said = command(password_auth(root), script=EVERY_COMMAND)
    assert "second" in said
    assert "ann@example.org" in said
    assert "member ann@Default" in said


def test_a_failing_command_of_a_script_is_noticed(root: str) -> None:
    with pytest.raises(AssertionError, match="nowhere"):
        command(password_auth(root), script="project list\nproject show nowhere\n")


def test_token_issue_and_revoke(root: str) -> None:
    token = json.loads(command(password_auth(root), "token", "issue", "-f", "json"))["id"]
    given = {"auth_type": "token", "token": token, "auth_url": f"{root}/identity/v3"}
    scope = {"project_name": "admin", "project_domain_name": "Default"}
    assert "admin" in command({**given, **scope}, "project", "list")
    command(password_auth(root), "token", "revoke", token)
    del given["auth_type"]
    with pytest.raises(openstack.exceptions.SDKException, match="401"):
        connect({**given, **scope}, "token").authorize()


def test_an_application_credential_with_the_openstack_client(root: str) -> None:
    words = ("application", "credential", "create", "robot", "--role", "admin", "-f", "json")
    made = json.loads(command(password_auth(root), *words))
    given = {
        "auth_type": "v3applicationcredential",
        "auth_url": f"{root}/identity/v3",
        "application_credential_id": made["ID"],
        "application_credential_secret": made["Secret"],
    }
    assert "admin" in command(given, "project", "list")


def test_openstacksdk(root: str) -> None:
    with connect(password_auth(root)) as cloud:
        project = cloud.identity.create_project(name="bob", domain_id="default")
        user = cloud.identity.create_user(
            name="bob", password="bobs password", default_project_id=project.id, domain_id="default"
        )
        role = cloud.identity.find_role("member")
        cloud.identity.assign_project_role_to_user(project, user, role)
        assert cloud.identity.validate_user_has_project_role(project, user, role)
    with connect(password_auth(root, "bob", "bobs password")) as cloud:
        assert cloud.current_project_id == project.id
        assert [one.name for one in cloud.identity.user_projects(user)] == ["bob"]
        made = cloud.identity.create_application_credential(
            user, name="x", roles=[{"name": "reader"}]
        )
        with pytest.raises(openstack.exceptions.ForbiddenException):
            cloud.identity.create_project(name="more")
        with pytest.raises(openstack.exceptions.ForbiddenException):
            list(cloud.identity.users())
    given = {
        "auth_url": f"{root}/identity",
        "application_credential_id": made.id,
        "application_credential_secret": made.secret,
    }
    with connect(given, "v3applicationcredential") as cloud:
        assert cloud.current_project_id == project.id


@pytest.mark.parametrize("path", ["/identity", "/identity/", "/identity/v3", "/identity/v3/"])
def test_every_spelling_of_the_auth_url(root: str, path: str) -> None:
    with connect({**password_auth(root), "auth_url": root + path}) as cloud:
        assert cloud.authorize().startswith("abt1.")


@pytest.mark.parametrize("service", ["shared-file-system", "sharev2"])
def test_both_names_of_the_service_lead_to_the_api(root: str, service: str) -> None:
    with connect(password_auth(root)) as cloud:
        for interface in ("public", "internal", "admin"):
            found = cloud.session.get_endpoint(
                service_type=service, interface=interface, region_name="RegionOne"
            )
            assert found == f"{root}/v2"
        assert cloud.endpoint_for("shared-file-system") == f"{root}/v2"


def test_system_scope(root: str) -> None:
    auth = password_auth(root)
    scoped = {name: value for name, value in auth.items() if not name.startswith("project")}
    with connect({**scoped, "system_scope": "all"}) as cloud:
        assert cloud.identity.find_project("admin")


def test_a_wrong_password_is_said_plainly(root: str) -> None:
    with pytest.raises(openstack.exceptions.SDKException, match="password"):
        connect(password_auth(root, "admin", "wrong")).authorize()
