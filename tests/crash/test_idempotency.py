"""kill -9 of an API process around the commit of a request that carries an Idempotency-Key.

The process is `abaca api` as users start it; before it begins, a cutter is put into the seam that
every commit passes.  It kills at the commit of a request, once a file says so.
"""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from support.processes import Site, free_port, site

BODY = {"share": {"name": "once", "size": 1, "share_proto": "NFS"}}
CUTTER = """
import os, signal, sys
from pathlib import Path
from abaca.store import seam
file = Path({file!r})
def cut(point):
    if file.exists() and file.read_text() == point:
        os.kill(os.getpid(), signal.SIGKILL)
seam.install(cut)
"""


@pytest.fixture
def apis(database_url: str) -> Iterator[Site]:
    """One database; no process runs yet."""
    with site(url=database_url) as made:
        yield made


def post(port: int, key: str, body: Any = BODY) -> tuple[int, bytes, dict[str, str]]:
    """Raises OSError or HTTPException when the answer is lost."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Content-Type": "application/json",
        "X-Auth-Token": "admin:admin",
        "X-OpenStack-Manila-API-Version": "2.65",
        "Idempotency-Key": key,
    }
    try:
        connection.request("POST", "/v2/shares", json.dumps(body), headers)
        answer = connection.getresponse()
        kept = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answer.read(), kept
    finally:
        connection.close()


@pytest.mark.parametrize("point", ["before commit", "after commit"])
def test_a_share_whose_answer_was_lost_is_made_once_and_every_host_tells_the_same(
    apis: Site, point: str
) -> None:
    file = apis.folder / "cut"
    doomed = apis.start("api", prelude=CUTTER.format(file=str(file)))
    apis.await_api()
    # what the first process answers without an accident, for comparison
    plain = post(apis.port, "plain")
    assert plain[0] == 200
    port = free_port()
    other = apis.start("api", "--port", str(port))
    apis.await_text(other, "api.serving")

    file.write_text(point)
    with pytest.raises((OSError, http.client.HTTPException)):
        post(apis.port, "lost")
    assert doomed.wait(timeout=30) == -signal.SIGKILL
    file.unlink()

    apis.start("api")
    apis.await_api()
    answers = [post(where, "lost") for where in (apis.port, port, apis.port)]
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, body, _ in answers}) == 1
    assert len({headers["x-compute-request-id"] for _, _, headers in answers}) == 1
    replayed = ["idempotency-replayed" in headers for _, _, headers in answers]
    assert replayed == [point == "after commit", True, True]
    assert set(answers[1][2]) == {*plain[2], "idempotency-replayed"}
    assert post(port, "plain")[1] == plain[1]
    found = apis.call("GET", "/shares?name=once")["shares"]
    assert len(found) == 2  # "plain" and "lost", once each
    changed = {"share": {**BODY["share"], "size": 2}}
    assert [post(where, "lost", changed)[0] for where in (apis.port, port)] == [409, 409]
