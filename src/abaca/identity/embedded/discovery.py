"""Where everything is: versions, the service catalog, and the lists behind it."""

from __future__ import annotations

import uuid
from typing import Any

from abaca.model.errors import NotFound

from .http import Answer, Body, Call, Who, route

# Clients ask for one type or the other; both are the one service.
SERVICES = {
    "identity": ("keystone", "/identity"),
    "shared-file-system": ("manila", "/v2"),
    "sharev2": ("manilav2", "/v2"),
}
INTERFACES = ("public", "internal", "admin")
_SPACE = uuid.UUID("6f1d2a52-5d0a-4c5e-9c5b-0d2b8e0b9a77")


def _id(*words: str) -> str:
    return uuid.uuid5(_SPACE, "/".join(words)).hex


def _version(call: Call) -> Body:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.base}/v3/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
        ],
    }


@route("GET", "/", who=Who.ANYONE)
def versions(call: Call) -> Answer:
    return Answer({"versions": {"values": [_version(call)]}}, status=300)


@route("GET", "/v3", who=Who.ANYONE)
def version(call: Call) -> Body:
    return {"version": _version(call)}


def catalog(call: Call) -> list[dict[str, Any]]:
    """As it stands in tokens."""
    return [
        {
            "id": _id(type_),
            "type": type_,
            "name": name,
            "endpoints": [_endpoint(call, type_, each) for each in INTERFACES],
        }
        for type_, (name, _) in SERVICES.items()
    ]


def _endpoint(call: Call, type_: str, interface: str) -> dict[str, Any]:
    region = call.identity.settings.region
    return {
        "id": _id(type_, interface),
        "interface": interface,
        "region": region,
        "region_id": region,
        "url": call.root + SERVICES[type_][1],
    }


@route("GET", "/v3/auth/catalog", who=Who.USER)
def show_catalog(call: Call) -> Body:
    return {"catalog": catalog(call), "links": {"self": f"{call.base}/v3/auth/catalog"}}


@route("GET", "/v3/services")
def services(call: Call) -> Body:
    asked = {key: call.query(key) for key in ("type", "name")}
    found = [_service(type_) for type_ in SERVICES]
    return {
        "services": [
            one for one in found if all(v is None or one[k] == v for k, v in asked.items())
        ],
        "links": {"self": f"{call.base}/v3/services", "previous": None, "next": None},
    }


def _service(type_: str) -> dict[str, Any]:
    return {
        "id": _id(type_),
        "type": type_,
        "name": SERVICES[type_][0],
        "description": "",
        "enabled": True,
        "links": {},
    }


@route("GET", "/v3/services/{service_id}")
def service(call: Call, service_id: str) -> Body:
    for type_ in SERVICES:
        if service_id == _id(type_):
            return {"service": _service(type_)}
    raise NotFound(noun="Service", id=service_id)


@route("GET", "/v3/endpoints")
def endpoints(call: Call) -> Body:
    found = [
        {**_endpoint(call, type_, each), "service_id": _id(type_), "enabled": True, "links": {}}
        for type_ in SERVICES
        for each in INTERFACES
    ]
    asked = {key: call.query(key) for key in ("service_id", "interface", "region_id")}
    return {
        "endpoints": [
            one for one in found if all(v is None or one[k] == v for k, v in asked.items())
        ],
        "links": {"self": f"{call.base}/v3/endpoints", "previous": None, "next": None},
    }


@route("GET", "/v3/regions")
def regions(call: Call) -> Body:
    return {"regions": [_region(call)], "links": {"self": f"{call.base}/v3/regions"}}


@route("GET", "/v3/regions/{region_id}")
def region(call: Call, region_id: str) -> Body:
    if region_id != call.identity.settings.region:
        raise NotFound(noun="Region", id=region_id)
    return {"region": _region(call)}


def _region(call: Call) -> dict[str, Any]:
    return {
        "id": call.identity.settings.region,
        "description": "",
        "parent_region_id": None,
        "links": {},
    }


@route("GET", "/v3/groups")
def groups(call: Call) -> Body:
    """There are no groups; clients look all the same."""
    return {"groups": [], "links": {"self": f"{call.base}/v3/groups", "next": None}}
