"""Availability zones: nothing but a list."""

from __future__ import annotations

from abaca.model.context import Context
from abaca.model.services import AvailabilityZone
from abaca.store import services as store

from .env import Env


def find(env: Env, ctx: Context) -> list[AvailabilityZone]:
    """The zones in which an enabled service runs."""
    with env.store.read() as tx:
        return store.zones_in_use(tx)
