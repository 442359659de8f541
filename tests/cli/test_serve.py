"""`abaca serve` as a user sees it."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import time
import urllib.request

import pytest

from support.processes import Site, site


def test_a_first_start_says_what_it_does_and_where_everything_is(fake: Site) -> None:
    process = fake.serve("--first-share", "hello")
    said = fake.said(process)
    for line in (
        f"state      {fake.state}",
        f"database   sqlite:///{fake.state}/abaca.sqlite",
        "backend    fake is up",
        "share      hello, 1 GiB, available",
        "access     this machine may read and write",
        f"API        {fake.url}/v2",
        f"log        {fake.state}/abaca.log",
    ):
        assert line in said
    assert re.search(r"mount      mount -t nfs \S+:/\S+ /mnt\n", said)
    assert "[info" not in said  # events are in the log
    assert "backend.up" in (fake.state / "abaca.log").read_text()
    assert [s["name"] for s in fake.call("GET", "/shares")["shares"]] == ["hello"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(fake: Site, how: int) -> None:
    process = fake.serve()
    with socket.create_connection(("127.0.0.1", fake.port)):  # a client that just stays
        assert fake.stop(process, how) < 3
    assert process.returncode == 0
    assert fake.said(process).rstrip().endswith("abaca serve --stop-exports ends them")


def test_it_ends_cleanly_before_it_is_ready(fake: Site) -> None:
    for pause in (0.0, 0.1, 0.2, 0.4, 0.6):
        process = fake.start("serve")
        fake.await_text(process, "state ")
        time.sleep(pause)
        fake.stop(process, signal.SIGINT)
        assert process.returncode == 0, fake.said(process)
        assert "Traceback" not in fake.said(process)
    fake.serve()


def test_a_second_start_finds_its_state_and_is_ready_at_once(fake: Site) -> None:
    fake.stop(fake.serve("--first-share", "hello"))
    waited = min(_seconds_to_ready(fake) for _ in range(2))
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert waited < 3 * max(1.0, busy)  # 0.6 on an idle machine
    process = fake.serve("--first-share", "hello")
    assert len(fake.call("GET", "/shares")["shares"]) == 1
    assert "share      hello, 1 GiB, available" in fake.said(process)


def _seconds_to_ready(fake: Site) -> float:
    started = time.monotonic()
    process = fake.serve()
    seconds = time.monotonic() - started
    fake.stop(process)
    return seconds


def test_a_second_one_on_the_same_state_is_refused(fake: Site) -> None:
    process = fake.serve()
    for words in (["serve", "--port", "1"], ["serve", "--stop-exports"]):
        result = fake.run(*words)
        assert result.returncode == 1
        assert result.stderr == (
            f"Error: abaca is running already on {fake.state} (process {process.pid}). Stop it "
            "first, or give this one a directory of its own with ABACA_STATE_DIR.\n"
        )
    fake.create("still works")


def test_a_port_in_use(fake: Site) -> None:
    with socket.create_server(("127.0.0.1", fake.port)):
        result = fake.run("serve")
        assert result.returncode == 1
        assert result.stderr.startswith(f"Error: Port {fake.port} is in use by another program")
        assert result.stderr.count("\n") == 1
        api = fake.run("api")
        assert (api.returncode, api.stderr) == (1, result.stderr)


def test_an_address_that_is_not_ours(fake: Site) -> None:
    fake.file.write_text(fake.file.read_text().replace("= 127.0.0.1", "= 192.0.2.77"))
    result = fake.run("serve")
    assert result.returncode == 1
    assert "cannot listen on 192.0.2.77" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("share_driver = fake", "share_driver = no.such.Driver", "Backend fake cannot run"),
        ("osapi_share_listen_port = ", "osapi_share_listen_port = x", "osapi_share_listen_port"),
        ("enabled_share_backends = fake", "enabled_share_backends = ghost", "ghost"),
        ("auth_strategy = none", "auth_strategy = magic", "auth_strategy"),
    ],
)
def test_a_wrong_option_is_one_sentence(fake: Site, old: str, new: str, sentence: str) -> None:
    fake.file.write_text(fake.file.read_text().replace(old, new))
    result = fake.run("serve")
    assert result.returncode == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")


def test_a_state_directory_that_cannot_be_used(fake: Site) -> None:
    (fake.folder / "file").write_text("")
    result = fake.run("serve", ABACA_STATE_DIR=str(fake.folder / "file"))
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {fake.folder}/file")
    assert "ABACA_STATE_DIR" in result.stderr


def test_abaca_state_dir_wins(fake: Site) -> None:
    other = fake.folder / "other"
    result = fake.run("db", "upgrade", ABACA_STATE_DIR=str(other))
    assert result.returncode == 0, result.stderr
    assert (other / "abaca.sqlite").exists()


def test_options_of_the_middleware_hold(fake: Site) -> None:
    text = "\n[oslo_middleware]\nenable_proxy_headers_parsing = True\nmax_request_body_size = 90\n"
    fake.file.write_text(fake.file.read_text() + text)
    fake.serve()
    outer = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shares.example.org"}
    with urllib.request.urlopen(urllib.request.Request(f"{fake.url}/v2/", headers=outer)) as answer:
        assert b'"https://shares.example.org/v2/"' in answer.read()
    fake.create("x")
    with pytest.raises(AssertionError, match=r"413 .*at most 90 are accepted"):
        fake.create("x" * 90)


def test_killed_at_any_time_it_goes_on(fake: Site) -> None:
    process = fake.serve()
    kept = fake.create("kept")
    fake.await_share(kept)
    made = [fake.create(f"s{number}") for number in range(10)]
    fake.stop(process, signal.SIGKILL)
    fake.serve()
    for share_id in (kept, *made):
        fake.await_share(share_id)


def test_stop_exports_of_what_never_ran(fake: Site) -> None:
    result = fake.run("serve", "--stop-exports")
    assert result.returncode == 1
    assert "has never run" in result.stderr


def test_quiet_says_nothing(fake: Site) -> None:
    process = fake.start("serve", "--quiet")
    fake.await_api()
    fake.stop(process)
    assert fake.said(process) == ""


def test_clouds_yaml_is_for_its_owner_and_follows_the_port() -> None:
    with site(auth="embedded") as embedded:
        embedded.stop(embedded.serve())
        text = embedded.clouds.read_text()
        assert stat.S_IMODE(embedded.clouds.stat().st_mode) == 0o600
        assert f"auth_url: {embedded.url}/identity/v3" in text
        old, embedded.port = embedded.port, 0
        embedded.file.write_text(embedded.file.read_text().replace(f"port = {old}", "port = 18999"))
        result = embedded.run("db", "version")
        assert result.returncode == 0
        embedded.start("serve")
        deadline = time.monotonic() + 30
        while ":18999/" not in embedded.clouds.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        changed = embedded.clouds.read_text()
        assert changed == text.replace(f":{old}/", ":18999/")  # the password is the same


def test_an_interrupted_first_start_keeps_its_password() -> None:
    with site(auth="embedded") as embedded:
        process = embedded.serve()
        text = embedded.clouds.read_text()
        embedded.stop(process, signal.SIGKILL)
        for path in embedded.state.glob("abaca.sqlite*"):
            if path.is_file():
                os.unlink(path)  # noqa: PTH108
        again = embedded.serve("--first-share", "hello")
        assert embedded.clouds.read_text() == text
        assert "share      hello, 1 GiB, available" in embedded.said(again)
