"""Directory quotas of a volume that really are hard."""

from __future__ import annotations

import time
from collections.abc import Iterable

from abaca.drivers.contract import errors
from abaca.drivers.glusterfs import replies
from abaca.drivers.glusterfs.manager import GlusterManager

GIB = 1 << 30
QUOTA = "features.quota"
# By default usage is looked at every 60 s, and every 5 s near the limit: 110 MB were then written
# into a directory limited to 60 MB.  With 0 each write is checked.
TIMEOUTS = ("features.soft-timeout", "features.hard-timeout")
DAEMON = "Quota Daemon"
PAUSES = (0.1, 0.3, 0.6)  # seconds
AT_ONCE = 100  # paths in one command
NO_LIMITS = "No quota configured"  # how `list` fails on a volume without a single limit


class Quota:
    """Limits by directory; paths start at the volume's root."""

    def __init__(self, manager: GlusterManager) -> None:
        self._manager = manager

    def enable(self) -> None:
        """Turn quotas on and make them hard; nothing is done where it is so already."""
        options = self._manager.info().options
        if options.get(QUOTA) != "on":
            try:
                self._call("enable")
            except errors.GlusterfsException:  # somebody else was faster
                if self._manager.info().options.get(QUOTA) != "on":
                    raise
        for name in TIMEOUTS:
            if options.get(name) != "0":
                self._manager.set_vol_option(name, 0)

    def check_daemon(self) -> None:
        """Without its daemon a volume under quota accepts limits, but writes hang.

        GlusterFS starts it anew with every change of any volume, so it gets a moment.
        StorageCommunicationException says where it is dead and how it is started.
        """
        for pause in (*PAUSES, None):
            daemons = [p for p in self._manager.processes() if p.name == DAEMON]
            dead = sorted(p.place for p in daemons if not p.online)
            if daemons and not dead:
                return
            if pause is not None:
                time.sleep(pause)
        raise errors.StorageCommunicationException(
            reason=f"the quota daemon of volume {self._manager.volume} is dead on "
            f"{', '.join(dead) or 'all nodes'}; there: "
            f"gluster volume start {self._manager.volume} force"
        )

    def limit(self, path: str, size: int) -> None:
        """Let a directory hold `size` GiB (Gluster's GB); in force at once."""
        self._call("limit-usage", path, f"{size}GB")

    def remove(self, path: str) -> None:
        """Lift the limit; none is success."""
        self._manager.gluster_call(
            "volume", "quota", self._manager.volume, "remove", path, error_policy=(1,)
        )

    def of(self, path: str) -> replies.Limit:
        """One directory's limit and use.  StorageCommunicationException without an answer."""
        found = self.of_each([path])
        if path not in found:
            raise errors.StorageCommunicationException(
                reason=f"gluster says nothing about the quota of {path} in {self._manager.volume}"
            )
        return found[path]

    def of_each(self, paths: Iterable[str]) -> dict[str, replies.Limit]:
        """Those of directories by path, limited or not; one that is not in it was not told of."""
        found: dict[str, replies.Limit] = {}
        wanted = list(paths)
        for first in range(0, len(wanted), AT_ONCE):
            found |= self._list(*wanted[first : first + AT_ONCE])
        return found

    def all(self, paths: Iterable[str] = ()) -> dict[str, replies.Limit]:
        """Those of all limited directories, by path, and of `paths`.

        The list of all comes from the quota daemon, which leaves rows out, without an error, while
        it or a brick comes up; directories asked for by path are read from the volume itself.
        """
        found = self._list()
        return found | self.of_each(path for path in paths if path not in found)

    def _list(self, *paths: str) -> dict[str, replies.Limit]:
        words = ("volume", "quota", self._manager.volume, "list", *paths)
        try:
            return {row.path: row for row in replies.limits(self._manager.xml(*words))}
        except (errors.GlusterfsException, errors.StorageCommunicationException) as problem:
            self.check_daemon()
            if NO_LIMITS in str(problem):
                return {}
            raise

    def _call(self, *words: str) -> None:
        self._manager.gluster_call("volume", "quota", self._manager.volume, *words)
