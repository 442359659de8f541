"""Errors of the configuration."""

from __future__ import annotations

from abaca.model.errors import AbacaError


class ConfigError(AbacaError):
    """The configuration cannot be used."""
