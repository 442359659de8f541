"""POST /v3/auth/tokens: from what somebody knows to a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from abaca.model.errors import BadRequest, Unauthorized
from abaca.model.identity import Credential, Domain, Project, User
from abaca.store import identity as rows
from abaca.store.engine import Tx
from abaca.web.clients import network_of

from . import passwords
from .core import Identity
from .directory import effective_roles
from .sessions import Session, resolve
from .signing import Claims, new_jti
from .throttle import Key

Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f]{1,255}\Z")]
Referred = TypeVar("Referred", bound=User | Project | Domain)
WRONG = "The user, password, credential or token is wrong, or has been disabled or has expired."


# --- the request ---------------------------------------------------------------------------------
class Named(msgspec.Struct, frozen=True):
    """A domain, by id or name."""

    id: Text | None = None
    name: Text | None = None


class InDomain(msgspec.Struct, frozen=True):
    """A project or user, by id or by name and domain."""

    id: Text | None = None
    name: Text | None = None
    domain: Named | None = None


class PasswordUser(InDomain, frozen=True):
    password: Annotated[str, msgspec.Meta(max_length=passwords.LONGEST)] = ""


class PasswordMethod(msgspec.Struct, frozen=True):
    user: PasswordUser


class TokenMethod(msgspec.Struct, frozen=True):
    id: str


class CredentialMethod(msgspec.Struct, frozen=True):
    secret: Annotated[str, msgspec.Meta(max_length=passwords.LONGEST)]
    id: Text | None = None
    name: Text | None = None
    user: InDomain | None = None


class Methods(msgspec.Struct, frozen=True):
    methods: Annotated[list[str], msgspec.Meta(min_length=1, max_length=3)]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: CredentialMethod | None = None


class System(msgspec.Struct, frozen=True):
    all: bool = False


class Scope(msgspec.Struct, frozen=True):
    project: InDomain | None = None
    domain: Named | None = None
    system: System | None = None
    unscoped: dict[str, msgspec.Raw] | None = None


class Auth(msgspec.Struct, frozen=True):
    identity: Methods
    scope: Scope | str | None = None


class AuthRequest(msgspec.Struct, frozen=True):
    auth: Auth


class WrongSecret(Unauthorized):
    """A password or the secret of a credential was wrong; it counts as a guess."""


class Known(msgspec.Struct, frozen=True):
    """Who it is, and how that was found out."""

    user: User
    epoch: float  # of the token: see Claims
    credential: Credential | None = None
    token: Claims | None = None


# --- who is it -----------------------------------------------------------------------------------
def login(identity: Identity, auth: Auth, address: str) -> tuple[str, Session]:
    """A token and what it stands for.

    What was looked at first is looked at again at the end, where the token is made: a password
    that was changed meanwhile, or a token that was revoked, makes none.

    Raises Unauthorized, TooManyFailures, TooManyLogins, and BadRequest for a request that makes no
    sense.
    """
    methods = tuple(dict.fromkeys(auth.identity.methods))
    known = [_identify(identity, method, auth.identity, address) for method in methods]
    if len({one.user.id for one in known}) != 1:
        raise Unauthorized(WRONG)
    user = known[0].user
    token = next((one.token for one in known if one.token), None)
    credential = next((one.credential for one in known if one.credential), None)
    now = time.time()
    ends = [now + identity.settings.token_seconds]
    ends += [token.expires] if token else []
    ends += [credential.expires_at] if credential and credential.expires_at else []
    with identity.store.read() as tx:
        scope, target = _scope(tx, auth.scope, user, credential)
        claims = Claims(
            jti=new_jti(),
            user_id=user.id,
            methods=tuple(dict.fromkeys((*(token.methods if token else ()), *methods))),
            scope=scope,
            target_id=target,
            issued=now,
            expires=min(ends),
            credential_id=credential.id if credential else "",
            parent=token.jti if token else "",
            epoch=min(one.epoch for one in known),
        )
        if token and rows.is_revoked(tx, token.jti):
            raise Unauthorized(WRONG)
        try:
            session = resolve(tx, claims)
        except Unauthorized:
            raise Unauthorized("You have no role there, or it does not exist.") from None
    return identity.signer.sign(claims), session


def _identify(identity: Identity, method: str, given: Methods, address: str) -> Known:
    check = METHODS.get(method)
    if check is None:
        raise Unauthorized(
            f"Method {method[:64]!r} is not served; use one of {', '.join(METHODS)}."
        )
    if getattr(given, method) is None:
        raise BadRequest(
            f"auth.identity.methods names {method}, but auth.identity.{method} is missing."
        )
    return check(identity, given, address)


def _by_password(identity: Identity, given: Methods, address: str) -> Known:
    assert given.password is not None
    asked = given.password.user
    with identity.store.read() as tx:
        user = _referred(tx, User, asked)  # before the hash: see Known.epoch
        kept = rows.password_hash(tx, user.id) if user else None
        who = ("user", user.id) if user else _key_of_unknown_user(tx, asked)
    guarded(identity, address, who, kept, asked.password)
    if user is None or not user.enabled:
        raise Unauthorized(WRONG)
    return Known(user, user.valid_after)


def _by_credential(identity: Identity, given: Methods, address: str) -> Known:
    asked = given.application_credential
    assert asked is not None
    with identity.store.read() as tx:
        credential = _find_credential(tx, asked)
        user = rows.get(tx, User, credential.user_id) if credential else None
        kept = rows.secret_hash(tx, credential.id) if credential else None
        who = ("credential", credential.id) if credential else _key_of_unknown_credential(tx, asked)
    guarded(identity, address, who, kept, asked.secret)
    if credential is None or user is None or not user.enabled:
        raise Unauthorized(WRONG)
    if credential.expires_at is not None and credential.expires_at <= time.time():
        raise Unauthorized(WRONG)
    return Known(user, user.valid_after, credential=credential)


def _by_token(identity: Identity, given: Methods, address: str) -> Known:
    assert given.token is not None
    session = identity.sessions.open(given.token.id)
    return Known(
        session.user,
        session.user.valid_after,
        credential=session.credential,
        token=session.claims,
    )


METHODS: dict[str, Callable[[Identity, Methods, str], Known]] = {
    "password": _by_password,
    "token": _by_token,
    "application_credential": _by_credential,
}


def guarded(identity: Identity, address: str, who: Key, kept: str | None, secret: str) -> None:
    """Compare a secret, counting failures of this address, and of `who` from this address.

    Raises WrongSecret, TooManyFailures, TooManyLogins.
    """
    client = network_of(address)
    pair = (client, *who)
    limits = {
        pair: identity.settings.login_failures,
        (client,): identity.settings.address_failures,
    }
    identity.throttle.check(limits)
    if identity.passwords.verify(kept, secret, client):
        identity.throttle.succeeded(pair, limits)
        return
    identity.throttle.failed(limits)
    raise WrongSecret(WRONG, who=who)


def _key_of_unknown_user(tx: Tx, asked: InDomain) -> Key:
    """What guesses for a user that does not exist are counted by: one key for all spellings."""
    if asked.id is not None:
        return ("user", asked.id)
    domain = asked.domain or Named()
    inside = _referred(tx, Domain, domain)
    where = ("id", inside.id) if inside else ("asked", domain.id or "", domain.name or "")
    return ("name", *where, asked.name or "")


def _key_of_unknown_credential(tx: Tx, asked: CredentialMethod) -> Key:
    """As `_key_of_unknown_user`, for an application credential that does not exist."""
    if asked.id is not None or asked.user is None:
        return ("credential", asked.id or "")
    user = _referred(tx, User, asked.user)
    of = ("user", user.id) if user else _key_of_unknown_user(tx, asked.user)
    return ("credential", *of, asked.name or "")


def _find_credential(tx: Tx, asked: CredentialMethod) -> Credential | None:
    if asked.id is not None:
        return rows.get(tx, Credential, asked.id)
    if asked.name is None or asked.user is None:
        raise BadRequest("An application credential needs its id, or its name and user.")
    user = _referred(tx, User, asked.user)
    return rows.named(tx, Credential, asked.name, user_id=user.id) if user else None


# --- for where -----------------------------------------------------------------------------------
def _scope(
    tx: Tx, asked: Scope | str | None, user: User, credential: Credential | None
) -> tuple[str, str]:
    """(scope, id of the target)"""
    if credential is not None:
        return _credential_scope(tx, asked, credential)
    if asked is None:
        return _default_scope(tx, user)
    if isinstance(asked, str):
        if asked != "unscoped":
            raise BadRequest('auth.scope is an object or the word "unscoped".')
        return "", ""
    if asked.project is not None:
        return "project", _target(tx, Project, asked.project)
    if asked.domain is not None:
        return "domain", _target(tx, Domain, asked.domain)
    if asked.system is not None:
        if not asked.system.all:
            raise BadRequest("auth.scope.system knows only {all: true}.")
        return "system", rows.SYSTEM
    if asked.unscoped is not None:
        return "", ""
    raise BadRequest("auth.scope needs one of project, domain, system, unscoped.")


def _default_scope(tx: Tx, user: User) -> tuple[str, str]:
    home = user.default_project_id
    project = rows.get(tx, Project, home) if home else None
    if project and project.enabled and effective_roles(tx, user.id, "project", project.id):
        return "project", project.id
    return "", ""


def _credential_scope(tx: Tx, asked: Scope | str | None, credential: Credential) -> tuple[str, str]:
    """An application credential is good for its own project only."""
    own = ("project", credential.project_id)
    if asked is not None:
        wanted = asked.project if isinstance(asked, Scope) else None
        if wanted is None or _target(tx, Project, wanted) != credential.project_id:
            raise Unauthorized("An application credential cannot be used for another scope.")
    return own


def _target(tx: Tx, kind: type[Project] | type[Domain], asked: Named | InDomain) -> str:
    """The id; of what is not there an id that nobody has."""
    found = _referred(tx, kind, asked)
    return found.id if found else "-"


def _referred(tx: Tx, kind: type[Referred], asked: Named | InDomain) -> Referred | None:
    if asked.id is not None:
        return rows.get(tx, kind, asked.id)
    if asked.name is None:
        raise BadRequest(f"A {kind.__name__.lower()} needs its id or name.")
    if kind is Domain:
        return rows.named(tx, kind, asked.name)
    domain = asked.domain if isinstance(asked, InDomain) else None
    if domain is None:
        raise BadRequest(f"A {kind.__name__.lower()} given by name needs its domain.")
    inside = _referred(tx, Domain, domain)
    return rows.named(tx, kind, asked.name, domain_id=inside.id) if inside else None
