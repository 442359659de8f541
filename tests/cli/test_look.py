"""`abaca db`, `abaca status`, `abaca openapi`, `abaca doctor`."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import stat

import pytest

from support.processes import Site


def test_db_upgrade_and_version(split: Site) -> None:
    empty = split.run("db", "version")
    assert empty.returncode == 1
    assert "version   empty" in empty.stdout
    made = split.run("db", "upgrade")
    assert (made.returncode, made.stderr) == (0, "")
    assert "from empty to" in made.stdout
    assert "nothing to do" in split.run("db", "upgrade").stdout
    assert split.run("db", "version").returncode == 0


def test_db_purge_says_what_it_deletes_and_keeps_what_is_young(fake: Site) -> None:
    fake.serve()
    fake.await_share(fake.create("one"))
    for words in (["--dry-run"], []):
        result = fake.run("db", "purge", *words)
        assert result.returncode == 0, result.stderr
        for name in ("operations", "messages", "idempotency keys"):
            assert re.search(rf"^{name} +0$", result.stdout, re.MULTILINE), result.stdout
    assert len(json.loads(fake.run("operations", "one", "--json").stdout)) == 1


def test_a_database_that_does_not_answer_is_one_sentence(fake: Site) -> None:
    text = "\n[database]\nconnection = postgresql://nobody:secret@127.0.0.1:1/none\n"
    fake.file.write_text(fake.file.read_text() + text)
    for words in (["db", "version"], ["status"], ["serve"], ["api"]):
        result = fake.run(*words)
        assert result.returncode == 1
        assert "The database does not answer" in result.stderr
        assert "Traceback" not in result.stderr
        assert "secret" not in result.stderr


def test_status_before_anything_ran(fake: Site) -> None:
    result = fake.run("status")
    assert result.returncode == 1
    assert "abaca has not run on this state directory yet" in result.stderr
    assert not fake.state.exists()


def test_status_of_a_running_abaca(fake: Site) -> None:
    fake.serve()
    fake.await_share(fake.create("one"))
    result = fake.run("status")
    assert result.returncode == 0, result.stdout
    assert re.search(r"^manila-share +node@fake +nova +up +enabled", result.stdout, re.MULTILINE)
    assert "node@fake#fake" in result.stdout
    assert "shares      1 available" in result.stdout
    facts = json.loads(fake.run("status", "--json").stdout)
    assert {service["state"] for service in facts["services"]} == {"up"}
    assert facts["shares"] == {"available": 1}
    assert facts["pools"][0]["shares"] == 1
    assert {lease["queue"] for lease in facts["leases"]} == {"(placement)", "node@fake"}
    assert facts["operations"] == {"queued": 0, "running": 0, "failed": 0}


def test_status_of_an_abaca_that_was_stopped(fake: Site) -> None:
    process = fake.serve()
    fake.await_services("manila-share", "manila-scheduler")
    fake.stop(process)
    result = fake.run("status", "--json")
    assert result.returncode == 0
    states = {each["name"]: each["state"] for each in json.loads(result.stdout)["services"]}
    assert states == {"manila-share": "stopped", "manila-scheduler": "stopped"}


def test_status_shows_what_waits(fake: Site) -> None:
    process = fake.start("api")
    fake.await_api()
    share = fake.create("waits")
    facts = json.loads(fake.run("status", "--json").stdout)
    assert facts["operations"]["queued"] == 1
    assert facts["live"][0]["resource"] == f"share {share}"
    assert share in fake.run("status").stdout
    assert process.poll() is None


def test_openapi_documents(fake: Site) -> None:
    target = fake.folder / "documents"
    result = fake.run("openapi", str(target), "--version", "2.65", "--version", "2.99")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in target.iterdir()) == ["abaca-2.65.json", "abaca-2.99.json"]
    document = json.loads((target / "abaca-2.65.json").read_text())
    assert document["openapi"].startswith("3.1")
    assert "/v2/shares" in document["paths"]
    assert fake.run("openapi", str(target), "--version", "2.100").returncode == 1


def test_doctor_has_nothing_to_say_of_a_fake_backend(fake: Site) -> None:
    result = fake.run("doctor")
    assert result.returncode == 0, result.stdout
    assert "configuration    fine" in result.stdout


@pytest.mark.parametrize("words", ["db upgrade", "db version", "api", "manager", "serve", "status"])
def test_a_state_directory_that_cannot_be_made_is_one_sentence(fake: Site, words: str) -> None:
    result = fake.run(*words.split(), ABACA_STATE_DIR="/proc/abaca")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ") or words == "db version", result.stderr
    assert result.stderr.count("\n") <= 1 and "Traceback" not in result.stderr


def test_looking_makes_nothing(fake: Site) -> None:
    assert "version   empty" in fake.run("db", "version").stdout
    for words in (["status"], ["user", "list"], ["db", "purge"], ["drift"], ["doctor"]):
        fake.run(*words)
    assert not fake.state.exists()


def test_a_database_of_a_newer_release_is_left_alone(fake: Site) -> None:
    fake.run("db", "upgrade")
    with contextlib.closing(sqlite3.connect(fake.state / "abaca.sqlite")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0099'")
        database.commit()
    for words in ("serve", "api", "manager", "db upgrade", "status", "serve --stop-exports"):
        result = fake.run(*words.split())
        assert result.returncode == 1
        assert result.stderr.startswith(
            "Error: The database is of a newer release (version 0099; this one knows"
        )
        assert result.stderr.count("\n") == 1


def test_nobody_else_can_read_what_abaca_keeps(fake: Site) -> None:
    """Hashes of passwords, keys of access rules, requests."""
    fake.serve()
    fake.await_share(fake.create("one"))
    kept = [path for path in fake.state.glob("abaca.*") if path.is_file()]
    assert {"abaca.sqlite", "abaca.sqlite-wal", "abaca.log"} <= {path.name for path in kept}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_a_file_that_cannot_be_written_is_one_sentence(fake: Site) -> None:
    fake.run("db", "upgrade")
    result = fake.run("db", "backup", "/proc/copy")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("Error: /proc/copy: ")
