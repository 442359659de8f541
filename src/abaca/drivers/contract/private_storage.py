"""What a driver keeps for itself: small texts per entity, committed at once.

A driver records an id here *before* it goes on, so a crash never loses track of a backend object.
"""

from __future__ import annotations

import json
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol


class PrivateStorage(Protocol):
    """What drivers see."""

    def get(self, entity_id: str, key: str | None = None, default: Any = None) -> Any:
        """The value of a key, or without a key all of them as a dictionary."""

    def update(
        self, entity_id: str, details: dict[str, Any], delete_existing: bool = False
    ) -> None:
        """Set keys; with `delete_existing` the other keys go away."""

    def delete(self, entity_id: str, key: str | None = None) -> None:
        """Remove one key, or without a key all of them.  Absent is success."""

    def find(self, key: str) -> dict[str, str]:
        """[R] {entity id: value} of all entities that have the key: what the driver has made."""


def checked_entity_id(entity_id: object) -> str:
    """The entity id; ValueError unless it looks like a UUID."""
    try:
        uuid.UUID(str(entity_id))
    except ValueError:
        raise ValueError(f"private storage is keyed by a UUID, not by {entity_id!r}") from None
    return str(entity_id)


def as_text(value: Any) -> str:
    """Values are kept as text: strings as they are, structures as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)


class PrivateStorageBase(ABC):
    """Checks arguments; a subclass keeps the texts (the manager's does so in the database,
    under its host's name, each call one committed transaction)."""

    @abstractmethod
    def read(self, entity_id: str) -> Mapping[str, str]:
        """All keys of an entity; empty when there are none."""

    @abstractmethod
    def write(self, entity_id: str, details: Mapping[str, str], replace: bool) -> None:
        """Set keys, removing the others first when `replace`; durable on return."""

    @abstractmethod
    def remove(self, entity_id: str, key: str | None) -> None:
        """Remove one key, or all."""

    @abstractmethod
    def find(self, key: str) -> dict[str, str]:
        """{entity id: value} of all entities that have the key."""

    def get(self, entity_id: str, key: str | None = None, default: Any = None) -> Any:
        details = self.read(checked_entity_id(entity_id))
        return dict(details) if key is None else details.get(key, default)

    def update(
        self, entity_id: str, details: dict[str, Any], delete_existing: bool = False
    ) -> None:
        entity_id = checked_entity_id(entity_id)
        if not isinstance(details, dict):
            raise ValueError(f"private details must be a dictionary, not {details!r}")
        self.write(
            entity_id, {key: as_text(value) for key, value in details.items()}, delete_existing
        )

    def delete(self, entity_id: str, key: str | None = None) -> None:
        self.remove(checked_entity_id(entity_id), key)


class MemoryPrivateStorage(PrivateStorageBase):
    """Kept in this process only; for tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data: dict[str, dict[str, str]] = {}

    def read(self, entity_id: str) -> Mapping[str, str]:
        with self._lock:
            return dict(self._data.get(entity_id, {}))

    def write(self, entity_id: str, details: Mapping[str, str], replace: bool) -> None:
        with self._lock:
            kept = {} if replace else self._data.get(entity_id, {})
            self._data[entity_id] = {**kept, **details}

    def remove(self, entity_id: str, key: str | None) -> None:
        with self._lock:
            if key is None:
                self._data.pop(entity_id, None)
            else:
                self._data.get(entity_id, {}).pop(key, None)

    def find(self, key: str) -> dict[str, str]:
        with self._lock:
            return {entity: kept[key] for entity, kept in self._data.items() if key in kept}
