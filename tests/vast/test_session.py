"""One session for many threads: tokens that expire, certificates, tenants, pages, bounded tries."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from abaca.drivers.contract.errors import ManilaException, is_a, transient
from abaca.drivers.vast import session as sessions
from abaca.drivers.vast import tokens
from abaca.drivers.vast.array import POOLS, QUOTAS, Quota
from abaca.drivers.vast.driver import VastShareDriver
from abaca.drivers.vast.tokens import ApiToken, Login
from abaca.testing.vms import Array, Running, certificates, running
from vast.kit import CONTEXT, POOL, make_driver, new_share, new_snapshot


def logins(array: Array) -> list[str]:
    return [r["path"] for r in array.requests() if r["path"].startswith("token/")]


# --- tokens ---------------------------------------------------------------------------------------
def test_fifty_shares_at_once_while_the_token_expires(vms: Running, array: Array) -> None:
    """Each expiry is noticed by many threads, and one of them renews the token."""
    driver = make_driver(vms)
    array.fault("expired", after=60)
    array.fault("expired", after=200)
    shares = [new_share() for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda share: driver.create_share(CONTEXT, share), shares))
    assert all(len(locations) == 3 for locations in made)
    names = {share.id for share in shares}
    for kind in ("views", "quotas", "viewpolicies"):
        assert {row["name"] for row in array.objects(kind)} == names
    assert logins(array) == ["token/", "token/refresh/", "token/refresh/"]


def test_a_refresh_token_that_expired_too_means_a_new_login(
    driver: VastShareDriver, array: Array
) -> None:
    array.expire_tokens(refresh_too=True)
    driver.get_share_stats(refresh=True)
    assert logins(array) == ["token/", "token/refresh/", "token/"]


def test_a_login_that_fails_fails_for_all_who_wait_for_it(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each of them in its turn, with all its tries: that would take minutes."""
    waiting = threading.Semaphore(0)

    class Watched(tokens.Flight):
        def result(self, timeout: float | None = None) -> Any:
            waiting.release()
            return super().result(timeout)

    monkeypatch.setattr(tokens, "Flight", Watched)
    session, real = driver.array.session, driver.array.session.exchange

    def slowly(method: str, url: str, *words: Any, **how: Any) -> Any:
        if url == "token/":
            for _ in range(9):  # all but the one that asks
                assert waiting.acquire(timeout=60)
        return real(method, url, *words, **how)

    monkeypatch.setattr(session, "exchange", slowly)
    login = Login("admin", "123456")
    array.fault("unavailable", path="token/", times=None)
    before = len(logins(array))

    def token(_: int) -> Exception | None:
        try:
            login.token(session)
        except ManilaException as error:
            return error
        return None

    with ThreadPoolExecutor(10) as pool:
        errors = list(pool.map(token, range(10)))
    assert all(error is not None and transient(error) for error in errors)
    assert len(logins(array)) - before == sessions.TRIES
    array.clear_faults()
    monkeypatch.undo()
    assert login.token(session).headers


@pytest.mark.parametrize("kind", ["unavailable", "cut", "torn"])
def test_a_login_that_fails_once_is_tried_again(vms: Running, array: Array, kind: str) -> None:
    array.fault(kind, path="token/")
    make_driver(vms)
    assert logins(array) == ["token/", "token/"]


@pytest.mark.parametrize("kind", ["refused", "unavailable", "cut"])
def test_a_refresh_that_fails_does_no_harm(
    driver: VastShareDriver, array: Array, kind: str
) -> None:
    array.expire_tokens()
    array.fault(kind, path="token/refresh/")
    driver.get_share_stats(refresh=True)


def test_tokens_that_are_void_at_once_end_after_three_tries(vms: Running, array: Array) -> None:
    array.configure(token_seconds=0.0)
    with pytest.raises(ManilaException, match="invalid or expired") as caught:
        make_driver(vms)
    assert is_a(caught.value, "VastApiException")
    assert len(logins(array)) == 3
    assert len(array.requests()) == 6


def test_a_wrong_password_names_the_options(vms: Running) -> None:
    with pytest.raises(ManilaException, match="vast_mgmt_password") as caught:
        make_driver(vms, vast_mgmt_password="guess")
    assert not transient(caught.value)
    assert "guess" not in str(caught.value)


def test_an_api_token_needs_no_login(vms: Running, array: Array) -> None:
    login = {"vast_mgmt_user": None, "vast_mgmt_password": None}
    driver = make_driver(vms, vast_api_token="api-token", **login)
    driver.create_share(CONTEXT, new_share())
    assert logins(array) == []


def test_an_api_token_that_is_void_is_final(vms: Running, array: Array) -> None:
    with pytest.raises(ManilaException, match="invalid or expired") as caught:
        make_driver(vms, vast_api_token="stale")
    assert is_a(caught.value, "VastApiException")
    assert len(array.requests()) == 1


