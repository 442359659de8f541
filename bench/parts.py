"""CPU-time of small parts that a request passes, in this process, without a network."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import falcon.testing

from abaca.api.views.fields import Field, Representation, ViewContext
from abaca.drivers.contract import DictConfiguration, DriverContext
from abaca.drivers.contract.records import share_record
from abaca.drivers.fake import FakeShareDriver
from abaca.identity.policy import Enforcer
from abaca.model.context import Context, system_context
from abaca.scheduler.placement import Placer
from abaca.scheduler.pools import pools_from_stats
from abaca.scheduler.request import PlacementRequest
from api.sample import TOKEN, make_app

Part = tuple[str, int, Callable[[], object]]  # its name, rounds, what is done once
STATS = {
    "total_capacity_gb": 1000,
    "free_capacity_gb": 100,
    "storage_protocol": "NFS",
    "driver_handles_share_servers": False,
}


def placements() -> Iterator[Part]:
    specs = {"driver_handles_share_servers": "False"}
    request, placer = PlacementRequest(size=1, extra_specs=specs, protocol="NFS"), Placer()
    for count in (50, 1000):
        pools = [pool for at in range(count) for pool in pools_from_stats(f"h{at}@b", STATS)]
        yield f"place among {count} pools", 20, lambda p=pools: placer.place(request, p)


def requests() -> Iterator[Part]:
    enforcer, own = Enforcer(), {"project_id": "p", "user_id": "u"}
    member = Context(roles=("member",), **own)
    yield "check one rule", 20_000, lambda: enforcer.enforce(member, "share:get", own)
    headers = {"X-Auth-Token": TOKEN, "X-OpenStack-Manila-API-Version": "2.65"}
    environ = falcon.testing.create_environ("/v2/shares/1", headers=headers)
    app = make_app()
    yield "the framework around one GET", 500, lambda: app(dict(environ), lambda *_: None)


def views() -> Iterator[Part]:
    wide = Representation("bench", [Field(f"f{n}", get="name") for n in range(40)])
    view, rows = wide.view(ViewContext(version=99)), [SimpleNamespace(name="n")] * 1000
    yield "show 1000 records of 40 fields", 5, lambda: view.many(rows)


def fake(folder: str) -> Iterator[Part]:
    options = {"driver_handles_share_servers": False, "fake_state_path": folder}
    driver = FakeShareDriver(configuration=DictConfiguration(options, "bench"))
    context = DriverContext(system_context())

    def create() -> Any:
        record = share_record(id=str(uuid.uuid4()), size=1, share_proto="NFS")
        return driver.create_share(context, record)

    yield "create_share of the fake driver", 200, create


def measure(part: Part) -> float:
    """The least CPU-us of one, of five series."""
    _, rounds, work = part
    series = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(rounds):
            work()
        series.append((time.process_time() - begun) / rounds)
    return min(series) * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="abaca-bench-") as folder:
        for family in (placements(), requests(), views(), fake(folder)):
            for part in family:
                print(f"{part[0]:<48} {measure(part):>10.1f} CPU-us")
