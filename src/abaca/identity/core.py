"""The embedded identity, put together."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from abaca.store.engine import Store

from .directory import Directory
from .passwords import Passwords
from .sessions import Sessions
from .settings import IdentitySettings
from .signing import Signer, load_keys
from .throttle import Throttle


class Identity:
    """One per process: its HTTP application and the authenticator of the API share it."""

    def __init__(self, store: Store, settings: IdentitySettings | None = None) -> None:
        self.store = store
        self.settings = settings or IdentitySettings()
        self.passwords = Passwords(self.settings)
        keys = load_keys(store, self.settings.key_file)
        self.signer = Signer(keys)
        self.throttle = Throttle(store, keys[-1])
        self.sessions = Sessions(store, self.signer)
        self.directory = Directory(store, self.passwords)


def bootstrap(store: Store, password: str, settings: IdentitySettings | None = None) -> None:
    """Make the domain, roles, project and user that abaca starts with; idempotent."""
    directory = Directory(store, Passwords(settings or IdentitySettings()))
    try:
        directory.bootstrap(password)
    except IntegrityError:  # another process does the same at this moment
        directory.bootstrap(password)
