"""Calling drivers of every age: what a method does not know is not passed to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, SupportsIndex

from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.errors import passing_over
from abaca.drivers.contract.lifecycle import overrides
from abaca.drivers.contract.results import RuleUpdate, access_updates

Rules = Sequence[Mapping[str, Any]]


@lru_cache(maxsize=1024)
def _keywords(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """The keywords a function takes, and whether it takes any."""
    parameters = inspect.signature(function).parameters.values()
    named = frozenset(
        p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    )
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def accepts(method: Callable[..., Any], keyword: str) -> bool:
    """Whether a method takes the keyword."""
    named, any_keyword = _keywords(getattr(method, "__func__", method))
    return any_keyword or keyword in named


def call(method: Callable[..., Any], /, *args: Any, **keywords: Any) -> Any:
    """Call with the keywords that the method takes; the others are left out."""
    named, any_keyword = _keywords(getattr(method, "__func__", method))
    if not any_keyword:
        keywords = {key: value for key, value in keywords.items() if key in named}
    return method(*args, **keywords)


def call_update_access(
    driver: Any,
    context: AnyContext,
    share: Mapping[str, Any],
    access_rules: Rules,
    add_rules: Rules = (),
    delete_rules: Rules = (),
    update_rules: Rules = (),
    share_server: Mapping[str, Any] | None = None,
) -> dict[str, RuleUpdate]:
    """Bring access rules into force on a driver of any age; returns updates by access_id.

    A driver without `update_rules` gets updates as delete and add.  A driver that has only
    allow_access and deny_access gets one call per rule, denials first.
    """
    add, delete, update = list(add_rules), list(delete_rules), list(update_rules)
    lists: dict[str, Any] = {"add_rules": add, "delete_rules": delete, "update_rules": update}
    if update and not accepts(driver.update_access, "update_rules"):
        lists = {"add_rules": add + update, "delete_rules": delete + update}
    try:
        result = call(
            driver.update_access,
            context,
            share,
            list(access_rules),
            **lists,
            share_server=share_server,
        )
    except NotImplementedError:
        if not overrides(driver, "allow_access", "deny_access"):
            raise
        recovery = not (add or delete or update)
        allow = list(access_rules) if recovery else add + update
        result = _allow_and_deny(driver, context, share, allow, delete + update, share_server)
    return access_updates(result, [*access_rules, *delete])


def _allow_and_deny(
    driver: Any,
    context: AnyContext,
    share: Mapping[str, Any],
    allow: Rules,
    deny: Rules,
    share_server: Mapping[str, Any] | None,
) -> dict[str, dict[str, Any]]:
    for rule in deny:
        call(driver.deny_access, context, share, rule, share_server=share_server)
    updates: dict[str, dict[str, Any]] = {}
    for rule in allow:
        with passing_over("ShareAccessExists"):
            key = call(driver.allow_access, context, share, rule, share_server=share_server)
            if isinstance(key, str):
                updates[rule["access_id"]] = {"access_key": key}
    return updates


class NetworkInfo(list[Mapping[str, Any]]):
    """network_info, one item per subnet, that old drivers may read as one dictionary: a text key
    is looked up in the first item."""

    def __init__(self, items: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(items)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self[0][key]
        index: SupportsIndex | slice = key
        return super().__getitem__(index)

    def get(self, key: str, default: Any = None) -> Any:
        """As of a dictionary."""
        return self[0].get(key, default) if self else default

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            return bool(self) and key in self[0]
        return super().__contains__(key)
