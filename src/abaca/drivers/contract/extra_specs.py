"""Extra specs of share types that belong to a driver: those with its prefix, such as vast:."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ExtraSpecMethods:
    """A type with an extra spec of the driver's prefix that it does not know, or whose value it
    cannot honour, is not placed on its backend, and creating a share of it there ends in error."""

    extra_spec_prefix: str | None = None
    """Without its colon and in lower case; None: the driver has no extra specs of its own."""

    def get_extra_specs(self) -> Mapping[str, Sequence[str] | None]:
        """The extra specs of the prefix that the driver knows, by full name: the values that it
        can honour; None: any."""
        return {}


def owned_extra_specs(driver: object) -> dict[str, dict[str, Any]]:
    """The extra specs of a driver as its statistics have them: {prefix: {full name: values}}."""
    prefix = getattr(driver, "extra_spec_prefix", None)
    if not isinstance(driver, ExtraSpecMethods) or prefix is None:
        return {}
    known = driver.get_extra_specs().items()
    return {prefix: {name: None if fit is None else list(fit) for name, fit in known}}
