"""Who may do what: Manila's policy rules, overridable by policy.yaml.

    enforcer = Enforcer(conf)
    enforcer.enforce(ctx, "share:delete", {"project_id": share.project_id})

oslo.policy costs 138 us a check, so rules that no file overrides are decided from the grants table
(about 1 us).  A rule counts as overridden if it, or a rule it refers to, is in a policy file.
Files are looked at every RELOAD_SECONDS; a file that cannot be read leaves the last good rules in
force, and at start-up stops the program.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
import yaml
from oslo_config import cfg

from abaca.model.context import Context
from abaca.model.errors import AbacaError, Forbidden

from . import grants

log = structlog.get_logger(__name__)
RELOAD_SECONDS = 5.0
ABSENT = "\0"  # an id the caller does not have: equals no other
Stamp = tuple[tuple[str, int, int], ...]  # path, mtime ns, size of every policy file


class PolicyFileError(AbacaError):
    """The policy file cannot be used: {reason}. Correct it or remove it."""


class UnknownRule(AbacaError):
    """There is no policy rule {rule}."""


class Enforcer:
    """Decides whether a caller may do something; safe to share between threads.

    conf=None: the default rules only.  Raises PolicyFileError if a policy file is broken.
    """

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        self._conf = conf
        self._grants = grants.load()
        self._decided = {name: rule for name, rule in self._grants.items() if rule.decidable}
        self._lock = threading.Lock()
        self._oslo: Any = None  # an oslo.policy Enforcer, once a rule needs one
        self._stamp: Stamp = ()
        self._look_again = float("inf")
        if conf is not None:
            from oslo_policy import opts

            opts._register(conf)  # as oslo.policy's own Enforcer does
            self._look_again = time.monotonic() + RELOAD_SECONDS
            self._load(_stamp(conf))

    def enforce(self, context: Context, rule: str, target: Mapping[str, Any]) -> None:
        """Raise Forbidden unless this caller may do this to the target.

        target: what is acted on, with at least project_id (and user_id where the rule knows an
        owner); for a list or a create, the caller's own.
        """
        if not self.allows(context, rule, target):
            raise Forbidden(f"Policy does not allow {rule} to be performed with your roles.")

    def allows(self, ctx: Context, rule: str, target: Mapping[str, Any]) -> bool:
        """Whether this caller may do this to the target."""
        if time.monotonic() >= self._look_again:
            self._reload()
        decided = self._decided.get(rule)
        if decided is not None:
            return decided.allows(ctx, target)
        if rule not in self._grants:
            raise UnknownRule(rule=rule)
        return self._ask_oslo(ctx, rule, target)

    def is_admin(
        self,
        roles: tuple[str, ...],
        *,
        project_id: str = "",
        user_id: str = "",
        system_scope: str = "",
    ) -> bool:
        """Whether a caller with these roles is an administrator: rule context_is_admin."""
        ctx = Context(
            roles=roles,
            project_id=project_id,
            user_id=user_id,
            system_scope=system_scope,
            request_id="",
        )
        return self.allows(ctx, "context_is_admin", _credentials(ctx))

    def knows(self, rule: str) -> bool:
        return rule in self._grants

    def _ask_oslo(self, ctx: Context, rule: str, target: Mapping[str, Any]) -> bool:
        oslo = self._oslo
        if oslo is None:
            with self._lock:
                oslo = self._oslo = self._oslo or self._build_oslo()
        return bool(oslo.enforce(rule, dict(target), _credentials(ctx)))

    def _build_oslo(self) -> Any:
        """A fresh oslo.policy Enforcer with all files read; it never reads them again itself."""
        from oslo_policy import policy

        conf = self._conf if self._conf is not None else _empty_conf()
        oslo = policy.Enforcer(conf)
        for name, rule in self._grants.items():
            oslo.register_default(
                policy.RuleDefault(name, rule.check, scope_types=list(rule.scope) or None)
            )
        oslo.load_rules()
        oslo.use_conf = False
        return oslo

    def _reload(self) -> None:
        with self._lock:
            if self._conf is None or time.monotonic() < self._look_again:
                return
            self._look_again = time.monotonic() + RELOAD_SECONDS
            stamp = _stamp(self._conf)
            if stamp == self._stamp:
                return
            try:
                self._load(stamp)
                log.info("policy.reloaded", overridden=len(self.overridden()))
            except PolicyFileError as error:
                self._stamp = stamp  # say it once, not every few seconds
                log.error("policy.file_ignored", reason=error.message)

    def _load(self, stamp: Stamp) -> None:
        oslo = None
        changed: set[str] = set()
        if stamp:
            try:
                _check_files(stamp)
                oslo = self._build_oslo()
            except (ValueError, OSError, yaml.YAMLError, cfg.Error) as error:
                raise PolicyFileError(reason=" ".join(str(error).split())) from error
            changed = self._affected(oslo)
            if strangers := self._strangers(oslo):
                log.warning("policy.unknown_rules", rules=strangers, effect="none")
        self._oslo = oslo
        self._stamp = stamp
        self._decided = {
            name: rule
            for name, rule in self._grants.items()
            if rule.decidable and name not in changed
        }

    def _affected(self, oslo: Any) -> set[str]:
        """The rules that files override, and those that refer to them, however far."""
        changed = {
            name
            for name, rule in oslo.file_rules.items()
            if name not in self._grants or str(rule.check) != str(oslo.registered_rules[name].check)
        }
        refers = {name: set(_REFERENCE.findall(rule.check)) for name, rule in self._grants.items()}
        while more := {name for name, to in refers.items() if to & changed} - changed:
            changed |= more
        return changed

    def _strangers(self, oslo: Any) -> list[str]:
        """Rules of files that nothing asks for: names spelt wrong, or of another release."""
        checks = [str(rule.check) for rule in oslo.file_rules.values()]
        used = {name for check in checks for name in _REFERENCE.findall(check)}
        return sorted(oslo.file_rules.keys() - self._grants.keys() - used)

    def overridden(self) -> list[str]:
        """The names of the rules that are not decided by their default."""
        return sorted(
            name
            for name, rule in self._grants.items()
            if rule.decidable and name not in self._decided
        )


_REFERENCE = re.compile(r"rule:([^\s()]+)")


def _credentials(ctx: Context) -> dict[str, Any]:
    """What check strings see of a caller.  An id that is not there never equals another."""
    roles = grants.expand(ctx.roles)
    return {
        "roles": sorted(roles | {"admin"} if ctx.is_admin else roles),
        "is_admin": ctx.is_admin,
        "user_id": ctx.user_id or ABSENT,
        "project_id": ctx.project_id or ABSENT,
        "tenant": ctx.project_id or ABSENT,
        "user_domain_id": ctx.user_domain_id,
        "project_domain_id": ctx.project_domain_id,
        "system_scope": ctx.system_scope or None,
        "service_roles": list(ctx.service_roles),
    }


def _stamp(conf: cfg.ConfigOpts) -> Stamp:
    """Which policy files there are and when they were written."""
    options = conf.oslo_policy
    found = [conf.find_file(name) for name in (options.policy_file, *options.policy_dirs)]
    files = []
    for path in (Path(name) for name in found if name):
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    stamp = []
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # an editor replaces it right now
            stat = path.stat()
            stamp.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(stamp)


def _check_files(stamp: Stamp) -> None:
    """Raise ValueError unless every file maps rule names to check strings."""
    from oslo_policy import policy

    for name, _, _ in stamp:
        rules = policy.parse_file_contents(Path(name).read_text()) or {}
        if not isinstance(rules, dict):
            raise ValueError(f"{name} is not a mapping of rule names to check strings")
        for rule, check in rules.items():
            if not (isinstance(rule, str) and isinstance(check, str | list)):
                raise ValueError(f"{name}: {rule!r} is not followed by a check string")


def _empty_conf() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf([], project="abaca", default_config_files=[], default_config_dirs=[])
    return conf
