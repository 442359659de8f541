"""Write src/abaca/identity/rules.json from the policy table of the API facts.

    python scripts/make_policy_rules.py ../shared/api/routes.yaml

The facts say which roles a rule lets in and in which token scopes; a grant keeps that as data:
`any` the roles that pass on every project, `own` those that pass on their own project, `owner`
whether the user who made the resource passes, `scope` the token scopes the rule is meant for.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

OWN = re.compile(r"(\w+)\(own project\)")
OWNER = "owner user(own project, same user id)"

# Rules that other rules and policy.yaml files are built from: not said by roles alone.
BASE: dict[str, dict[str, Any]] = {
    "context_is_admin": {"check": "role:admin", "any": ["admin"]},
    "context_is_host_admin": {
        "check": "role:admin and project_id:%(project_id)s",
        "own": ["admin"],
    },
    "project-admin": {"check": "role:admin and project_id:%(project_id)s", "own": ["admin"]},
    "project-member": {"check": "role:member and project_id:%(project_id)s", "own": ["member"]},
    "project-reader": {"check": "role:reader and project_id:%(project_id)s", "own": ["reader"]},
    "owner-user": {
        "check": "user_id:%(user_id)s and project_id:%(project_id)s",
        "owner": True,
    },
    "admin_or_service_api": {"check": "role:admin or role:service", "any": ["admin", "service"]},
    "admin_or_owner": {"check": "is_admin:True or project_id:%(project_id)s"},
    "admin_or_owner_user": {
        "check": "is_admin:True or (project_id:%(project_id)s and user_id:%(user_id)s)"
    },
    "default": {"check": "rule:admin_or_owner"},
    "admin_api": {"check": "is_admin:True"},
}

# Rules of abaca's own routes, which the facts of Manila do not have.
OWN_RULES = {
    "share:list_operations": ["admin", "reader(own project)"],
    "share_snapshot:list_operations": ["admin", "reader(own project)"],
    "drift:index": ["admin"],
    "drift:repair": ["admin"],
    "drift:adopt": ["admin"],
}


def grant(name: str, roles: list[str]) -> dict[str, Any]:
    """What the listed roles mean: {any, own, owner, check}."""
    anywhere = [role for role in roles if role.isidentifier()]
    own = [match[1] for role in roles if (match := OWN.fullmatch(role))]
    owner = OWNER in roles
    if len(anywhere) + len(own) + owner != len(roles):
        raise SystemExit(f"{name}: cannot read roles {roles}")
    admin = {("admin",): "context_is_admin", ("admin", "service"): "admin_or_service_api"}
    parts = [admin[tuple(anywhere)], *(f"project-{role}" for role in own)]
    if owner:
        parts.append("owner-user")
    check = " or ".join(f"rule:{part}" for part in parts)
    return {"check": check, "any": anywhere, "own": own, "owner": owner}


def main() -> None:
    source = Path(sys.argv[1])
    target = Path(__file__).parents[1] / "src/abaca/identity/rules.json"
    facts = yaml.safe_load(source.read_text())["policy_rules"]
    rules = {}
    for name, fact in facts.items():
        rule = BASE[name] if name in BASE else grant(name, fact["roles"])
        rule = {key: value for key, value in rule.items() if value}
        if fact["scope"]:
            rule["scope"] = fact["scope"]
        rules[name] = rule
    for name, roles in OWN_RULES.items():
        rules[name] = {k: v for k, v in grant(name, roles).items() if v} | {"scope": ["project"]}
    lines = (f"  {json.dumps(name)}: {json.dumps(rule)}" for name, rule in rules.items())
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{target}: {len(rules)} rules")


if __name__ == "__main__":
    main()
