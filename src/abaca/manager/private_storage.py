"""What drivers keep for themselves, in our database, each call one committed transaction."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from abaca.drivers.contract.private_storage import PrivateStorageBase
from abaca.store.engine import Store
from abaca.store.schema import driver_private_data

from .calls import still_wanted

_d = driver_private_data.c


class StorePrivateStorage(PrivateStorageBase):
    """Of one backend; what another host wrote for the same entity is found too."""

    def __init__(self, store: Store, host: str) -> None:
        self._store, self._host = store, host

    def find(self, key: str) -> dict[str, str]:
        stmt = sa.select(_d.host, _d.entity_id, _d.value).where(_d.key == key)
        with self._store.read() as tx:
            rows = sorted(tx.all(stmt), key=lambda row: bool(row[0] == self._host))
        return {entity_id: value for _, entity_id, value in rows}  # mine come last, and win

    def read(self, entity_id: str) -> Mapping[str, str]:
        stmt = sa.select(_d.host, _d.key, _d.value).where(_d.entity_id == entity_id)
        with self._store.read() as tx:
            rows = tx.all(stmt)
        mine = [row for row in rows if row[0] == self._host]
        return {key: value for _, key, value in mine or rows}

    def write(self, entity_id: str, details: Mapping[str, str], replace: bool) -> None:
        with still_wanted(), self._store.transaction() as tx:
            old = sa.delete(driver_private_data).where(
                _d.host == self._host, _d.entity_id == entity_id
            )
            tx.run(old if replace else old.where(_d.key.in_(list(details))))
            for key, value in details.items():
                row = {"host": self._host, "entity_id": entity_id, "key": key, "value": value}
                tx.run(sa.insert(driver_private_data), row)

    def remove(self, entity_id: str, key: str | None) -> None:
        stmt = sa.delete(driver_private_data).where(_d.entity_id == entity_id)
        with still_wanted(), self._store.transaction() as tx:
            tx.run(stmt if key is None else stmt.where(_d.key == key))
