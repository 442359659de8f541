"""The context a driver is called with: the caller's, plus a way to report progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from abaca.model.context import Context


class DriverContext:
    """A request context with `progress(percent)`; everything else is the wrapped context's.

    Drivers that know long work call `context.progress(40)` now and then: it is recorded, and it
    keeps the operation's lease alive.  `report(context, percent)` works with any context.
    """

    __slots__ = ("_context", "_progress", "epoch", "operation_id")

    def __init__(
        self,
        context: Context,
        progress: Callable[[int], None] | None = None,
        operation_id: str | None = None,
        epoch: int | None = None,
    ) -> None:
        self._context = context
        self._progress = progress
        self.operation_id = (
            operation_id  # of the operation that calls, for its log and its inventory
        )
        self.epoch = epoch  # of its lease: a higher one is a later owner

    def progress(self, percent: int) -> None:
        """Report how much of the work is done, 0-100."""
        if self._progress is not None:
            self._progress(percent)

    def elevated(self) -> DriverContext:
        """The same with admin rights."""
        return DriverContext(
            self._context.elevated(), self._progress, self.operation_id, self.epoch
        )

    def to_dict(self) -> dict[str, Any]:
        """The context's fields."""
        return msgspec.structs.asdict(self._context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


AnyContext = Context | DriverContext


def report(context: AnyContext, percent: int) -> None:
    """Report progress if the context offers it."""
    if isinstance(context, DriverContext):
        context.progress(percent)


def operation_of(context: AnyContext) -> str | None:
    """The operation that calls, if the context tells."""
    return context.operation_id if isinstance(context, DriverContext) else None
