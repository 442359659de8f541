"""What drivers raise, one class per name of the contract.

ManilaException                 base: template message, `code`, keyword data, `detail_data`
├── Invalid 400                 InvalidShare, InvalidShareAccess, ManageInvalidShare, ...
├── ShareBackendException       StorageCommunicationException (worth trying again)
├── StorageResourceException    StorageResourceNotFound 404 -> ShareResourceNotFound, ...
├── NetworkException            NetworkBadConfigurationException, NetworkBindException
└── one class per remaining name

A class docstring is the message template; keyword arguments fill it.  Of `detail_data` the caller
uses `export_location(s)` and `server_details`: what exists on the backend in spite of the failure.
Foreign classes (drivers written for the incumbent) are recognised by name: see `is_a`.  Where they
leave the driver they become the `origin` of a ForeignError (abaca.manager.backend).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, ClassVar, Final

from abaca.model.errors import DriverError


class _Lenient(Formatter):
    """str.format that prints `?` for a value nobody gave: an error must not fail to be raised."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), "?")


_FORMAT = _Lenient()


class ManilaException(DriverError):
    """The storage backend failed."""

    template: ClassVar[str] = ""  # overrides the docstring, for classes that are made by a program

    def __init__(
        self,
        message: object = None,
        detail_data: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> None:
        self.detail_data: dict[str, Any] = dict(detail_data or {})
        super().__init__(self._text(values) if message is None else str(message), **values)

    @classmethod
    def _text(cls, values: Mapping[str, Any]) -> str:
        template = cls.template or " ".join((cls.__doc__ or "").split("\n\n", 1)[0].split())
        return _FORMAT.vformat(template, (), values)

    @property
    def msg(self) -> str:
        """The message, under the name that older drivers use."""
        return self.message

    @property
    def http_code(self) -> int:
        """`code`, or the one given when raised (NetworkException(code=...))."""
        return int(self.values.get("code", self.code))


class Invalid(ManilaException):
    """The request is not acceptable to the backend: {reason}"""

    code = 400


class ShareBackendException(ManilaException):
    """The backend failed: {msg}"""


class StorageCommunicationException(ShareBackendException):
    """The backend could not be reached, or its answer was lost: {reason}"""


class StorageFull(ShareBackendException):
    """The backend has no room, and has changed nothing: {reason}"""


class StorageResourceException(ManilaException):
    """A storage resource failed: {name}"""


class StorageResourceNotFound(StorageResourceException):
    """Storage resource {name} is not on the backend."""

    code = 404


class ShareResourceNotFound(StorageResourceNotFound):
    """Share {share_id} is not on the backend."""


class SnapshotResourceNotFound(StorageResourceNotFound):
    """Snapshot {name} is not on the backend."""


class SnapshotUnavailable(StorageResourceException):
    """Snapshot {name} is not available."""


class InvalidShare(Invalid):
    """The share is not valid: {reason}"""


class InvalidShareInstance(Invalid):
    """The share instance is not valid: {reason}"""


class InvalidShareAccess(Invalid):
    """The access rule is not valid: {reason}"""


class InvalidShareAccessLevel(Invalid):
    """Access level {level} is not supported here; use rw or ro."""


class InvalidShareAccessType(Invalid):
    """Access type {type} is not supported here."""


class InvalidSnapshotAccess(Invalid):
    """The snapshot access rule is not valid: {reason}"""


class InvalidShareGroup(Invalid):
    """The share group is not valid: {reason}"""


class ShareAccessExists(ManilaException):
    """An access rule {access_type}:{access} already exists."""

    code = 400


class ShareExtendingError(ManilaException):
    """Share {share_id} could not be extended: {reason}"""


class ShareShrinkingError(ManilaException):
    """Share {share_id} could not be shrunk: {reason}"""


class ShareShrinkingPossibleDataLoss(ManilaException):
    """Share {share_id} holds more data than the new size; delete data first."""


class ManageInvalidShare(Invalid):
    """The share cannot be managed: {reason}"""


class ManageExistingShareTypeMismatch(ManilaException):
    """The share type does not fit the share to manage: {reason}"""


class UnmanageInvalidShare(Invalid):
    """The share cannot be unmanaged: {reason}"""


class ManageInvalidShareSnapshot(Invalid):
    """The snapshot cannot be managed: {reason}"""


class UnmanageInvalidShareSnapshot(Invalid):
    """The snapshot cannot be unmanaged: {reason}"""


class ManageShareServerError(ManilaException):
    """The share server cannot be managed: {reason}"""


class ShareSnapshotNotSupported(ManilaException):
    """Share {share_name} does not support snapshots."""


class ShareGroupSnapshotNotSupported(ManilaException):
    """Share group {share_group} does not support snapshots."""


class ShareSnapshotIsBusy(ManilaException):
    """Snapshot {snapshot_name} is in use; remove what depends on it first."""


class ReplicationException(ManilaException):
    """Replication failed: {reason}"""


class DriverCannotTransferShareWithRules(ManilaException):
    """The backend cannot transfer a share that has access rules; remove them first."""


class SecurityServiceFailedAuth(ManilaException):
    """The security service refused the credentials."""


class NetworkException(ManilaException):
    """The network failed."""


class NetworkBadConfigurationException(NetworkException):
    """The network configuration is wrong: {reason}"""


class NetworkBindException(NetworkException):
    """The network port could not be bound."""


class PortLimitExceeded(NetworkException):
    """The quota of network ports is used up."""

    code = 413


class IpAddressGenerationFailureClient(NetworkException):
    """No free address is left in the subnet."""


class ServiceInstanceException(ManilaException):
    """The service instance failed: {reason}"""


class ServiceInstanceUnavailable(ServiceInstanceException):
    """The service instance is not available."""


class ServiceIPNotFound(ServiceInstanceException):
    """The service address was not found: {reason}"""


class AdminIPNotFound(ServiceInstanceException):
    """The administrative address was not found: {reason}"""


class OperationNotSupportedByDriverMode(ManilaException):
    """The operation does not exist in this mode of driver_handles_share_servers."""


class InvalidDriverMode(Invalid):
    """driver_handles_share_servers has an invalid value: {driver_mode}"""


class BackupException(ManilaException):
    """The backup failed: {reason}"""


class ShareMigrationFailed(ManilaException):
    """The share could not be migrated: {reason}"""


class ShareServerMigrationFailed(ManilaException):
    """The share server could not be migrated: {reason}"""


class BadConfigurationException(ManilaException):
    """The configuration is wrong: {reason}"""


class GlusterfsException(ManilaException):
    """GlusterFS failed: {reason}"""


class GaneshaException(ManilaException):
    """NFS-Ganesha failed: {reason}"""


class VastDriverException(ShareBackendException):
    """The VAST driver failed: {reason}"""


class VastApiException(ManilaException):
    """The VAST API failed: {reason}"""


class VastApiRetry(ManilaException):
    """The VAST API asks to try again: {reason}"""


class VastShareNotFound(ShareResourceNotFound):
    """Share {name} is not on the VAST cluster."""


class SSHException(ManilaException):
    """The SSH connection failed: {reason}"""


class SSHInjectionThreat(ManilaException):
    """The SSH command was refused as unsafe: {command}"""


class InvalidSqliteDB(Invalid):
    """The database file is not valid: {reason}"""


class ProcessExecutionError(ManilaException):
    """Command failed with exit code {exit_code}: {cmd}"""

    def __init__(
        self,
        stdout: str | None = None,
        stderr: str | None = None,
        exit_code: int | None = None,
        cmd: str | None = None,
        description: str | None = None,
    ) -> None:
        self.stdout, self.stderr = stdout or "", stderr or ""
        self.exit_code = "-" if exit_code is None else exit_code
        self.cmd, self.description = cmd or "", description
        text = self._text({"exit_code": self.exit_code, "cmd": self.cmd})
        tail = self.stderr.strip()[-500:]
        super().__init__(f"{description or text}{': ' + tail if tail else ''}")


class GaneshaCommandFailure(ProcessExecutionError):
    """NFS-Ganesha refused a command with exit code {exit_code}: {cmd}"""


ERRORS: Final[Mapping[str, type[ManilaException]]] = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, type) and issubclass(value, ManilaException)
}
"""Every error of the contract by its name."""

