"""Errors of the scheduler.

AbacaError
├── NoValidHost       no pool can take it; carries the explanation
├── UnknownName       the configuration names a filter or weigher that does not exist
└── EvaluatorError    a filter or goodness function cannot be read or computed
"""

from __future__ import annotations

from abaca.model.errors import AbacaError

from .explain import Explanation


class NoValidHost(AbacaError):
    """No storage backend can take it."""

    def __init__(self, explanation: Explanation) -> None:
        super().__init__(explanation.for_log())
        self.explanation = explanation

    @property
    def message_detail_id(self) -> str:
        """Detail of the user message (manager specification, section 11)."""
        return self.explanation.detail_id

    def for_user(self) -> str:
        """One sentence for the owner of the share: counts and causes, no names of hosts."""
        return self.explanation.for_user()

    def for_log(self) -> str:
        return self.explanation.for_log()


class UnknownName(AbacaError):
    """There is no scheduler {kind} {name}; there are {known}."""


class EvaluatorError(AbacaError):
    """The expression cannot be read or computed."""
