"""One request, one effect, one answer, however often it is sent.

The first request with a key is carried out in one transaction together with the note of its
answer: both are there or neither.  Later ones are given that answer.  So it makes no difference
whether the first answer was lost on the way, with its process, or is asked for at another host.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from abaca.model.context import Context
from abaca.model.errors import Conflict, OverQuota
from abaca.model.idempotency import Answer
from abaca.store import idempotency as store
from abaca.store.joined import Joined

from .env import Env

REFUSED_SECONDS = 300  # a refusal is known so long at most: it had no effect
MOST_KEYS = 10_000  # of one project


class TooManyKeys(OverQuota):
    """This project has used as many Idempotency-Keys as are kept. Wait until some are forgotten,
    or send the request without a key."""

    retry_after = 60


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request: with another path, version or body.
    Use a new key for a new request."""


class InFlight(Conflict):
    """A request with this Idempotency-Key is being carried out right now; send it again soon."""

    retry_after = 1


def once(
    env: Env, ctx: Context, key: str, fingerprint: str, answer: Callable[[Env], Answer]
) -> Answer:
    """The answer to the first request with this key of this project and user.

    If this is the first, it is what `answer` gives, which must do all its work with the Env that
    it gets.  If it raises, nothing has happened and the key is free.  Raises TooManyKeys.
    """
    seconds = env.settings.idempotency_retention_time
    try:
        with env.store.transaction() as tx:
            if store.claim(tx, ctx, key, fingerprint, seconds):
                if store.is_full(tx, ctx, MOST_KEYS + 1):  # with this one
                    raise TooManyKeys
                found = answer(msgspec.structs.replace(env, store=Joined(tx)))
                if found.status >= 400:
                    seconds = min(seconds, REFUSED_SECONDS)
                store.keep(tx, ctx, key, found, seconds)
                return found
            first, found = store.get(tx, ctx, key)
    except store.Taken as taken:
        raise InFlight from taken
    if first != fingerprint:
        raise KeyReused
    return found
