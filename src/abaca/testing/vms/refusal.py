"""How the simulated array says no."""

from __future__ import annotations


class Refusal(Exception):
    """An answer that is not a success: its status and its text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
