"""Policy rules: the defaults, what policy.yaml changes, and what a check costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg
from structlog.testing import capture_logs

from abaca.identity import grants, policy
from abaca.identity.policy import Enforcer, PolicyFileError, UnknownRule
from abaca.model.context import Context
from abaca.model.errors import Forbidden

OWN = {"project_id": "p1", "user_id": "u1"}
FOREIGN = {"project_id": "p2", "user_id": "u2"}
RULES = grants.load()


def caller(*roles: str, project_id: str = "p1", user_id: str = "u1", **more: str) -> Context:
    return Context(roles=roles, project_id=project_id, user_id=user_id, **more)  # type: ignore[arg-type]


@pytest.fixture
def enforcer_with(tmp_path: Path) -> Callable[[str], Enforcer]:
    def make(text: str) -> Enforcer:
        (tmp_path / "policy.yaml").write_text(text)
        conf = cfg.ConfigOpts()
        conf([], project="abaca", default_config_files=[], default_config_dirs=[])
        enforcer = Enforcer.__new__(Enforcer)
        from oslo_policy import opts

        opts._register(conf)
        conf.set_override("policy_file", str(tmp_path / "policy.yaml"), "oslo_policy")
        enforcer.__init__(conf)  # type: ignore[misc]
        return enforcer

    return make


@pytest.mark.parametrize(
    ("roles", "rule", "own", "foreign"),
    [
        (["admin"], "share:force_delete", True, True),
        (["admin"], "share:create", True, True),
        (["member"], "share:create", True, False),
        (["member"], "share:get", True, False),  # member implies reader
        (["member"], "share:force_delete", False, False),
        (["reader"], "share:get", True, False),
        (["reader"], "share:create", False, False),
        (["ADMIN"], "share:manage", True, True),
        (["service"], "resource_lock:get_all_projects", True, True),
        (["service"], "share:get", False, False),
        (["nothing"], "resource_lock:delete", True, False),  # the user who made it
        ([], "share:get", False, False),
        (["admin"], "context_is_host_admin", True, False),
        ([], "admin_or_owner", True, False),
        (["admin"], "admin_api", False, False),  # is_admin is what counts here
    ],
)
def test_default_rules(roles: list[str], rule: str, own: bool, foreign: bool) -> None:
    enforcer = Enforcer()
    assert enforcer.allows(caller(*roles), rule, OWN) is own
    assert enforcer.allows(caller(*roles), rule, FOREIGN) is foreign


def test_the_fast_table_decides_as_oslo_policy_does() -> None:
    enforcer = Enforcer()
    roles = [(), ("reader",), ("member",), ("service",), ("admin",)]
    targets = [OWN, FOREIGN, {"project_id": "p1", "user_id": "u2"}, {"project_id": "p1"}, {}]
    scopes = ["", "all"]
    for some, target, scope in itertools.product(roles, targets, scopes):
        ctx = caller(*some, system_scope=scope)
        for name, rule in RULES.items():
            if rule.decidable:
                fast, slow = rule.allows(ctx, target), enforcer._ask_oslo(ctx, name, target)
                assert fast == slow, (name, some, target, scope)


def test_every_manila_rule_is_there() -> None:
    own = {"share:list_operations", "share_snapshot:list_operations"}
    own |= {"drift:index", "drift:repair", "drift:adopt"}
    assert len(RULES) == 230 + len(own) and own <= set(RULES)
    assert not Enforcer().overridden()


def test_a_refusal_names_the_rule() -> None:
    with pytest.raises(Forbidden, match="share:force_delete"):
        Enforcer().enforce(caller("member"), "share:force_delete", OWN)


def test_an_unknown_rule_is_a_bug_and_says_so() -> None:
    with pytest.raises(UnknownRule, match="share:frobnicate"):
        Enforcer().enforce(caller("admin"), "share:frobnicate", OWN)


@pytest.mark.parametrize("rule", ["share:get", "resource_lock:delete", "admin_or_owner"])
def test_a_caller_without_project_owns_nothing(rule: str) -> None:
    ctx = Context(roles=("member",))
    for target in ({"project_id": "", "user_id": ""}, {"project_id": None}, {}):
        assert not Enforcer().allows(ctx, rule, target)


def test_a_system_token_is_refused_where_a_project_is_meant() -> None:
    ctx = caller("admin", project_id="", system_scope="all")
    assert not Enforcer().allows(ctx, "share:manage", FOREIGN)
    assert Enforcer().allows(ctx, "share_network_subnet:get_metadata", FOREIGN)


def test_admin_is_decided_by_its_rule(enforcer_with: Callable[[str], Enforcer]) -> None:
    assert Enforcer().is_admin(("admin",))
    assert not Enforcer().is_admin(("member",))
    custom = enforcer_with('"context_is_admin": "role:cloud_admin"\n')
    assert custom.is_admin(("cloud_admin",))
    assert not custom.is_admin(("admin",))


def test_policy_yaml_changes_a_rule_and_those_that_refer_to_it(
    enforcer_with: Callable[[str], Enforcer],
) -> None:
    enforcer = enforcer_with('"share:delete": "role:janitor"\n"project-reader": "role:auditor"\n')
    assert enforcer.allows(caller("janitor"), "share:delete", FOREIGN)
    assert not enforcer.allows(caller("member"), "share:delete", OWN)
    assert enforcer.allows(caller("auditor"), "share:get", FOREIGN)
    assert not enforcer.allows(caller("reader"), "share:get", OWN)
    assert enforcer.allows(caller("member"), "share:create", OWN)
    assert "share:get" in enforcer.overridden()
    assert "share:create" not in enforcer.overridden()


def test_a_rule_repeated_as_it_is_stays_cheap(enforcer_with: Callable[[str], Enforcer]) -> None:
    same = enforcer_with('"share:get": "(rule:context_is_admin) or (rule:project-reader)"\n')
    assert not same.overridden()


def test_rules_that_nothing_asks_for_are_named(enforcer_with: Callable[[str], Enforcer]) -> None:
    with capture_logs() as logs:
        enforcer_with('"share:delte": "!"\n"ops": "role:ops"\n"share:create": "rule:ops"\n')
    [line] = [line for line in logs if line["event"] == "policy.unknown_rules"]
    assert line["rules"] == ["share:delte"]


@pytest.mark.parametrize("text", ["{", "- a\n- b\n", '"share:get": [[[\n'])
def test_a_broken_policy_file_stops_the_start(
    enforcer_with: Callable[[str], Enforcer], text: str
) -> None:
    with pytest.raises(PolicyFileError, match=r"policy file cannot be used"):
        enforcer_with(text)


def test_a_changed_file_takes_effect_and_a_broken_one_does_not(
    enforcer_with: Callable[[str], Enforcer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "RELOAD_SECONDS", 0.0)
    enforcer = enforcer_with('"share:delete": "role:janitor"\n')
    (tmp_path / "policy.yaml").write_text('"share:delete": "role:caretaker"\n')
    assert enforcer.allows(caller("caretaker"), "share:delete", OWN)
    (tmp_path / "policy.yaml").write_text("{ broken")
    assert enforcer.allows(caller("caretaker"), "share:delete", OWN)
    assert not enforcer.allows(caller("janitor"), "share:delete", OWN)
    (tmp_path / "policy.yaml").unlink()
    assert enforcer.allows(caller("member"), "share:delete", OWN)
