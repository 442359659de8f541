"""Pools as clients see them."""

from abaca.api.views.fields import Field, Representation

_NAMES = (Field("name"), Field("host"), Field("backend", nullable=True), Field("pool"))

POOL_SUMMARY = Representation("pool_summary", _NAMES)
POOL = Representation("pool", [*_NAMES, Field("capabilities", "object")])
