"""Samba users: who has a password.

Without `local_smb_create_users` they come from the administrator, and a rule may name any of them:

    pdbedit --configfile <state>/local/<backend>/samba/smb.conf --create --user NAME

With it, the first rule of a project that names `ann` makes the user `ann.3f2a91c0`, where
3f2a91c0 are the first 8 characters of the project's id.  It belongs to that project, other
projects have others, and it is gone with the last rule that names it.
"""

from __future__ import annotations

import contextlib
import json
import pwd
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from abaca.drivers.ganesha.files import private_directory, remove, write_atomic
from abaca.drivers.samba.passdb import PasswordDatabase
from abaca.drivers.samba.server import SmbServer

_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}\Z")
PROJECT_LETTERS = 8


class UserRefused(ValueError):
    """A rule's user cannot be let in; the text is a reason for the one who wrote the rule."""


@dataclass(frozen=True)
class Account:
    """A user that a rule made."""

    login: str  # the name that clients log in with
    name: str  # as the rule says it
    project: str
    password: str


class Users:
    """The administrator's, or with `create` the projects' own.  One change at a time: the
    caller holds a lock."""

    def __init__(self, server: SmbServer, create: bool) -> None:
        self._create = create
        self._database = PasswordDatabase(server)
        self._directory = private_directory(server.directory / "users")
        found = map(_read, self._directory.glob("*.json"))
        self._accounts = {account.login: account for account in found if account}

    def prepare(self) -> None:
        """Have smbd know all users."""
        self._database.names()

    def of_rule(self, name: str, project: str) -> Account:
        """The user that a rule of this project means; made if need be.  UserRefused, SambaFailure.

        Its password is empty if the administrator gave it.
        """
        if not _NAME.match(name):
            raise UserRefused(
                f"{name!r:.60} cannot be a user over SMB; write at most 32 letters a-z, digits "
                "and _ . - in lower case"
            )
        return self._own(name, project) if self._create else self._administrators(name, project)

    def is_known(self, login: str) -> bool:
        """Whether rules of today can mean this user."""
        return login in self._accounts if self._create else login in self._database.names()

    def name_in_rules(self, login: str) -> str:
        """What a rule says to mean this user."""
        account = self._accounts.get(login)
        return account.name if account else login

    def forget_all_but(self, logins: Iterable[str]) -> list[str]:
        """Delete the projects' users that no rule names any more; returns their logins."""
        gone = sorted(set(self._accounts) - set(logins))
        for login in gone:
            self._database.delete(login)
            remove(self._file(login))
            del self._accounts[login]
        return gone

    def _administrators(self, name: str, project: str) -> Account:
        if name not in self._database.names() or name in self._accounts:
            raise UserRefused("the storage has no such user; ask your administrator to make it")
        return Account(name, name, project, "")

    def _own(self, name: str, project: str) -> Account:
        login = f"{name}.{_short(project)}"
        account = self._accounts.get(login)
        if account is None:
            _refuse_host_account(login)
            # an entry without a file is what a damaged file left
            self._database.delete(login)
            account = Account(login, name, project, secrets.token_urlsafe(18))
            write_atomic(self._file(login), json.dumps(asdict(account)))
            self._accounts[login] = account
        elif account.project != project:
            raise UserRefused(f"the user {login} belongs to another project; take another name")
        if login not in self._database.names():
            self._database.create(login, account.password)
        return account

    def _file(self, login: str) -> Path:
        return self._directory / f"{login}.json"


def _short(project: str) -> str:
    """The part of a project's id that its users' names carry."""
    found = re.sub(r"[^a-z0-9]", "", project.lower())[:PROJECT_LETTERS]
    if not found:
        raise UserRefused("the share has no project, so it cannot have users of its own")
    return found


def _refuse_host_account(login: str) -> None:
    """smbd does not see the accounts of the host; this holds even if it did."""
    with contextlib.suppress(KeyError):
        pwd.getpwnam(login)
        raise UserRefused(f"{login} is a user of the storage itself; take another name")


def _read(file: Path) -> Account | None:
    """None if the file is damaged: a rule then makes the user again, with a new password."""
    try:
        account = Account(**json.loads(file.read_bytes()))
    except (ValueError, TypeError):
        return None
    return account if file.name == f"{account.login}.json" else None
