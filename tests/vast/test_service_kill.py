"""kill -9 of the manager at each request that changes the array: after a restart the five
invariants hold, and everything is as it was asked for."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abaca.manager.process import Manager
from abaca.store.engine import Store
from abaca.testing import crash
from abaca.testing.invariants import violations
from abaca.testing.vms import Array, Running, running
from vast.held import Held
from vast.kit import GIB, POOL
from vast.service import Service
from vast.site import PATIENCE, make_manager

KILLED = -9
THEIRS = "/manila/theirs"
PROBE = "abaca-no-such-directory"


class Point(NamedTuple):
    """A request: the how manieth with this method and path, and when in it the manager dies."""

    method: str
    path: str
    number: int
    when: str = "after"


def killed_manager(vms: Path, point: Point, store: Store, folder: Path) -> Manager:
    """A manager whose process is killed by the array."""
    method, path, number, when = point
    Array(vms).fault(
        "kill", method=method, path=f"{re.escape(path)}$", after=number, pid=os.getpid(), when=when
    )
    return make_manager(store, folder)


def manage(service: Service, make: crash.Make = make_manager) -> int:
    """Run a manager until all is done, or it is killed; its exit status."""
    ended = crash.run_manager(service.url, service.folder, seconds=PATIENCE, make=make)
    assert service.vms.server.wait_for_quiet()
    service.array.clear_faults()
    return ended


class Template:
    """A share with a rule, a snapshot and a clone, another one, and a view that nobody manages;
    copied for each point."""

    def __init__(self, folder: Path, vms: Running) -> None:
        self._folder, self.vms = folder, vms
        self._numbers = itertools.count()
        made = Service(folder / "template", vms)
        made.make_type()
        self.share, self.plain = (str(made.share(size=size)["id"]) for size in (1, 2))
        assert manage(made) == 0
        self.rule = str(made.allow(self.share, "192.0.2.1")["id"])
        self.snapshot = str(made.snapshot(self.share)["id"])
        policy = vms.array.add("viewpolicies", name="everybody", nfs_read_write=["*"])
        vms.array.add("quotas", name="q", path=THEIRS, hard_limit=3 * GIB)
        vms.array.add("views", name="v", path=THEIRS, policy_id=policy["id"])
        assert manage(made) == 0
        self.clone = str(made.share(snapshot_id=self.snapshot)["id"])
        assert manage(made) == 0
        made.store.close()
        self._there = vms.array.dump()

    def copy(self) -> Service:
        """Another service like it, and the array as it was."""
        self.vms.array.restore(self._there)
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        for file in (self._folder / "template").glob("abaca.sqlite*"):
            if file.is_file():
                shutil.copy(file, folder)
        return Service(folder, self.vms)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    folder = tmp_path_factory.mktemp("vast")
    with running(folder / "vms") as vms:
        vms.array.add_pool("pool", *POOL)
        yield Template(folder, vms)


# --- what is asked for, and whether it came out right ---------------------------------------------
Ask = Callable[[Service, Template], Any]
Right = Callable[[Service, Template, Any], bool]


def _status(service: Service, share_id: str) -> tuple[str, int]:
    shown = service.look(share_id)
    return shown["status"], shown["size"]


def _manage(service: Service, template: Template) -> str:
    given = {
        "protocol": "NFS",
        "export_path": f"192.0.2.10:{THEIRS}",
        "service_host": "node@vast#vast",
        "share_type": "vast",
    }
    return str(service.admin("POST", "/shares/manage", {"share": given})["share"]["id"])


def _is_gone(service: Service, path: str) -> bool:
    return service.admin.get(path).status == 404


CASES: dict[str, tuple[Ask, Right]] = {
    "create": (
        lambda service, _: service.share(size=2)["id"],
        lambda service, _, made: _status(service, made) == ("available", 2),
    ),
    "allow": (
        lambda service, there: service.allow(there.share, "10.0.0.0/8", "ro"),
        lambda service, there, _: (
            service.hosts(there.share) == {"rw": ["192.0.2.1"], "ro": ["10.0.0.0/8"]}
        ),
    ),
    "deny": (
        lambda service, there: service.user.act(
            there.share, "deny_access", {"access_id": there.rule}
        ),
        lambda service, there, _: service.hosts(there.share) == {"rw": [], "ro": []},
    ),
    "extend": (
        lambda service, there: service.user.act(there.plain, "extend", {"new_size": 3}),
        lambda service, there, _: _status(service, there.plain) == ("available", 3),
    ),
    "shrink": (
        lambda service, there: service.user.act(there.plain, "shrink", {"new_size": 1}),
        lambda service, there, _: _status(service, there.plain) == ("available", 1),
    ),
    "snapshot": (
        lambda service, there: service.snapshot(there.plain)["id"],
        lambda service, _, made: (
            service.user.get(f"/snapshots/{made}")["snapshot"]["status"] == "available"
        ),
    ),
    "delete snapshot": (
        lambda service, there: service.user("DELETE", f"/snapshots/{there.snapshot}"),
        lambda service, there, _: _is_gone(service, f"/snapshots/{there.snapshot}"),
    ),
    "clone": (
        lambda service, there: service.share(snapshot_id=there.snapshot)["id"],
        lambda service, _, made: _status(service, made) == ("available", 1),
    ),
    "delete": (
        lambda service, there: service.user("DELETE", f"/shares/{there.plain}"),
        lambda service, there, _: _is_gone(service, f"/shares/{there.plain}"),
    ),
    "delete clone": (
        lambda service, there: service.user("DELETE", f"/shares/{there.clone}"),
        lambda service, there, _: _is_gone(service, f"/shares/{there.clone}"),
    ),
    "manage": (
        _manage,
        lambda service, _, made: (
            _status(service, made) == ("available", 3)
            and service.hosts(made) == {"rw": [], "ro": []}
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_killed_at_any_request_it_ends_as_it_was_asked_for(template: Template, case: str) -> None:
    points = _undisturbed(template, case)
    assert points
    for point in points:
        make = partial(killed_manager, template.vms.array.state.directory, point)
        _play(template, case, make, str(point))


def _undisturbed(template: Template, case: str) -> list[Point]:
    """The requests of a run that changed something."""
    before = template.vms.array.requests()[-1]["seq"]
    _play(template, case, None, "undisturbed")
    passed: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    for request in template.vms.array.requests(since=before):
        what = (request["method"], request["path"])
        if what[0] != "GET" and not what[1].startswith("token/"):
            if PROBE not in request["body"]:
                points.append(Point(*what, passed[what]))
            passed[what] += 1
    return [points[0]._replace(when="before"), *points]


def _play(template: Template, case: str, make: crash.Make | None, where: str) -> None:
    """Ask, kill the manager, start another one, look."""
    ask, right = CASES[case]
    service = template.copy()
    made = ask(service, template)
    if make is not None:
        assert manage(service, make) == KILLED, where
    assert manage(service) == 0, where
    assert violations(service.store, Held(service.array)) == [], where
    assert right(service, template, made), where
    service.store.close()
