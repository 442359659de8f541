"""`abaca user` and `abaca project`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from abaca.cli import abaca
from abaca.identity.core import Identity, bootstrap
from abaca.identity.settings import cheap_settings
from abaca.model.errors import AbacaError
from abaca.store import migrate
from abaca.store.engine import Store
from support.identity import PASSWORD

Run = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "abaca.conf"
    path.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\nauth_strategy = embedded\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(f"sqlite:///{tmp_path}/abaca.sqlite")
    migrate.upgrade(made)
    bootstrap(made, PASSWORD, cheap_settings())
    return made


def _run(config: Path, words: tuple[str, ...], input: str | None) -> click.testing.Result:
    runner = click.testing.CliRunner()
    return runner.invoke(abaca, ["--config-file", str(config), *words], input=input)


@pytest.fixture
def run(config: Path, store: Store) -> Run:
    def call(*words: str, input: str | None = None) -> str:
        result = _run(config, words, input)
        if isinstance(result.exception, AbacaError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


@pytest.fixture
def refused(config: Path, store: Store) -> Run:
    def call(*words: str, input: str | None = None) -> str:
        result = _run(config, words, input)
        assert result.exit_code != 0
        error = result.exception
        return error.message if isinstance(error, AbacaError) else result.output

    return call


def roles_of(run: Run, name: str) -> str:
    lines = [line for line in run("user", "list").splitlines() if line.startswith(name + " ")]
    return " ".join(lines[0].split()[2:])


def test_a_user_from_beginning_to_end(run: Run, store: Store) -> None:
    assert "Project acme" in run("project", "create", "acme", "--description", "hello")
    assert "member of acme" in run(
        "user", "create", "ann", "--project", "acme", input="long enough\n"
    )
    assert roles_of(run, "ann") == "yes member on acme"
    run("user", "grant", "ann", "reader", "acme")
    assert roles_of(run, "ann") == "yes member on acme, reader on acme"
    run("user", "revoke", "ann", "member", "acme")
    assert roles_of(run, "ann") == "yes reader on acme"
    run("user", "disable", "ann")
    assert roles_of(run, "ann").startswith("no")
    run("user", "enable", "ann")
    run("user", "delete", "ann")
    assert "ann" not in run("user", "list")
    run("project", "disable", "acme")
    run("project", "enable", "acme")
    assert "acme" in run("project", "list")
    run("project", "delete", "acme")
    assert "acme" not in run("project", "list")


def test_a_lost_password_is_set_again(run: Run, store: Store, config: Path) -> None:
    run("user", "password", "admin", input="new password\n")
    from support.identity import Client

    client = Client(Identity(store, cheap_settings()))
    assert client.login(password="new password")[0] == 201
    assert client.login(password=PASSWORD)[0] == 401
    log = (config.parent / "abaca.log").read_text()
    line = next(line for line in log.splitlines() if "abaca.audit" in line)
    for word in ("user.password", "success", "admin", "local"):
        assert word in line
    assert "new password" not in log


@pytest.mark.parametrize(
    ("words", "input", "message"),
    [
        (("user", "create", "admin"), "long enough\n", "named admin already"),
        (("user", "create", ""), "long enough\n", "1 to 255 characters"),
        (("user", "create", "a\nb"), "long enough\n", "printable"),
        (("user", "create", "ann"), "\n", "8 to 4096 characters"),
        (("user", "create", "ann"), "seven77\n", "8 to 4096 characters"),
        (("user", "password", "admin"), "seven77\n", "8 to 4096 characters"),
        (("user", "create", "ann"), "x" * 5000, "8 to 4096 characters"),
        (
            ("user", "create", "ann", "--project", "nowhere"),
            "long enough\n",
            "nowhere could not be found",
        ),
        (("user", "delete", "nobody"), None, "nobody could not be found"),
        (("user", "grant", "admin", "emperor", "admin"), None, "emperor could not be found"),
        (("user", "revoke", "admin", "reader", "admin"), None, "does not have role"),
        (("project", "create", "x" * 256), None, "1 to 255 characters"),
    ],
)
def test_what_is_refused(refused: Run, words: tuple[str, ...], input: str, message: str) -> None:
    assert message in refused(*words, input=input)


def test_a_project_with_shares_is_not_deleted(
    refused: Run, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from abaca.identity.directory import Directory

    monkeypatch.setattr(Directory, "shares_of", lambda *_: 3)
    run("project", "create", "acme")
    assert "3 shares" in refused("project", "delete", "acme")
    run("project", "delete", "acme", "--force")


def test_without_tables_it_says_what_to_do(config: Path) -> None:
    assert "abaca db upgrade" in _run(config, ("user", "list"), None).output


def test_users_of_keystone_are_not_ours(config: Path, store: Store) -> None:
    config.write_text(config.read_text().replace("embedded", "keystone"))
    assert "not kept by abaca" in _run(config, ("user", "list"), None).output


def test_the_embedded_identity_does_what_its_options_say(config: Path, store: Store) -> None:
    from abaca.cli import assembly
    from abaca.config import load

    own = (
        "[abaca]\nregion = north\ntoken_lifetime = 600\nlogin_failures = 2\naddress_failures = 9\n"
        "password_min_length = 12\n"
    )
    url = "osapi_share_base_URL = https://shares.example.org"
    config.write_text(f"{config.read_text()}{url}\n{own}")
    loaded = load([config])
    made = assembly.make_identity(loaded, store).settings
    assert (made.region, made.token_seconds) == ("north", 600.0)
    assert (made.login_failures, made.address_failures) == (2, 9)
    assert made.shortest_password == 12
    assert made.public_url == "https://shares.example.org"
