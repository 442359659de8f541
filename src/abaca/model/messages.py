"""User messages: what went wrong with a resource, in words its owner understands."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True):
    id: str
    project_id: str
    request_id: str | None
    resource_type: str | None
    resource_id: str | None
    action_id: str
    detail_id: str
    message_level: str
    user_message: str
    created_at: str
    expires_at: str | None


SORT_KEYS = (
    "id", "project_id", "request_id", "resource_type", "resource_id", "action_id", "detail_id",
    "message_level", "created_at", "expires_at",
)  # fmt: skip

# ids are those every client knows (manager specification, section 11); the words are ours
ACTIONS = {
    "001": "choose a backend",
    "002": "create",
    "003": "remove access rules",
    "004": "promote",
    "005": "update",
    "006": "revert to the snapshot",
    "007": "delete",
    "008": "extend",
    "009": "shrink",
    "010": "update access rules",
    "011": "add or update the security service",
    "026": "accept the transfer",
    "027": "update metadata",
    "028": "restore the share backup",
}
DETAILS = {
    "001": "an unexpected error occurred. Try again; if it stays, ask your administrator.",
    "002": "no storage backend can take it with the requested size, type and zone.",
    "003": "a share network was given, but this backend takes none.",
    "004": "no share server was found or could be made.",
    "005": "the share has no active and available replica.",
    "006": "the share has no active replica.",
    "007": "no storage backend is in the requested availability zone.",
    "008": "no storage backend has the capabilities that the share type asks for.",
    "009": "no storage backend has enough free space for the requested size. Ask for less, or "
    "delete what is not needed any more.",
    "010": "no storage backend accepts such a share: its own filter refused it.",
    "011": "every storage backend has been tried already.",
    "012": "no storage backend matches the given scheduler hint.",
    "013": "every attempt to place it has failed.",
    "014": "no storage backend can hold a replica of this share.",
    "015": "the storage backend could not extend the share.",
    "016": "no storage backend can create a share from this snapshot.",
    "017": "the storage backend could not create the share from the snapshot. Delete the share and "
    "try again; if it stays, ask your administrator.",
    "018": "the share holds more data than the new size: delete data first, then shrink.",
    "019": "the storage backend cannot shrink shares; the share is as it was. Ask your "
    "administrator for a share type whose backends can.",
    "020": "this client identifier is not allowed.",
    "021": "this kind of access rule is not supported for this share. Remove it, and use another "
    "type or level.",
    "022": "the security service is not supported or has wrong parameters.",
    "023": "the security service refused the login.",
    "024": "no share type was given and there is no default one.",
    "025": "the share network lacks a security service that the backend needs.",
    "026": "the share has access rules that must be cleared before it can be transferred.",
    "027": "the network has no more ports to give.",
    "028": "the storage backends are not ready yet. Try again in a minute.",
    "029": "the metadata was passed to the storage backend.",
    "030": "the storage backend refused the metadata.",
    "031": "the metadata was deleted here, but the storage backend was not told.",
    "032": "the storage backend cannot restore a backup to another share.",
    "033": "the subnet has no free address.",
    "034": "the storage backend cannot make a replica with this configuration.",
    "035": "the storage backend could not revert the share to the snapshot. Its data may be old or "
    "new: ask your administrator to look.",
    # ours
    "901": "the storage backend lacks something that it needs; the log of abaca names it. Ask "
    "your administrator.",
}


# what to do when nobody knows whether a thing was done, because the backend did not answer
ADVICE = {
    "002": "Delete it and create it again.",
    "005": "Ask your administrator to look.",
    "006": "Its data may be old or new: ask your administrator to look.",
    "007": "Ask your administrator to set its status to error, then delete it again.",
    "008": "It may have the old size or the new one: ask your administrator to look.",
    "009": "It may have the old size or the new one: ask your administrator to look.",
    "010": "Remove the rules in error and add them again.",
}


def not_answered(action_id: str) -> str:
    """The sentence about an action whose outcome is unknown."""
    return (
        f"{ACTIONS[action_id]}: the storage backend did not answer, also when asked again; it is "
        f"not known whether this was done. {ADVICE[action_id]}"
    )


def rule_refused(action_id: str, access_to: str, reason: str) -> str:
    """The sentence about an access rule that the backend cannot honour."""
    return f"{ACTIONS[action_id]}: the rule for {access_to} is not in force: {reason[:500]}."


def refused(action_id: str) -> str:
    """The sentence about an action that the backend has ended with an error."""
    return (
        f"{ACTIONS[action_id]}: the storage backend reported an error and did not complete this. "
        f"{ADVICE[action_id]} If it stays, ask your administrator: the log of abaca says more."
    )


def cannot(action_id: str) -> str:
    """The sentence about an action that the backend does not know."""
    return (
        f"{ACTIONS[action_id]}: the storage backend cannot do this. Ask your administrator for a "
        "share type whose backends can."
    )


def done_late(action_id: str) -> str:
    """The sentence about an action whose outcome was unknown, and which was done after all."""
    return (
        f"{ACTIONS[action_id]}: the storage backend has done this after all, later than it was "
        "waited for. There is nothing to do: the status follows by itself."
    )


def words(action_id: str, detail_id: str) -> str:
    """The sentence shown to the user: '<what>: <why>'."""
    return f"{ACTIONS[action_id]}: {DETAILS[detail_id]}"
