"""`make bench`: each figure with its factor against the incumbent's, in one run.

python -m bench [--quick] [parts | service | backlog | storage]...
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from abaca.store import schema
from abaca.store.engine import Store

from . import backlog, parts
from .baseline import HEADING, row
from .service import Client, Service, on_postgresql, with_local_backend

QUICK = "--quick" in sys.argv
Figures = dict[str, float]
SHARE = {"share": {"name": "bench", "size": 1, "share_proto": "NFS"}}


def median_ms(times: list[float]) -> float:
    return statistics.median(times) * 1000


def until(check: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not come true in time")
        time.sleep(0.002)  # looking more often would slow down what is looked at


def status_is(client: Client, path: str, key: str, wanted: str) -> Callable[[], bool]:
    def check() -> bool:
        found = client.json("GET", path)[key]["status"]
        if found == "error":
            raise RuntimeError(f"{path} is in error")
        return bool(found == wanted)

    return check


def gone(client: Client, path: str) -> Callable[[], bool]:
    return lambda: client.call("GET", path)[0] == 404


def lives(service: Service, figures: Figures) -> None:
    """One share after the other: create, allow, deny, snapshot, delete."""
    client = Client(service.port)
    kept: dict[str, list[float]] = {}

    def timed(name: str, since: float) -> None:
        kept.setdefault(name, []).append(time.monotonic() - since)

    for _ in range(10 if QUICK else 50):
        begun = time.monotonic()
        share = client.json("POST", "/shares", SHARE)["share"]
        timed("POST share p50 ms", begun)
        path = f"/shares/{share['id']}"
        until(status_is(client, path, "share", "available"))
        timed("create to available p50 ms", begun)
        _rules(client, path, timed)
        begun = time.monotonic()
        body = {"snapshot": {"share_id": share["id"], "name": "s"}}
        snapshot = client.json("POST", "/snapshots", body)["snapshot"]
        until(status_is(client, f"/snapshots/{snapshot['id']}", "snapshot", "available"))
        timed("snapshot to available p50 ms", begun)
        client.call("DELETE", f"/snapshots/{snapshot['id']}")
        until(gone(client, f"/snapshots/{snapshot['id']}"))
        begun = time.monotonic()
        client.call("DELETE", path)
        until(gone(client, path))
        timed("delete to gone p50 ms", begun)
    figures.update({name: median_ms(times) for name, times in kept.items()})


def _rules(client: Client, path: str, timed: Callable[[str, float], None]) -> None:
    begun = time.monotonic()
    rule = {"access_type": "ip", "access_to": "192.0.2.1", "access_level": "rw"}
    made = client.json("POST", f"{path}/action", {"allow_access": rule})["access"]
    where = f"/share-access-rules/{made['id']}"
    until(lambda: client.json("GET", where)["access"]["state"] == "active")
    timed("rule to active p50 ms", begun)
    begun = time.monotonic()
    client.call("POST", f"{path}/action", {"deny_access": {"access_id": made["id"]}})
    until(gone(client, where))
    timed("deny to gone p50 ms", begun)


def burst(service: Service, figures: Figures) -> None:
    """Many creates at concurrency 8, until the last one is available."""
    count = 200 if QUICK else 1000
    clients = [Client(service.port, "c" * 32) for _ in range(8)]
    begun, cpu, database = time.monotonic(), service.cpu(), service.database_cpu()

    def create(n: int) -> None:
        for _ in range(count // 8):
            clients[n].json("POST", "/shares", SHARE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    asked = time.monotonic() - begun
    service.until_idle()
    taken = time.monotonic() - begun
    figures["creates at concurrency 8 per s"] = count / taken
    figures["create CPU-ms"] = (service.cpu() - cpu) * 1000 / count
    used = (service.database_cpu() - database) * 1000 / count
    query = "/shares?status=available&with_count=true&limit=1"
    assert clients[0].json("GET", query)["count"] >= count
    print(f"  # {count} POSTs took {asked:.2f} s; PostgreSQL used {used:.2f} CPU-ms each")


def reads(service: Service, figures: Figures) -> None:
    """One share, and pages of the thousand that the burst has left."""
    client = Client(service.port, "c" * 32)
    share = client.json("GET", "/shares?limit=1")["shares"][0]
    _read(service, client, figures, "GET one", f"/shares/{share['id']}", 100 if QUICK else 500)
    for size, times in ((10, 100), (100, 50), (1000, 10 if QUICK else 30)):
        name = f"list of {size}"
        _read(service, client, figures, name, f"/shares/detail?limit={size}", times)


def _read(
    service: Service, client: Client, figures: Figures, name: str, path: str, times: int
) -> None:
    client.call("GET", path)
    taken, cpu, database = [], service.cpu(), service.database_cpu()
    for _ in range(times):
        begun = time.monotonic()
        client.call("GET", path)
        taken.append(time.monotonic() - begun)
    figures[f"{name} p50 ms"] = median_ms(taken)
    figures[f"{name} CPU-ms"] = (service.cpu() - cpu) * 1000 / times
    used = (service.database_cpu() - database) * 1000 / times
    print(f"  # {name}: PostgreSQL used {used:.2f} CPU-ms each")


def fill(service: Service, count: int, project: str) -> None:
    """Rows of available shares, as the service would have left them."""
    store = Store(service.database)
    with store.transaction() as tx:
        kind = tx.scalar(sa.select(schema.share_types.c.id))
        shares: list[dict[str, Any]] = []
        instances: list[dict[str, Any]] = []
        for n in range(count):
            share_id, instance_id = str(uuid.uuid4()), str(uuid.uuid4())
            at = f"2026-01-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}.{n:06}"
            shares.append(
                {"id": share_id, "project_id": project, "user_id": "bench", "name": f"s{n}",
                 "size": 1, "share_proto": "NFS", "share_type_id": kind,
                 "instance_id": instance_id, "created_at": at, "is_public": False}
            )  # fmt: skip
            instances.append(
                {"id": instance_id, "share_id": share_id, "host": "bench@fake#fake",
                 "status": "available", "access_rules_status": "active", "share_type_id": kind,
                 "progress": "100%", "created_at": at}
            )  # fmt: skip
        for start in range(0, count, 5000):
            tx.run(schema.shares.insert(), shares[start : start + 5000])
            tx.run(schema.share_instances.insert(), instances[start : start + 5000])
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE")
    store.close()


def large(service: Service, figures: Figures) -> None:
    """A page of a hundred thousand, and a restart."""
    fill(service, 100_000, "d" * 32)
    client = Client(service.port, "d" * 32)
    taken = []
    for n in range(20 if QUICK else 60):
        begun = time.monotonic()
        found = client.json("GET", f"/shares/detail?limit=20&offset={n * 20}&with_count=True")
        taken.append(time.monotonic() - begun)
        assert found["count"] == 100_000 and len(found["shares"]) == 20
    figures["page of 20 of 100000 with count p50 ms"] = median_ms(taken)
    figures["memory of abaca PSS MB"] = service.memory()


def restart(service: Service, figures: Figures) -> None:
    """Ten thousand shares and more; stop, start, and a new one."""
    service.stop()
    begun = time.monotonic()
    service.start()
    client = Client(service.port)
    share = client.json("POST", "/shares", SHARE)["share"]
    until(status_is(client, f"/shares/{share['id']}", "share", "available"), 60)
    figures["restart with 10000 shares to a new one s"] = time.monotonic() - begun


def mounted(service: Service, figures: Figures) -> None:
    """From POST to a file written over NFS: create, allow, mount, write."""
    from abaca.testing.nfs import connect

    client, taken = Client(service.port), []
    until(lambda: bool(client.json("GET", "/scheduler-stats/pools")["pools"]), 60)
    for _ in range(10 if QUICK else 30):
        begun = time.monotonic()
        share = client.json("POST", "/shares", SHARE)["share"]
        path = f"/shares/{share['id']}"
        until(status_is(client, path, "share", "available"))
        rule = {"access_type": "ip", "access_to": "127.0.0.1", "access_level": "rw"}
        made = client.json("POST", f"{path}/action", {"allow_access": rule})["access"]
        where = f"/share-access-rules/{made['id']}"
        until(lambda where=where: client.json("GET", where)["access"]["state"] == "active")
        location = client.json("GET", f"{path}/export_locations")["export_locations"][0]
        ports, export = location["metadata"], location["path"].partition(":")[2]
        with connect(
            "127.0.0.1", export, int(ports["nfs_port"]), int(ports["mount_port"])
        ) as mount:
            mount.write("/hello", b"hello")
        taken.append(time.monotonic() - begun)
        client.call("DELETE", path)
    figures["create to mounted and written over NFS p50 ms"] = median_ms(taken)


def service(figures: Figures) -> None:
    with on_postgresql() as running:
        for part in (lives, burst, reads, large, restart):
            part(running, figures)


def storage(figures: Figures) -> None:
    if os.geteuid() == 0:
        with with_local_backend() as running:
            mounted(running, figures)


def waiting(figures: Figures) -> None:
    """Ten thousand creates queued at once."""
    with on_postgresql() as running:
        found = backlog.run(running, 1000 if QUICK else 10_000)
    for name, times in (("grows", found.growing), ("drains", found.draining)):
        figures[f"backlog: GET while it {name} p99 ms"] = percentile(times, 99)
        median, most = statistics.median(times), max(times)
        print(f"  # {len(times)} GETs while it {name}: p50 {median:.1f} ms, at most {most:.1f}")
    figures["backlog: memory of abaca PSS MB"] = found.memory
    figures["backlog: another project's share s"] = found.single
    figures["backlog: creates drained per s"] = found.count / found.drained
    print(f"  # asked for in {found.asked:.0f} s, done in {found.drained:.0f} s")
    print(
        f"  # before the other project's one: {found.before_single}; wrong: {found.wrong or 'no'}"
    )
    if found.wrong:
        raise RuntimeError("; ".join(found.wrong))


def percentile(times: list[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


BENCHES = {"service": service, "backlog": waiting, "storage": storage}


def main() -> int:
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    figures: Figures = {}
    for name, bench in BENCHES.items():
        if not words or name in words:
            bench(figures)
    print("\n".join([HEADING, *(row(*figure) for figure in figures.items())] if figures else []))
    if not words or "parts" in words:
        parts.main()
    print(f"load after: {os.getloadavg()[0]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
