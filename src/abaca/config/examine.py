"""Judging every setting found in the files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from oslo_config import cfg

from . import catalog
from .drivers.table import DRIVER_OPTIONS, driver_options
from .exports import export_findings
from .findings import Finding, Verdict
from .judge import problem_of, suggestion
from .later import is_later
from .misfits import misfits
from .options import Mark, Option
from .oslo import described
from .plan import Plan
from .scan import Setting, normal

NO_EFFECT_YET = "no effect yet: abaca does not have what it is for"
_UNREADABLE = (cfg.Error, ValueError, AttributeError, RecursionError)
_PER_BACKEND = {row.name: row for row in catalog.PER_BACKEND}
_OF_DRIVERS = {described(row).name for kind in DRIVER_OPTIONS for row in driver_options(kind)}


def examine(
    settings: list[Setting], sections: list[str], plan: Plan, conf: Any
) -> tuple[Finding, ...]:
    """One finding per setting, in order, then those about what is missing or does not fit."""
    return _Examiner(settings, sections, plan, conf).all()


class _Examiner:
    def __init__(self, settings: list[Setting], sections: list[str], plan: Plan, conf: Any) -> None:
        self.settings = settings
        self.plan = plan
        self.conf = conf
        self.known = _known(plan)
        self.old = _old_names(self.known)
        self.last = {(s.section, s.name.replace("-", "_")): s for s in settings}
        self.groups = _groups(plan)
        self.drivers_of = {s.section for s in settings if s.name == "share_driver"}
        self.sections = sections

    def all(self) -> tuple[Finding, ...]:
        each = [self._owned(self._one(setting)) for setting in self.settings]
        wrong = {(f.section, f.name) for f in each if f.verdict is Verdict.WRONG}
        whole = (*misfits(self.conf), *export_findings(self.conf, self.plan))
        for finding in (*self._unreadable(), *self._refused(), *whole):
            if (finding.section, finding.name) not in wrong:
                self._add(each, self._owned(self._placed(finding)))
        return tuple(each)

    def _add(self, each: list[Finding], finding: Finding) -> None:
        """Add a finding about the whole, in place of the good one of its setting."""
        for at, good in enumerate(each):
            if good.setting is finding.setting is not None and good.verdict is not Verdict.WRONG:
                each[at] = msgspec.structs.replace(finding, mark=good.mark)
                return
        if finding not in each:
            each.append(finding)

    # One setting

    def _one(self, setting: Setting) -> Finding:
        name = setting.name.replace("-", "_")
        rows = self.known.get(setting.section)
        if rows and name in rows:
            return self._value(setting, rows[name])
        renamed = self.old.get((setting.section, name))
        if renamed is not None:
            section, row = renamed
            if is_later(section, described(row).name):
                return _found(Verdict.IGNORED, setting, NO_EFFECT_YET, Mark.LATER)
            finding = self._value(setting, row)
            if finding.verdict is Verdict.OK:
                message = f"is now called [{section}] {described(row).name}"
                finding = _found(Verdict.OLD, setting, message, described(row).mark)
            return finding
        return self._stranger(setting, name)

    def _value(self, setting: Setting, row: Any) -> Finding:
        option = described(row)
        if option.mark is Mark.IGNORED:
            return _found(Verdict.IGNORED, setting, option.help, option.mark)
        if self._misplaced(setting.section, option):
            message = "no backend reads it here; set it in each backend's section"
            return _found(Verdict.MISPLACED, setting, message, option.mark)
        problem = problem_of(row, setting)
        if problem:
            return _found(Verdict.WRONG, setting, problem, option.mark)
        if is_later(setting.section, option.name):
            return _found(Verdict.IGNORED, setting, NO_EFFECT_YET, Mark.LATER)
        return _found(Verdict.OK, setting, "", option.mark)

    def _misplaced(self, section: str, option: Option) -> bool:
        if section != catalog.DEFAULT or self.plan.of_section(catalog.DEFAULT):
            return False
        row = _PER_BACKEND.get(option.name)
        return row is not None and not row.inherit

    def _stranger(self, setting: Setting, name: str) -> Finding:
        section = setting.section
        reason = catalog.matching(section, catalog.IGNORED_SECTIONS)
        if reason is None and section == catalog.DEFAULT:
            reason = catalog.matching(name, catalog.IGNORED_OPTIONS)
        if reason is not None:
            return _found(Verdict.IGNORED, setting, reason, Mark.IGNORED)
        if section not in self.known:
            return self._strange_section(setting)
        if name in _OF_DRIVERS and section == catalog.DEFAULT and not self.plan.of_section(section):
            message = "no driver reads it here; set it in the section of its backend"
            return _found(Verdict.MISPLACED, setting, message)
        if name in _OF_DRIVERS and self.plan.of_section(section):
            return _found(Verdict.IGNORED, setting, "an option of another driver", Mark.IGNORED)
        return self._unknown(setting, name)

    def _strange_section(self, setting: Setting) -> Finding:
        section = setting.section
        if section in self.drivers_of:
            message = "this backend is not in enabled_share_backends"
            return _found(Verdict.IGNORED, setting, message, Mark.IGNORED)
        message = f"no such section{suggestion(section, self.known)}"
        return _found(Verdict.UNKNOWN, setting, message)

    def _unknown(self, setting: Setting, name: str) -> Finding:
        hint = suggestion(name, self.known[setting.section])
        for backend in self.plan.of_section(setting.section):
            path = backend.driver_class or backend.path
            if hint or path in DRIVER_OPTIONS:
                break
            if backend.problem:
                message = f"an option of {path}, which is not available"
                return _found(Verdict.IGNORED, setting, message, Mark.IGNORED)
            return _found(Verdict.UNKNOWN, setting, f"known only if {path} defines it")
        elsewhere = sorted(s for s, rows in self.known.items() if name in rows)
        if elsewhere and not hint:
            hint = f"; there is one in [{elsewhere[0]}]"
        return _found(Verdict.UNKNOWN, setting, f"no such option{hint}")

    # The whole

    def _unreadable(self) -> Iterable[Finding]:
        """Options whose effective value cannot be read: references, environment variables."""
        for group, rows in self.groups:
            for option in map(described, rows):
                if self._unread(group or catalog.DEFAULT, option):
                    continue
                view = self.conf if group is None else self.conf[group]
                try:
                    getattr(view, option.name)
                except _UNREADABLE:
                    yield self._reference(group or catalog.DEFAULT, option)

    def _unread(self, section: str, option: Option) -> bool:
        """Whether nobody reads the option there, so that its value does not matter."""
        return option.library or option.mark is Mark.IGNORED or self._misplaced(section, option)

    def _reference(self, section: str, option: Option) -> Finding:
        setting = self.last.get((normal(section), option.name))
        if setting is not None and "$" in setting.value:
            message = "refers with $ to what is no option; write $$ for a plain $"
        elif setting is None:
            message = (
                "its default, or the environment variable "
                f"OS_{section.upper()}__{option.name.upper()}, cannot be used"
            )
        else:
            message = "the value cannot be used"
        return Finding(Verdict.WRONG, normal(section), option.name, message, option.mark)

    def _refused(self) -> Iterable[Finding]:
        for backend in self.plan.backends:
            if backend.problem:
                message, section = backend.problem, normal(backend.group or catalog.DEFAULT)
                if backend.about == "enabled_share_backends":
                    message, section = f"{backend.name[:100]!r}: {message}", catalog.DEFAULT
                yield Finding(
                    Verdict.WRONG, section, backend.about, message, backends=(backend.name,)
                )

    def _placed(self, finding: Finding) -> Finding:
        setting = self.last.get((finding.section, finding.name))
        return msgspec.structs.replace(finding, setting=setting)

    def _owned(self, finding: Finding) -> Finding:
        if finding.backends or finding.section == catalog.DEFAULT:
            return finding
        names = tuple(b.name for b in self.plan.of_section(finding.section))
        return msgspec.structs.replace(finding, backends=names)


def _found(
    verdict: Verdict, setting: Setting, message: str = "", mark: Mark | None = None
) -> Finding:
    name = setting.name.replace("-", "_")
    return Finding(verdict, setting.section, name, message, mark, setting)


def _groups(plan: Plan) -> list[tuple[str | None, list[Any]]]:
    """Every registered section with its rows."""
    groups: list[tuple[str | None, list[Any]]] = [
        (None if name == catalog.DEFAULT else name, list(rows))
        for name, rows in catalog.SECTIONS.items()
    ]
    for backend in plan.backends:
        if backend.path or not backend.problem:
            groups.append((backend.group, [*catalog.PER_BACKEND, *backend.rows]))
    return groups


def _known(plan: Plan) -> dict[str, dict[str, Any]]:
    known = {name: {row.name: row for row in rows} for name, rows in catalog.SECTIONS.items()}
    for backend in plan.backends:
        rows = known.setdefault(normal(backend.group or catalog.DEFAULT), {})
        for row in (*catalog.PER_BACKEND, *backend.rows):
            rows.setdefault(described(row).name, row)
        for group in backend.networks:
            section = known.setdefault(normal(group), {})
            section.update({row.name: row for row in catalog.NETWORK_SECTION})
    return known


def _old_names(known: dict[str, dict[str, Any]]) -> dict[tuple[str, str], tuple[str, Any]]:
    return {
        (normal(old_section or section), old_name): (section, row)
        for section, rows in known.items()
        for row in rows.values()
        for old_section, old_name in described(row).old
    }
