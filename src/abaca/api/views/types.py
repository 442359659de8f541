"""Share types as clients see them."""

from __future__ import annotations

from typing import Any

from abaca.api.versions import minor
from abaca.api.views.fields import UUID, Field, Representation, ViewContext
from abaca.model.type_specs import REQUIRED, STANDARD
from abaca.model.types import ShareType

_INFERRED = tuple((minor(s.inferred), s.name) for s in STANDARD.values() if s.inferred)


def _extra_specs(share_type: ShareType, ctx: ViewContext) -> dict[str, Any]:
    """Administrators see what is set; others the standard specs, missing flags as false."""
    if ctx.is_admin:
        return share_type.extra_specs
    found: dict[str, Any] = {k: v for k, v in share_type.extra_specs.items() if k in STANDARD}
    for since, name in _INFERRED:
        if ctx.version >= since:
            found.setdefault(name, False)
    return found


def _required(share_type: ShareType, ctx: ViewContext) -> dict[str, str]:
    specs = share_type.extra_specs
    return {name: specs[name] for name in REQUIRED if name in specs}


SHARE_TYPE = Representation(
    "share_type",
    [
        Field("id", UUID),
        Field("name"),
        Field("extra_specs", "object", get=_extra_specs),
        Field("required_extra_specs", "object", get=_required),
        Field("os-share-type-access:is_public", "boolean", max="2.6", get="is_public"),
        Field("share_type_access:is_public", "boolean", min="2.7", get="is_public"),
        Field("description", nullable=True, min="2.41"),
        Field("is_default", "boolean", min="2.46"),
    ],
)
SHARE_TYPE_ACCESS = Representation(
    "share_type_access",
    [
        Field("share_type_id", UUID, get=lambda pair, ctx: pair[0]),
        Field("project_id", get=lambda pair, ctx: pair[1]),
    ],
)
