"""Who may: the framework checks what needs no target, and that handlers check the rest."""

from __future__ import annotations

from api.sample import PROJECT, Roles, make_client

MEMBER = {"X-Auth-Token": f"user:{PROJECT}:member"}


def test_rules_without_target_are_checked_on_the_own_project() -> None:
    policy = Roles()
    assert make_client(policy).ask("GET", "/v2/limits").status_code == 200
    own = {"project_id": PROJECT, "user_id": "user"}
    assert policy.asked == [("a:one", own), ("a:two", own)]


def test_policy_goes_before_the_body() -> None:
    answer = make_client(Roles()).ask("POST", "/v2/shares", headers=MEMBER, json={"share": {}})
    assert answer.status_code == 403


def test_rules_with_a_target_are_checked_by_the_handler_on_the_record() -> None:
    policy = Roles()
    client = make_client(policy)
    assert client.ask("GET", "/v2/shares/1", headers=MEMBER).status_code == 200
    assert client.ask("GET", "/v2/shares/foreign", headers=MEMBER).status_code == 403
    assert [target["project_id"] for _, target in policy.asked] == [PROJECT, "other"]


def test_a_handler_that_forgets_to_check_answers_500() -> None:
    assert make_client().ask("GET", "/v2/types").status_code == 500


def test_with_a_target_404_and_403_come_before_what_is_wrong_with_the_body() -> None:
    client = make_client(Roles())
    bad = {"shrink": {"new_size": "x"}}

    def ask(path: str, headers: dict[str, str]) -> int:
        found: int = client.ask("POST", path, v="2.7", headers=headers, json=bad).status_code
        return found

    assert ask("/v2/shares/1/action", MEMBER) == 403
    assert ask("/v2/shares/none/action", {}) == 404
    assert ask("/v2/shares/1/action", {}) == 400


def test_lists_are_checked_once_not_for_each_row() -> None:
    policy = Roles()
    make_client(policy).ask("GET", "/v2/shares/detail", query_string="limit=9")
    assert len(policy.asked) == 1


def test_noauth_tokens() -> None:
    client = make_client()

    def code(**headers: str | None) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found: int = client.ask("GET", "/v2/limits", headers=named).status_code
        return found

    assert code(X_Auth_Token="user") == 200
    assert code(X_Auth_Token=None, X_Test_Project="p", X_Test_Roles="member") == 200
    assert code(X_Auth_Token=None) == 401
    assert code(X_Auth_Token="a\xffb:c") == 401