TRANSIENT: Final = frozenset(
    {
        "ConnectionError",  # builtins and requests
        "TimeoutError",
        "Timeout",  # requests
        "StorageCommunicationException",
        "ServiceInstanceUnavailable",
        "SSHException",
        "VastApiRetry",
    }
)
"""Names of errors after which the outcome is unknown and the same call is worth repeating."""


class ForeignError(DriverError):
    """What a driver raised that is no class of ours; `origin` is the error itself."""

    def __init__(self, origin: BaseException) -> None:
        super().__init__(f"{type(origin).__name__}: {origin}")
        self.origin = origin


def names(exc: BaseException | type[BaseException]) -> frozenset[str]:
    """The class names of an error, its own and those it inherits from."""
    if isinstance(exc, ForeignError):
        return names(exc.origin)
    kind = exc if isinstance(exc, type) else type(exc)
    return frozenset(cls.__name__ for cls in kind.__mro__)


def is_a(exc: BaseException | type[BaseException], *wanted: str) -> bool:
    """Whether an error is one of the named kinds, whichever package defines its class."""
    return not names(exc).isdisjoint(wanted)


class passing_over:
    """A block in which errors of the named kinds mean that there was nothing to do."""

    def __init__(self, *wanted: str) -> None:
        self._wanted = wanted

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        return error is not None and is_a(error, *self._wanted)


def transient(exc: BaseException) -> bool:
    """Whether the error says nothing about the outcome (lost contact): call again later."""
    return not names(exc).isdisjoint(TRANSIENT)


NOT_FOUND: Final = (
    "StorageResourceNotFound",
    "ShareResourceNotFound",
    "SnapshotResourceNotFound",
)
"""Names of errors that say that the object is not on the backend: deleting it is done."""


def not_found(exc: BaseException) -> bool:
    return is_a(exc, *NOT_FOUND)


def detail_data(exc: BaseException) -> dict[str, Any]:
    """What exists on the backend in spite of the failure; empty when the error does not say."""
    data = getattr(exc.origin if isinstance(exc, ForeignError) else exc, "detail_data", None)
    return dict(data) if isinstance(data, Mapping) else {}
