"""Who may do something: a lease with a fencing epoch.

A lease is a row (name, owner, epoch, expires_at).  Whoever takes it over raises the epoch, and
every write of a worker is checked against the epoch it works under, so a worker that was paused
past its lease cannot change anything any more.  It must not touch a backend either: `Lease.check`
uses a clock of this machine, read *before* the renewal was sent, so that it gives up earlier than
anybody else can take over.

A holder on the same machine whose process is gone is followed at once; one on another machine
when its time is up.  A holder that was late and finds its name still in the row goes on under the
same epoch: nobody else had the lease in between.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from abaca.model import clock
from abaca.model.errors import LeaseLost, Unavailable
from abaca.store.clock import db_clock
from abaca.store.engine import Store, Tx
from abaca.store.fixed import Fixed
from abaca.store.schema import leases

_l = leases.c
MARGIN = 0.15  # part of the lease time kept as distance to a successor

_INSERT = Fixed(
    sa.text(
        "INSERT INTO leases (name, owner, epoch, expires_at) VALUES (:name, '', 0, 0)"
        " ON CONFLICT (name) DO NOTHING"
    )
)
_SELECT = Fixed(
    sa.select(_l.owner, _l.expires_at - db_clock(), _l.expires_at).where(
        _l.name == sa.bindparam("which")
    )
)
# Not if it was renewed since we looked: its holder may have come back to life.
_AS_SEEN = (
    _l.name == sa.bindparam("which"),
    _l.owner == sa.bindparam("previous"),
    _l.expires_at == sa.bindparam("seen"),
)
# Waits for those who hold the row while they mark operations; renewals do not, see log._HOLD.
_LOCK = Fixed(sa.select(_l.epoch).where(*_AS_SEEN).with_for_update())
_TAKE = Fixed(
    sa.update(leases)
    .where(*_AS_SEEN)
    .values(
        owner=sa.bindparam("me"),
        epoch=_l.epoch + sa.bindparam("step", type_=sa.Integer),
        expires_at=db_clock() + sa.bindparam("ttl"),
    )
    .returning(_l.epoch)
)
_RENEW = Fixed(
    sa.update(leases)
    .where(_l.owner == sa.bindparam("me"))
    .values(expires_at=db_clock() + sa.bindparam("ttl"))
    .returning(_l.name, _l.epoch)
)
_RELEASE = (
    sa.update(leases)
    .where(_l.name == sa.bindparam("which"), _l.owner == sa.bindparam("me"))
    .values(owner="", expires_at=0.0)
)


def _start_time(pid: int) -> str | None:
    """Ticks after boot at which a process started; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "hidden" if _exists(pid) else None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]


def _exists(pid: int) -> bool:
    """Also of a process that /proc does not show us (hidepid)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pid_space() -> str:
    """This boot of this machine, and the space in which process ids are counted (containers)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except FileNotFoundError:
        return "unknown"


def new_owner() -> str:
    """A name for this process that no other process ever had."""
    pid = os.getpid()
    nonce = secrets.token_hex(4)
    return f"{socket.gethostname()}/{_pid_space()}/{pid}/{_start_time(pid)}/{nonce}"


def owner_is_gone(owner: str) -> bool:
    """Whether the holder is surely dead: nobody, or an ended process of this machine.  Of other
    machines (and of one that only has the same name) nothing is known but when their time is up."""
    if not owner:
        return True
    try:
        host, space, pid, started, _ = owner.split("/")
        number = int(pid)
    except ValueError:  # of another release
        return False
    if host != socket.gethostname() or space != _pid_space() or space == "unknown":
        return False
    now = _start_time(number)
    return now != "hidden" and now != started


class Lease:
    """One lease as this process sees it."""

    def __init__(self, name: str, ttl: float) -> None:
        self.name = name
        self.ttl = ttl
        self.epoch: int | None = None
        self.free_in = 0.0  # seconds until somebody else's time is up, as try_take found it
        self._good_until = 0.0

    @property
    def held(self) -> bool:
        return self.epoch is not None and clock.uptime() < self._good_until

    def check(self, epoch: int | None = None) -> None:
        """Raise LeaseLost unless this process surely holds it (under that epoch)."""
        if not self.held or (epoch is not None and epoch != self.epoch):
            raise LeaseLost(f"The lease {self.name} is no longer held by this process.")

    def renewed(self, epoch: int, asked_at: float) -> None:
        """asked_at: clock.uptime() from before the database was asked."""
        self.epoch = epoch
        self._good_until = asked_at + self.ttl * (1 - MARGIN)

    def lost(self) -> None:
        self.epoch = None


def try_take(tx: Tx, lease: Lease, owner: str) -> int | None:
    """Take a lease that is free, expired, whose holder is dead, or that is ours already; its
    epoch.  Call lease.renewed once that is committed."""
    tx.run(_INSERT, {"name": lease.name})
    row = tx.one(_SELECT, {"which": lease.name})
    if row is None:
        return None
    holder, lease.free_in, seen = row
    if lease.free_in > 0 and holder != owner and not owner_is_gone(holder):
        return None
    values = {
        "which": lease.name,
        "previous": holder,
        "seen": seen,
        "me": owner,
        "step": 0 if holder == owner else 1,
        "ttl": lease.ttl,
    }
    tx.one(_LOCK, values)
    epoch: int | None = tx.scalar(_TAKE, values)
    return epoch


class Keeper:
    """Renews all leases of this process in one statement, in one thread."""

    def __init__(self, store: Store, owner: str, ttl: float, every: float) -> None:
        self._store, self._owner, self._ttl, self._every = store, owner, ttl, every
        self._leases: dict[str, Lease] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def keep(self, lease: Lease) -> None:
        self._leases = {**self._leases, lease.name: lease}  # the thread may be reading the old one

    def renew(self) -> None:
        """One round; what the database no longer knows as ours is lost."""
        mine = [(each, each.epoch) for each in self._leases.values() if each.epoch is not None]
        if not mine:
            return
        asked_at = clock.uptime()
        with self._store.transaction(durable=False) as tx:
            rows = tx.all(_RENEW, {"me": self._owner, "ttl": self._ttl})
        found: dict[str, int] = dict(tuple(row) for row in rows)
        for lease, epoch in mine:
            if lease.epoch != epoch:
                continue  # it was taken anew meanwhile
            if found.get(lease.name) == epoch:
                lease.renewed(epoch, asked_at)
            else:
                lease.lost()

    def release(self, but: Collection[str] = ()) -> None:
        """Give them back, so that a successor need not wait; not those named in `but`."""
        for lease in self._leases.values():
            lease.lost()
        with self._store.transaction() as tx:
            for name in self._leases.keys() - set(but):
                tx.run(_RELEASE, {"which": name, "me": self._owner})

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.renew()
            except Unavailable:
                continue  # the leases run out by themselves; the queues take them again
