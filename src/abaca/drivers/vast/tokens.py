"""How an array is told who asks: an API token, or a login whose tokens expire."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from abaca.drivers.contract import errors

if TYPE_CHECKING:
    from abaca.drivers.vast.session import Session


@dataclass(frozen=True)
class Token:
    """What goes with a request; a higher number is a later token."""

    headers: Mapping[str, str] = field(default_factory=dict)
    number: int = 0


class Auth(Protocol):
    """Gives tokens; several threads ask at once."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen in a log, even if the array repeats it."""

    def token(self, session: Session) -> Token:
        """The token in use."""

    def renew(self, session: Session, old: Token) -> bool:
        """The array says that `old` is void: whether there is another one by now."""


class Anonymous:
    """Nobody."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return ()

    def token(self, session: Session) -> Token:
        return Token()

    def renew(self, session: Session, old: Token) -> bool:
        return False


@dataclass(frozen=True)
class ApiToken(Anonymous):
    """A token that an administrator of the array has made; when it is void, that is final."""

    secret: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,)

    def token(self, session: Session) -> Token:
        return Token({"Authorization": f"Api-Token {self.secret}"})


Flight = Future[Token]
"""The way to a token, which one thread goes for all who wait for its result."""


class Login:
    """User and password.  Whoever finds the token void first gets a new one, the others wait; a
    failure is theirs, too."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self.secrets = (password,)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh: str | None = None
        self._flight: Flight | None = None

    def token(self, session: Session) -> Token:
        return self._token or self._after(session, None)

    def renew(self, session: Session, old: Token) -> bool:
        self._after(session, old)
        return True

    def _after(self, session: Session, old: Token | None) -> Token:
        """A token later than the old one."""
        with self._lock:
            if self._token and (old is None or self._token.number > old.number):
                return self._token
            flight, mine = self._flight or Flight(), self._flight is None
            self._flight = flight
        if mine:
            self._fly(flight, session, old)
        return flight.result()

    def _fly(self, flight: Flight, session: Session, old: Token | None) -> None:
        """Whatever comes of it is told to all who wait."""
        made: Token | None = None
        try:
            made = self._refreshed(session, old) or self._log_in(session, old)
            flight.set_result(made)
        except errors.ManilaException as error:
            flight.set_exception(error)
        finally:
            flight.cancel()  # unless it has ended as it should: nobody waits for ever
            self._land(made)

    def _land(self, made: Token | None) -> None:
        with self._lock:
            self._token, self._flight = made or self._token, None

    def _refreshed(self, session: Session, old: Token | None) -> Token | None:
        """By the refresh token, while that is good; it is used once."""
        refresh, self._refresh = self._refresh, None
        if refresh is None:
            return None
        answer = session.exchange("POST", "token/refresh/", {"refresh": refresh}, {}, again=True)
        return self._keep(answer.body, old) if answer.status == 200 else None

    def _log_in(self, session: Session, old: Token | None = None) -> Token:
        credentials = {"username": self._user, "password": self._password}
        answer = session.exchange("POST", "token/", credentials, {}, again=True)
        if answer.status == 200:
            return self._keep(answer.body, old)
        if answer.status >= 500:
            raise errors.VastApiRetry(reason=f"no token: {answer.status} {answer.words}")
        raise errors.VastApiException(
            reason=f"user {self._user!r} gets no token; see vast_mgmt_user and vast_mgmt_password"
            f" ({answer.status} {answer.words})",
            status=answer.status,
        )

    def _keep(self, body: bytes, old: Token | None) -> Token:
        try:
            pair: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
            access = str(pair["access"])
        except (msgspec.MsgspecError, KeyError) as error:
            raise errors.VastDriverException(reason="the answer holds no token") from error
        self._refresh = pair.get("refresh")
        number = 1 + (old.number if old else 0)
        return Token({"Authorization": f"Bearer {access}"}, number)
