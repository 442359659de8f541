"""The message bus of another machine, by its `dbus-send` command."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jeepney import DBusAddress

from abaca.drivers.ganesha.bus_client import THE_BUS, BusFailure, CallRefused
from abaca.drivers.nodes.node import Node

_TYPES = {"s": "string", "q": "uint16"}
_ITEM = re.compile(
    r'\s*(?:(?P<open>struct \{|array \[)|(?P<close>[}\]])|string "(?P<text>[^"]*)"'
    r"|(?:u?int\d+|byte) (?P<number>-?\d+)|boolean (?P<flag>true|false)|double (?P<real>\S+))"
)


class DbusSend:
    """Calls over a node's system bus; about 10 ms each."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def owner(self, name: str) -> int | None:
        """The pid of the process that owns a bus name, None if nobody does."""
        try:
            reply = self.call(THE_BUS, "GetConnectionUnixProcessID", "s", (name,))
        except CallRefused:
            return None
        return int(str(reply[0]))

    def call(
        self,
        address: DBusAddress,
        method: str,
        signature: str = "",
        arguments: tuple[object, ...] = (),
    ) -> tuple[object, ...]:
        """One method call.  Raises CallRefused (an error came back) or BusFailure (no bus)."""
        given = [f"{_TYPES[s]}:{a}" for s, a in zip(signature, arguments, strict=True)]
        done = self._node.run(
            *("dbus-send", "--system", "--print-reply", "--reply-timeout=60000"),
            *(f"--dest={address.bus_name}", address.object_path),
            *(f"{address.interface}.{method}", *given),
        )
        if done.code == 0:
            return parse_reply(done.out)
        if done.code == 127:
            raise BusFailure(reason=f"{self._node.name} has no dbus-send: install dbus-bin there")
        if "Failed to open connection" in done.err or "NoReply" in done.err:
            raise BusFailure(reason=f"{self._node.name}: {done.said}")
        raise CallRefused(method=method, reason=done.said)


def parse_reply(text: str) -> tuple[object, ...]:
    """What `dbus-send --print-reply` shows, its first line left out, as tuples and lists."""
    return tuple(_items(iter(_ITEM.finditer(text.partition("\n")[2]))))


def _items(found: Iterator[re.Match[str]]) -> list[object]:
    items: list[object] = []
    for item in found:
        if item["close"]:
            break
        if item["open"]:
            inner = _items(found)
            items.append(tuple(inner) if item["open"].startswith("struct") else inner)
        elif item["number"] is not None:
            items.append(int(item["number"]))
        elif item["flag"]:
            items.append(item["flag"] == "true")
        else:
            items.append(item["text"] if item["text"] is not None else float(item["real"]))
    return items
