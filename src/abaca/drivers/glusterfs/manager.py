"""GlusterManager: the gluster command of one cluster, and the volume an address names."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from abaca.drivers.contract import errors
from abaca.drivers.contract.execute import Execute, execute_locally
from abaca.drivers.glusterfs import replies
from abaca.drivers.glusterfs.address import Address
from abaca.drivers.nodes.node import Done, LocalNode, Node
from abaca.drivers.nodes.ssh import SshNode

TRIES = 6  # for a cluster that is busy with another command: about 6 s
FIRST_PAUSE = 0.2  # seconds, doubled each time
_BUSY = re.compile(r"Another transaction|Locking failed|Failed to (?:get|acquire) .*lock", re.I)
# what the operator has to mend first, or what nobody knows the outcome of
_LATER = re.compile(
    r"Connection failed|timed out|Commit failed on|Staging failed on \S+ Please check log|"
    r"not started|is stopped|not in \w* ?quorum|"
    # a glusterd died not long ago
    r"Failed to reconfigure barrier|bricks are not running|Failed to start\s+aux mount|"
    r"Transport endpoint is not connected|Quota command failed. Please check the cli logs",
    re.I,
)
_NO_SNAPSHOTS = re.compile(r"LVM commands not found|unrecognized word: snapshot")
_TRUE = frozenset({"ON", "YES", "TRUE", "ENABLE", "1"})
_FALSE = frozenset({"OFF", "NO", "FALSE", "DISABLE", "0"})
Policy = str | tuple[int, ...]
KNOWN_HOSTS = Path("/var/lib/abaca/ssh/known_hosts")


class GlusterManager:
    """Commands to a cluster, one at a time: it locks itself for each of them anyway.

    `address`: text, mapping or Address; `requires`: parts it must have ({"volume": True}).  With a
    user in it commands go over SSH, by key file or password; without, they run here.
    """

    def __init__(
        self,
        address: str | Mapping[str, str | None] | Address,
        execf: Execute = execute_locally,
        path_to_private_key: str | None = None,
        remote_server_password: str | None = None,
        has_volume: bool | None = None,
        *,
        requires: Mapping[str, bool] | None = None,
        node: Node | None = None,
        known_hosts: Path = KNOWN_HOSTS,
    ) -> None:
        self.address = Address.read(address)
        wanted = dict(requires or {})
        if has_volume is not None:
            wanted["volume"] = has_volume
        for part, needed in wanted.items():
            if (getattr(self.address, part) is not None) is not needed:
                raise errors.GlusterfsException(
                    reason=f"{self.address} {'lacks' if needed else 'must not have'} a {part}"
                )
        self._key, self._password, self._known_hosts = (
            path_to_private_key,
            remote_server_password,
            known_hosts,
        )
        self.node = node or self._node(execf)
        self._turn = threading.Lock()
        self.gluster_call = self.make_gluster_call(execf)

    @property
    def volume(self) -> str:
        """The name of the volume.  GlusterfsException if the address has none."""
        if self.address.volume is None:
            raise errors.GlusterfsException(reason=f"{self.address} names no volume")
        return self.address.volume

    def for_volume(self, volume: str) -> GlusterManager:
        """A volume of the same cluster, over the same connection."""
        other = GlusterManager(self.address.on_volume(volume), node=self.node)
        other._turn = self._turn
        return other

    def _node(self, execf: Execute) -> Node:
        if self.address.user is None:
            return LocalNode(execf)
        return SshNode(
            self.address.user,
            self.address.host,
            self._known_hosts,
            password=self._password,
            key_file=self._key,
        )

    # --- commands ---------------------------------------------------------------------------------
    def make_gluster_call(self, execf: Execute) -> Callable[..., tuple[str, str] | None]:
        """`gluster_call(*words, error_policy="coerce")` -> (output, complaints).

        error_policy: coerce (GlusterfsException), raw (ProcessExecutionError), suppress (None), or
        a tuple of exit codes that are as good as success.
        """

        def gluster_call(*words: str, error_policy: Policy = "coerce") -> tuple[str, str] | None:
            done = self.run(*words)
            tolerated = error_policy if isinstance(error_policy, tuple) else ()
            if done.code == 0 or done.code in tolerated:
                return done.out, done.err
            if error_policy == "suppress":
                return None
            if error_policy == "raw":
                raise errors.ProcessExecutionError(
                    done.out, done.err, done.code, f"gluster {' '.join(words)}"
                )
            raise self._failure(words, done.said)

        return gluster_call

    def run(self, *words: str) -> Done:
        """One gluster command, repeated while the cluster is busy with another one.

        StorageCommunicationException when no glusterd was reached, its outcome is not known, or
        the volume is stopped.
        """
        for attempt in range(1, TRIES + 1):
            with self._turn:
                done = self.node.run("gluster", "--mode=script", *words)
            said = f"{done.out}\n{done.err}"
            if _BUSY.search(said) is None:
                break
            if attempt < TRIES:
                time.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
        if done.code == 127:
            raise errors.GlusterfsException(
                reason=f"{self.node.name} has no gluster command; install glusterfs-server there"
            )
        failed = done.code != 0 or "<opRet>-1</opRet>" in done.out
        if failed and (_LATER.search(said) or _BUSY.search(said)):
            raise errors.StorageCommunicationException(
                reason=f"gluster {' '.join(words)} on {self.node.name}: {_brief(said)}"
            )
        return done

    def xml(self, *words: str) -> Element:
        """The reply of a command that succeeded; else GlusterfsException in Gluster's words.

        StorageCommunicationException if it says nothing, as while its daemons come and go.
        """
        done = self.run("--xml", *words)
        if not done.said:
            raise errors.StorageCommunicationException(
                reason=f"gluster {' '.join(words)} on {self.node.name}: "
                f"exit code {done.code} without a word"
            )
        try:
            if not done.out.strip():
                raise replies.BadReply(done.said)
            return replies.check(replies.parse(done.out))
        except replies.BadReply as problem:
            raise self._failure(words, str(problem)) from problem

    def _failure(self, words: Iterable[str], said: str) -> errors.GlusterfsException:
        return errors.GlusterfsException(
            reason=f"gluster {' '.join(words)} on {self.node.name}: {said}"
        )

    # --- version ----------------------------------------------------------------------------------
    def get_gluster_version(self) -> tuple[str, ...]:
        """As words: ('3', '6', '0beta2')."""
        out = self.run("--version").out
        match = re.match(r"glusterfs (\S+)", out)
        if match is None:
            raise self._failure(["--version"], f"no version in {out[:80]!r}")
        return tuple(match[1].split("."))

    @staticmethod
    def numreduct(vers: Iterable[str]) -> tuple[int, ...]:
        """The leading numbers of a version: ('3', '6', '0beta2') -> (3, 6)."""
        numbers = []
        for word in vers:
            if not word.isdecimal():
                break
            numbers.append(int(word))
        return tuple(numbers)

    def check_gluster_version(self, minvers: tuple[int, ...]) -> None:
        """GlusterfsException if the cluster is older than `minvers`, such as (3, 5)."""
        version = self.get_gluster_version()
        if self.numreduct(version) < tuple(minvers):
            raise errors.GlusterfsException(
                reason=f"{self.node.name} has GlusterFS {'.'.join(version)}; "
                f"{'.'.join(map(str, minvers))} or later is needed"
            )

    # --- the cluster ------------------------------------------------------------------------------
    def volumes(self) -> list[replies.VolumeInfo]:
        """All of them, by one command."""
        return replies.volumes(self.xml("volume", "info"))

    def snapshots(self) -> list[replies.SnapshotInfo]:
        """All of them; none where the servers cannot have any."""
        try:
            return replies.snapshots(self.xml("snapshot", "info"))
        except errors.GlusterfsException as problem:
            if _NO_SNAPSHOTS.search(str(problem)):
                return []
            raise

    # --- the volume -------------------------------------------------------------------------------
    def info(self) -> replies.VolumeInfo:
        """GlusterfsException if there is no such volume."""
        words = ("volume", "info", self.volume)
        try:
            return replies.volume_info(self.xml(*words))
        except replies.BadReply as problem:
            raise self._failure(words, str(problem)) from problem

    def processes(self) -> list[replies.Process]:
        """The daemons that serve the volume."""
        return replies.processes(self.xml("volume", "status", self.volume))

    def get_vol_option(self, name: str, boolean: bool = False) -> Any:
        """An option's value; None where the volume has none.  `boolean`: True or False."""
        value = self._option(name)
        if not boolean or value is None:
            return value
        if value.upper() in _TRUE:
            return True
        if value.upper() in _FALSE:
            return False
        raise errors.GlusterfsException(
            reason=f"option {name} of volume {self.volume} is {value!r}, which is not on or off"
        )

    get_gluster_vol_option = get_vol_option

    def _option(self, name: str) -> str | None:
        """By `volume get`, which knows defaults too; of user.* and of old servers by `info`."""
        if not name.startswith("user."):
            done = self.run("--xml", "volume", "get", self.volume, name)
            if not done.out.strip():
                return None  # an option that was never set and has no default
            try:
                return replies.volume_option(replies.check(replies.parse(done.out)))
            except replies.BadReply:  # `get` came with GlusterFS 3.7
                return self.info().options.get(name)
        return self.info().options.get(name)

    def set_vol_option(self, name: str, value: Any, ignore_failure: bool = False) -> None:
        """Set an option (True and False are ON and OFF); None resets it."""
        words = {True: "ON", False: "OFF"}
        policy: Policy = (1,) if ignore_failure else "coerce"
        if value is None:
            self.gluster_call("volume", "reset", self.volume, name, error_policy=policy)
            return
        text = words[value] if isinstance(value, bool) else str(value)
        self.gluster_call("volume", "set", self.volume, name, text, error_policy=policy)


def _brief(said: str) -> str:
    """What was complained of, in one line."""
    match = re.search(r"<opErrstr>([^<]+)</opErrstr>", said)
    return " ".join((match[1] if match else re.sub(r"<[^>]*>", " ", said)).split())[:300]
