"""Telling users what went wrong, in the transaction that says so in the status."""

from __future__ import annotations

from abaca.drivers.contract.errors import is_a, transient
from abaca.model.errors import DriverError
from abaca.model.messages import cannot, not_answered, refused
from abaca.model.operations import Operation
from abaca.store import messages as store
from abaca.store.engine import Tx

ALLOCATE, CREATE, UPDATE, REVERT, DELETE = "001", "002", "005", "006", "007"
EXTEND, SHRINK, UPDATE_RULES, METADATA = "008", "009", "010", "027"
UNKNOWN, NOT_SUPPORTED = "001", "021"

# class name of an error -> detail id; the first that fits
_DETAILS: dict[str, str] = {
    "PortLimitExceeded": "027",
    "SecurityServiceFailedAuth": "023",
    "IpAddressGenerationFailureClient": "033",
    "InvalidShareAccessType": "021",
    "InvalidShareAccessLevel": "021",
    "InvalidShareAccess": "021",
    "ShareShrinkingPossibleDataLoss": "018",
    "StorageFull": "009",
    "SpecRefused": "008",
    "BadConfigurationException": "901",
}


def detail_of(error: Exception, otherwise: str = UNKNOWN) -> str:
    for name, detail in _DETAILS.items():
        if is_a(error, name):
            return detail
    return otherwise


def tell_failure(
    tx: Tx, op: Operation, action: str, error: Exception, otherwise: str = UNKNOWN
) -> None:
    """What the error means to the owner of the resource, and what to do."""
    detail, text = detail_of(error, otherwise), None
    if transient(error):
        text = not_answered(action)
    elif detail == otherwise and isinstance(error, DriverError):
        text = refused(action)
    elif detail == UNKNOWN and isinstance(error, NotImplementedError):
        text = cannot(action)
    tell(tx, op, action, detail, text=text)


def tell(
    tx: Tx,
    op: Operation,
    action: str,
    detail: str,
    *,
    resource: tuple[str, str] | None = None,
    project_id: str | None = None,
    text: str | None = None,
) -> None:
    """A message about the operation's resource (type, id) to the project that owns it."""
    kind, resource_id = resource or (op.resource_type, op.resource_id)
    store.insert(
        tx,
        project_id=op.project_id if project_id is None else project_id,
        request_id=op.request_id,
        resource_type=kind,
        resource_id=resource_id,
        action_id=action,
        detail_id=detail,
        text=text,
    )
