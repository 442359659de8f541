"""The policy rules as data: who passes each rule unless a policy.yaml says otherwise.

rules.json is made by scripts/make_policy_rules.py from the API facts.  Names are Manila's, so that
an operator's policy.yaml goes on working.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources

import msgspec

from abaca.model.context import Context

# What a role includes, as Keystone's own bootstrap arranges it.
IMPLIED = {
    "admin": ("manager", "member", "reader"),
    "manager": ("member", "reader"),
    "member": ("reader",),
}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: `any`, `own` and `owner` say the same as `check`, in a form that costs 1 us."""

    check: str  # in the language of oslo.policy
    any: frozenset[str] = frozenset()  # roles that pass on every project
    own: frozenset[str] = frozenset()  # roles that pass on the project of their token
    owner: bool = False  # the user who made the resource passes, in their own project
    scope: tuple[str, ...] = ()  # token scopes the rule is meant for; none listed: all

    @property
    def decidable(self) -> bool:
        """Whether roles alone decide; the few legacy rules need their check string."""
        return bool(self.any or self.own or self.owner)

    def allows(self, ctx: Context, target: Mapping[str, object]) -> bool:
        if ctx.system_scope and self.scope and "system" not in self.scope:
            return False
        roles = expand(ctx.roles)
        if not self.any.isdisjoint(roles) or (ctx.is_admin and "admin" in self.any):
            return True
        project = ctx.project_id
        if not project or target.get("project_id") != project:
            return False
        if not self.own.isdisjoint(roles):
            return True
        return self.owner and bool(ctx.user_id) and target.get("user_id") == ctx.user_id


@functools.lru_cache(maxsize=1024)
def expand(roles: tuple[str, ...]) -> frozenset[str]:
    """These roles and all they include; role names know no case, as in oslo.policy."""
    names = {role.lower() for role in roles}
    return frozenset(names.union(*(IMPLIED.get(name, ()) for name in names)))


def load() -> dict[str, Grant]:
    """Every rule, by name."""
    data = resources.files(__package__).joinpath("rules.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, Grant])
