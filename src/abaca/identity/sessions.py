"""What a token stands for right now, and remembering that for a moment.

A checked token is kept in memory.  Every change of identity data moves a generation number on in
its transaction; each request looks at that number, and all checked tokens are forgotten when it
moved.  So a revoked token, a withdrawn role, a disabled user or a changed password takes effect at
once, in every process, for one tiny query per request.
"""

from __future__ import annotations

import threading
import time

import msgspec

from abaca.model.context import Context
from abaca.model.errors import Unauthorized
from abaca.model.identity import Credential, Domain, Project, Role, User
from abaca.store import identity as rows
from abaca.store.engine import Store, Tx

from . import grants
from .directory import effective_roles
from .signing import Claims, Signer

MOST_SESSIONS = 10_000


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A caller with a valid token."""

    claims: Claims
    user: User
    user_domain: Domain
    project: Project | None = None
    project_domain: Domain | None = None
    domain: Domain | None = None
    credential: Credential | None = None
    roles: tuple[Role, ...] = ()

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(role.name for role in self.roles)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may administer identity."""
        return "admin" in self.role_names

    @property
    def rights(self) -> tuple[str, ...]:
        """The roles that count on shares; none for a token of a domain, or of nothing."""
        return self.role_names if self.project or self.claims.scope == "system" else ()

    def context(self) -> Context:
        """The caller as the rest of abaca knows them, but for is_admin and request_id."""
        return Context(
            user_id=self.user.id,
            user_name=self.user.name,
            user_domain_id=self.user.domain_id,
            project_id=self.project.id if self.project else "",
            project_name=self.project.name if self.project else "",
            project_domain_id=self.project.domain_id if self.project else "",
            roles=self.rights,
            system_scope=rows.SYSTEM if self.claims.scope == "system" else "",
            request_id="",
        )


class Sessions:
    """Opens tokens; safe to share between threads."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self.store = store
        self.signer = signer
        self._lock = threading.Lock()
        self._kept: dict[str, Session] = {}
        self._generation = -1

    def open(self, token: str) -> Session:
        """Raises Unauthorized if the token does not hold (any more)."""
        kept = self._fresh()
        session = kept.get(token)
        if session is None:
            with self.store.read() as tx:
                session = resolve(tx, self.signer.open(token))
            if len(kept) >= MOST_SESSIONS:
                kept.clear()
            kept[token] = session
        if session.claims.expires <= time.time():
            kept.pop(token, None)
            raise Unauthorized("The token has expired; log in again.")
        return session

    def _fresh(self) -> dict[str, Session]:
        """What was checked since the last change."""
        with self.store.read() as tx:
            generation = rows.generation(tx)
        if generation != self._generation:
            with self._lock:
                if generation != self._generation:
                    self._kept = {}  # what is still added to the old one is lost
                    self._generation = generation
        return self._kept


def resolve(tx: Tx, claims: Claims) -> Session:
    """Who stands behind the claims now.  Raises Unauthorized if they do not hold any more."""
    gone = Unauthorized("The token is no longer valid; log in again.")
    user = rows.get(tx, User, claims.user_id)
    if user is None or not user.enabled or _outdated(claims, user):
        raise gone
    user_domain = rows.get(tx, Domain, user.domain_id)
    if user_domain is None or not user_domain.enabled or rows.is_revoked(tx, claims.jti):
        raise gone
    project = domain = project_domain = credential = None
    if claims.scope == "project":
        project = rows.get(tx, Project, claims.target_id)
        project_domain = rows.get(tx, Domain, project.domain_id) if project else None
        if not (project and project.enabled and project_domain and project_domain.enabled):
            raise gone
    elif claims.scope == "domain":
        domain = rows.get(tx, Domain, claims.target_id)
        if not (domain and domain.enabled):
            raise gone
    roles = effective_roles(tx, user.id, claims.scope, claims.target_id) if claims.scope else []
    if claims.credential_id:
        credential = rows.get(tx, Credential, claims.credential_id)
        roles = _within(roles, credential) if credential else []
    if claims.scope and not roles:
        raise gone
    return Session(
        claims=claims,
        user=user,
        user_domain=user_domain,
        project=project,
        project_domain=project_domain,
        domain=domain,
        credential=credential,
        roles=tuple(roles),
    )


def _outdated(claims: Claims, user: User) -> bool:
    """Whether the password was changed, or the user disabled, since it was read for this token.

    The time of issue does not tell: a token is issued after its password was checked, and the
    password may have been changed in between.
    """
    if claims.epoch < 0:
        return claims.issued < user.valid_after
    return claims.epoch != user.valid_after


def _within(roles: list[Role], credential: Credential) -> list[Role]:
    """Those of the user's roles that the credential may use: the ones it names or implies."""
    direct = tuple(role.name for role in roles if role.id in credential.role_ids)
    names = grants.expand(direct)
    return [role for role in roles if role.name in direct or role.name in names]