def test_secrets_are_not_shown(driver: VastShareDriver) -> None:
    assert "123456" not in repr(driver.array.session.settings)
    assert "api-token" not in repr(sessions.Settings("h", auth=ApiToken("api-token")))


def test_secrets_are_not_logged(
    vms: Running, array: Array, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even of an array that repeats what it was told."""
    secrets = ["123456", "stale-token"]
    with caplog.at_level(logging.DEBUG):
        driver = make_driver(vms)
        array.expire_tokens()
        driver.get_share_stats(refresh=True)
        secrets += re.findall("[0-9a-f]{32}", repr(driver.array.session.settings.auth.__dict__))
        array.fault("refused", path="token/", text='{"password": "123456"}')
        with pytest.raises(ManilaException, match="gets no token") as refused:
            make_driver(vms)
        array.fault("refused", text="Api-Token stale-token is unknown")
        with pytest.raises(ManilaException, match="is unknown") as unknown:
            make_driver(vms, vast_api_token="stale-token")
    assert len(secrets) == 4
    for secret in secrets:
        assert secret not in f"{caplog.text} {refused.value} {unknown.value}"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"vast_mgmt_host": None}, "vast_mgmt_host"),
        ({"vast_vippool_name": None}, "vast_vippool_name"),
        ({"vast_mgmt_user": None}, "vast_api_token"),
        ({"vast_mgmt_password": None}, "vast_api_token"),
        ({"vast_root_export": "/"}, "vast_root_export"),
        ({"vast_root_export": "a/../.."}, "vast_root_export"),
        ({"vast_ssl_ca": "/no/such/file"}, "vast_ssl_ca"),
        ({"vast_tenant_name": "bl\u00fcte"}, "vast_tenant_name"),
        ({"vast_tenant_name": "a\nX-Other: b"}, "vast_tenant_name"),
        ({"vast_api_token": "t\r\nX-Other: b"}, "vast_api_token"),
    ],
)
def test_what_is_missing_is_named(vms: Running, missing: dict[str, Any], named: str) -> None:
    with pytest.raises(ManilaException, match=named):
        make_driver(vms, **missing)


# --- certificates ---------------------------------------------------------------------------------
def test_a_certificate_of_an_unknown_authority_is_refused(vms: Running, array: Array) -> None:
    with pytest.raises(ManilaException, match="vast_ssl_ca") as caught:
        make_driver(vms, vast_ssl_ca=None)
    assert is_a(caught.value, "StorageCommunicationException")
    assert array.requests() == [], "the password went to a stranger"


def test_another_arrays_authority_is_not_trusted(vms: Running, tmp_path: Path) -> None:
    with running(tmp_path / "other") as other, pytest.raises(ManilaException, match="vast_ssl_ca"):
        make_driver(vms, vast_ssl_ca=str(other.ca))


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = certificates.make
    monkeypatch.setattr(certificates, "make", lambda folder, host: make(folder, "127.0.0.2"))
    with running(tmp_path) as vms, pytest.raises(ManilaException, match="vast_ssl_ca"):
        make_driver(vms)


def test_verification_is_off_only_by_option_and_with_a_warning(
    vms: Running, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    with caplog.at_level(logging.WARNING):
        make_driver(vms, vast_ssl_verify=False, vast_ssl_ca=None)
    assert [r.message for r in caplog.records if "vast_ssl_verify" in r.message]
    assert not [w for w in recwarn if "Unverified" in str(w.message)]


def test_a_file_that_is_no_certificate_is_named(vms: Running, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    with pytest.raises(ManilaException, match="holds no certificate"):
        make_driver(vms, vast_ssl_ca=str(wrong))


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_the_management_address_may_be_ipv6_or_a_name(tmp_path: Path, host: str) -> None:
    listen = "127.0.0.1" if host == "localhost" else host
    try:
        socket.create_server((listen, 0), family=_family(listen)).close()
    except OSError:
        pytest.skip(f"this machine has no {listen}")
    with running(tmp_path, host=listen) as vms:
        vms.array.add_pool("pool", *POOL)
        make_driver(vms, vast_mgmt_host=host)


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


# --- tenants, pages, strange answers --------------------------------------------------------------
def test_a_tenant_sees_and_makes_only_its_own(vms: Running, array: Array) -> None:
    array.configure(tenants={"default": 1, "blue 'n' \"green\"": 2})
    array.add_pool("pool", *POOL, tenant=2)
    blue = make_driver(vms, vast_tenant_name="blue 'n' \"green\"")
    default = make_driver(vms)
    share, same_id = new_share(), new_share()
    blue.create_share(CONTEXT, share)
    default.create_share(CONTEXT, same_id)
    assert array.objects("views", tenant=2)[0]["name"] == share.id
    assert default.ensure_shares(CONTEXT, [share])[share.id] == {"status": "error"}
    default.delete_share(CONTEXT, share)
    assert array.objects("views", tenant=2)
    blue.delete_share(CONTEXT, share)
    assert [row["name"] for row in array.objects("views")] == [same_id.id]
    assert {r["tenant"] for r in array.requests()} == {None, "blue 'n' \"green\""}


def test_lists_are_read_page_by_page(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PAGE_SIZE", 3)
    for number in range(7):
        array.add("quotas", name=f"q{number}", path=f"/manila/{number}")
    before = len(array.requests())
    assert sorted(driver.array.all(QUOTAS)) == [f"q{number}" for number in range(7)]
    assert len(array.requests()) - before == 3


def test_a_list_that_gets_shorter_meanwhile_has_an_end(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no third page any more when it is asked for."""
    monkeypatch.setattr(sessions, "PAGE_SIZE", 2)
    for number in range(5):
        array.add("quotas", name=f"q{number}", path=f"/manila/{number}")
    real = driver.array.session.get

    def shrinking(path: str, query: Any = None) -> Any:
        if query and query.get("page") == 3:
            array.remove("quotas", "q4")
        return real(path, query)

    monkeypatch.setattr(driver.array.session, "get", shrinking)
    assert sorted(driver.array.all(QUOTAS)) == ["q0", "q1", "q2", "q3"]


def test_an_array_that_always_pages_is_read_to_the_end(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ignores the name that is looked for."""
    for number in range(5):
        array.add("quotas", name=f"q{number}", path=f"/manila/{number}")
    real = driver.array.session.get

    def paging(path: str, query: Any = None) -> Any:
        page = (query or {}).get("page", 1)
        return real(path, {"page": page, "page_size": 2})

    monkeypatch.setattr(driver.array.session, "get", paging)
    found = driver.array.find(QUOTAS, "q4")
    assert found is not None and found.path == "/manila/4"


def test_an_array_that_never_comes_to_an_end_is_given_up(
    driver: VastShareDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_PAGES", 5)
    endless = {"results": [{"id": 1, "name": "x", "path": "/x"}], "next": "more"}
    monkeypatch.setattr(driver.array.session, "get", lambda *_: endless)
    with pytest.raises(ManilaException, match="pages"):
        driver.array.all(QUOTAS)


Answer = Callable[..., Any]


@pytest.mark.parametrize(
    "answer", [None, 7, "text", {}, {"results": 3}, [3], [{"id": "x"}], [{"name": "x"}]]
)
def test_an_answer_that_is_not_what_it_should_be_is_an_error(
    driver: VastShareDriver, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(driver.array.session, "get", lambda *_: answer)
    calls: list[Answer] = [
        lambda: driver.create_share(CONTEXT, new_share()),
        lambda: driver.ensure_shares(CONTEXT, [new_share()]),
        lambda: driver.get_share_stats(refresh=True),
        driver.check_for_setup_error,
    ]
    for call in calls:
        with pytest.raises(ManilaException) as caught:
            call()
        assert is_a(caught.value, "VastDriverException")


def test_an_earlier_request_that_arrives_late_is_taken_for_this_one(
    driver: VastShareDriver, array: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody heard its answer, nothing was there when this call looked, and then it came."""
    real = driver.array.session.request

    def twice(method: str, path: str, body: Any = None, query: Any = None) -> Any:
        if method == "POST":
            real(method, path, body, query)
        return real(method, path, body, query)

    monkeypatch.setattr(driver.array.session, "request", twice)
    share, clone = new_share(), new_share()
    snapshot = new_snapshot(share)
    driver.create_share(CONTEXT, share)
    driver.create_snapshot(CONTEXT, snapshot)
    driver.create_share_from_snapshot(CONTEXT, clone, snapshot)
    for kind, count in (("views", 2), ("quotas", 2), ("viewpolicies", 2), ("snapshots", 1)):
        assert len(array.objects(kind)) == count


def test_what_is_gone_already_is_removed(driver: VastShareDriver) -> None:
    driver.array.remove(QUOTAS, Quota(id=99, name="x", path="/x"))
    with pytest.raises(ManilaException, match="404"):
        driver.array.change(QUOTAS, Quota(id=99, name="x", path="/x"), hard_limit=1)


def test_two_objects_of_one_name_are_an_error(driver: VastShareDriver, array: Array) -> None:
    share = new_share()
    for number in range(2):
        array.add("quotas", name=share.id, path=f"/manila/{number}")
    with pytest.raises(ManilaException, match="2 objects of kind quota"):
        driver.extend_share(share, 3)


def test_filters_that_the_array_ignores_do_no_harm(
    driver: VastShareDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = new_share(), new_share()
    real = driver.array.session.get
    monkeypatch.setattr(driver.array.session, "get", lambda path, query=None: real(path, {}))
    monkeypatch.setattr(driver, "_pool", lambda: driver.array.find(POOLS, "pool"))
    driver.create_share(CONTEXT, one)
    driver.create_share(CONTEXT, other)
    driver.delete_share(CONTEXT, one)
    driver.extend_share(other, 2)
