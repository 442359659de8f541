"""What is served here: the version documents, for clients that come without knowing anything."""

from __future__ import annotations

from typing import Any

from abaca.api.versions import MAX_TEXT, MIN_TEXT

UPDATED = "2026-01-01T00:00:00Z"


def versions(root: str) -> dict[str, Any]:
    """The body of GET / and GET /v2/."""
    return {
        "versions": [
            {
                "id": "v2.0",
                "status": "CURRENT",
                "version": MAX_TEXT,
                "min_version": MIN_TEXT,
                "updated": UPDATED,
                "links": [
                    {"rel": "describedby", "type": "application/json", "href": f"{root}v2/openapi"},
                    {"rel": "self", "href": f"{root}v2/"},
                ],
                "media-types": [
                    {
                        "base": "application/json",
                        "type": "application/vnd.openstack.share+json;version=1",
                    }
                ],
            }
        ]
    }
