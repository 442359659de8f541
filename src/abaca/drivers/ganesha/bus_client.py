"""A connection to a message bus: the system's, or one that abaca started (bus.py)."""

from __future__ import annotations

import sys
import threading

from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.low_level import Message, MessageType
from jeepney.wrappers import DBusErrorResponse

from abaca.drivers.contract import errors

CALL_SECONDS = 60.0
SYSTEM = "SYSTEM"  # DBUS_SYSTEM_BUS_ADDRESS, else the well-known socket

THE_BUS = DBusAddress(
    "/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus"
)


class BusFailure(errors.GaneshaException, errors.StorageCommunicationException):
    """The message bus of Ganesha does not answer: {reason}"""


class CallRefused(errors.GaneshaException):
    """Ganesha refused {method}: {reason}"""


class BusClient:
    """Calls over one bus, on a connection for each calling thread."""

    def __init__(self, address: str = SYSTEM) -> None:
        self._address = address
        self._local = threading.local()

    @property
    def address(self) -> str:
        """Of the bus."""
        return self._address

    def owner(self, name: str) -> int | None:
        """The pid of the process that owns a bus name, None if nobody does."""
        try:
            reply = self.call(THE_BUS, "GetConnectionUnixProcessID", "s", (name,), seconds=5.0)
        except CallRefused:
            return None
        return int(str(reply[0]))

    def call(
        self,
        address: DBusAddress,
        method: str,
        signature: str = "",
        arguments: tuple[object, ...] = (),
        seconds: float = CALL_SECONDS,
    ) -> tuple[object, ...]:
        """One method call.  Raises CallRefused (an error came back) or BusFailure (no answer)."""
        sys.audit("abaca.bus", method, *arguments)
        message = new_method_call(address, method, signature, arguments)
        reply = self._send(message, method, seconds)
        if reply.header.message_type is MessageType.error:
            raise CallRefused(method=method, reason=str(DBusErrorResponse(reply)))
        return tuple(reply.body)

    def _send(self, message: Message, method: str, seconds: float) -> Message:
        for attempt in (1, 2):  # a connection made before the daemon was replaced is dead
            try:
                return self._connection().send_and_get_reply(message, timeout=seconds)
            except TimeoutError as problem:
                self.close()
                raise BusFailure(reason=f"{method} timed out after {seconds} s") from problem
            except (OSError, EOFError) as problem:
                self.close()
                if attempt == 2:
                    raise BusFailure(reason=f"{method}: {problem}") from problem
        raise AssertionError("not reached")

    def _connection(self) -> DBusConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = open_dbus_connection(self.address, auth_timeout=5.0)
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Hang up, in this thread; its next call connects again."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None
