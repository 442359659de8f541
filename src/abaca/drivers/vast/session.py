"""One session with an array: HTTPS, who we are, which answers are worth another try.

    session = Session(settings)
    session.get("views/", {"name": "x"})   # decoded JSON
    session.pages("views/")                # all rows, page by page
    session.request("PATCH", "views/7/", {"policy_id": 3})

Safe under threads: connections come from a pool, and a token that expires under many requests is
renewed once.  Errors:

| what happened | raises |
|---|---|
| no contact, no answer in time, half an answer | StorageCommunicationException: outcome unknown |
| the array is busy (429, 502, 503, 504) | VastApiRetry: worth another call |
| any other refusal | VastApiException with the array's words; its `status` |
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import urllib3

from abaca.drivers.contract import errors
from abaca.drivers.vast.tokens import Anonymous, Auth

log = logging.getLogger(__name__)

TRIES: Final = 3
FIRST_PAUSE: Final = 1.0  # seconds; the first new try is immediate, then it doubles
BUSY: Final = frozenset({429, 502, 503, 504})
EXPIRED: Final = "token is invalid or expired"
PAGE_SIZE: Final = 500
MOST_PAGES: Final = 1000  # half a million objects: an array that never ends is broken
CONNECTIONS: Final = 32  # kept open
SHOWN: Final = 500  # characters of the array's words in an error
AGENT: Final = "manila/v1.0 (abaca)"


@dataclass(frozen=True)
class Settings:
    """Where the array is, and how to speak to it; timeout in seconds."""

    host: str
    port: int = 443
    tenant: str | None = None
    verify: bool = True
    ca: str | None = None
    timeout: float = 30.0
    auth: Auth = field(default_factory=Anonymous)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    secrets: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The array's text, fit for a log."""
        text = " ".join(self.body.decode(errors="replace").split())
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return "".join(c if c.isprintable() else "?" for c in text)[:SHOWN]


class Session:
    """Requests to /api/<path>; paths end with a slash."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._auth = settings.auth
        self._pool = urllib3.HTTPSConnectionPool(
            settings.host,
            settings.port,
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=settings.timeout, read=settings.timeout),
            ssl_context=_tls(settings),
        )

    def close(self) -> None:
        self._pool.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self.request("GET", path, query=query)

    def rows(self, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows of a list that is expected to be short."""
        answer = self.get(path, query)
        if isinstance(answer, dict) and answer.get("next"):  # it has pages, asked for or not
            return self.pages(path, query)
        return _rows(path, answer)

    def pages(self, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows of a list, page by page."""
        rows: list[Any] = []
        for page in range(1, MOST_PAGES + 1):
            answer = self._page(path, {**(query or {}), "page": page, "page_size": PAGE_SIZE})
            found = _rows(path, answer)
            rows += found
            if isinstance(answer, list) or not answer.get("next") or not found:
                return rows
        raise errors.VastDriverException(reason=f"{path} has more than {MOST_PAGES} pages")

    def _page(self, path: str, query: Mapping[str, Any]) -> Any:
        """A page that is not there any more is empty: the list got shorter meanwhile."""
        try:
            return self.get(path, query)
        except errors.VastApiException as error:
            if query["page"] == 1 or error.values.get("status") != 404:
                raise
            return []

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The decoded answer; an empty one is {}.

        A request that changes something is sent again only where the array said that it did
        nothing with it (an expired token): what became of it otherwise is not known here.
        """
        url = path + (f"?{urlencode(query, doseq=True)}" if query else "")
        for attempt in range(1, TRIES + 1):
            token = self._auth.token(self)
            answer = self.exchange(method, url, body, token.headers, again=method == "GET")
            void = answer.status == 403 and EXPIRED in answer.words.lower()
            if not (void and attempt < TRIES and self._auth.renew(self, token)):
                return _decoded(method, path, answer)
            pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def exchange(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], *, again: bool
    ) -> Answer:
        """A request and its answer, whatever that is; `again`: doing it twice does no harm.

        Raises StorageCommunicationException when there is no whole answer.
        """
        for attempt in range(1, TRIES + 1):
            final = attempt == TRIES or not again
            try:
                answer = self._send(method, url, body, headers)
            except errors.StorageCommunicationException:
                if final:
                    raise
            else:
                if final or answer.status not in BUSY:
                    return answer
            pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _send(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
        sent = {"Accept": "application/json", "User-Agent": AGENT, **headers}
        if self.settings.tenant:
            sent["X-Tenant-Name"] = self.settings.tenant
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._pool.request(
                method,
                f"/api/{url}",
                body=None if body is None else msgspec.json.encode(body),
                headers=sent,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._lost(error) from error
        return Answer(answer.status, answer.data, self._auth.secrets)

    def _lost(self, error: Exception) -> errors.StorageCommunicationException:
        where = f"https://{self.settings.host}:{self.settings.port}"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            reason = (
                f"the certificate of {where} cannot be verified; name the file of its authority "
                f"in vast_ssl_ca, or set vast_ssl_verify = False to trust anybody ({error})"
            )
        else:
            reason = f"{where}: {type(error).__name__}: {error}"
        return errors.StorageCommunicationException(reason=reason)


def pause(attempt: int) -> None:
    """Before the next try: a connection that was idle for long fails at once and is made anew."""
    if attempt > 1:
        time.sleep(FIRST_PAUSE * 2 ** (attempt - 2))


def _rows(path: str, answer: Any) -> list[Any]:
    """Of a list, or of a page of one."""
    rows = answer.get("results") if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise errors.VastDriverException(reason=f"{path} gives no list")
    return rows


def _decoded(method: str, path: str, answer: Answer) -> Any:
    if answer.status in BUSY:
        raise errors.VastApiRetry(reason=f"{answer.status} {answer.words or method + ' ' + path}")
    if not 200 <= answer.status < 300:
        raise errors.VastApiException(
            reason=f"{method} {path}: {answer.status} {answer.words}".rstrip(),
            status=answer.status,
        )
    if not answer.body.strip():
        return {}
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise errors.VastDriverException(
            reason=f"{method} {path}: the answer is not JSON: {answer.words[:80]}"
        ) from error


def _tls(settings: Settings) -> ssl.SSLContext:
    if settings.ca and not Path(settings.ca).is_file():
        raise errors.BadConfigurationException(
            reason=f"vast_ssl_ca names {settings.ca}, which is not a file"
        )
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
    except ssl.SSLError as error:
        raise errors.BadConfigurationException(
            reason=f"vast_ssl_ca names {settings.ca}, which holds no certificate: {error}"
        ) from error
    if not settings.verify:
        log.warning(
            "vast_ssl_verify is off: whoever answers at %s is trusted with the password",
            settings.host,
        )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # said above, once
    return context
