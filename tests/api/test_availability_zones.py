"""GET /availability-zones, on the real store."""

from __future__ import annotations

from abaca.api.app import create_app
from abaca.api.registry import load
from abaca.api.request import AllowAll, NoAuth
from abaca.service.env import Env
from abaca.store import services
from abaca.store.engine import Store
from api.sample import Client


def test_zones_with_an_enabled_service(store: Store) -> None:
    with store.transaction() as tx:
        services.report_service(tx, host="a@x", binary="manila-share", topic="t", zone="west")
        services.ensure_zone(tx, "empty")
        services.report_service(
            tx, host="b@x", binary="manila-share", topic="t", zone="off", enabled=False
        )
    client = Client(create_app(Env(store), auth=NoAuth(), policy=AllowAll(), registry=load()))
    for path, version in (("os-availability-zone", "2.6"), ("availability-zones", "2.7")):
        answer = client.ask("GET", f"/v2/{path}", v=version)
        assert answer.status_code == 200
        (zone,) = answer.json["availability_zones"]
        assert set(zone) == {"id", "name", "created_at", "updated_at"}
        assert zone["name"] == "west"
    assert client.ask("GET", "/v2/os-availability-zone", v="2.7").status_code == 404
