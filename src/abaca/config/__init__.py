"""Configuration: abaca's own, and an existing manila.conf read as it is.

    config = abaca.config.load()
    config.database_url, config.host, config.osapi_max_limit, config.quota.shares
    for backend in config.backends: backend.host, backend.driver_class, backend.share_backend_name

Options are rows of data (`options.py`), one file per concern; `catalog.py` holds them all.
"""

from __future__ import annotations

from .errors import ConfigError
from .loading import load, read, warn
from .view import BackendConfig, Config, Section

__all__ = ["BackendConfig", "Config", "ConfigError", "Section", "load", "read", "warn"]
