"""Bodies: how they are read, what is refused and with which sentence."""

from __future__ import annotations

from typing import Any

import pytest

from api.sample import ID, make_client

client = make_client()


def create(v: str = "2.0", **share: Any) -> Any:
    return client.ask("POST", "/v2/shares", v=v, json={"share": share})


def message(answer: Any) -> str:
    assert answer.status_code == 400, answer.text
    found: str = answer.json["badRequest"]["message"]
    return found


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"size": 1}, {"size": 1}),
        ({"size": " 12 "}, {"size": 12}),
        ({"size": 3.0}, {"size": 3}),
        ({"size": 1, "name": None}, {"size": 1, "name": None}),
        ({"size": 1, "display_name": "a"}, {"size": 1, "name": "a"}),
        ({"size": 1, "name": "a", "display_name": "a"}, {"size": 1, "name": "a"}),
        ({"size": 1, "unknown": {"x": []}}, {"size": 1}),
        ({"size": 1, "text": "a\r\n\tb"}, {"size": 1, "text": "a\r\n\tb"}),
        ({"size": 1, "flag": "YES"}, {"size": 1, "flag": True}),
        ({"size": 1, "flag": 0}, {"size": 1, "flag": False}),
        ({"size": 1, "kind": "ip"}, {"size": 1, "kind": "ip"}),
        ({"size": 1, "ref": ID.replace("-", "")}, {"size": 1, "ref": ID}),
        ({"size": 1, "metadata": {"k": "v"}}, {"size": 1, "metadata": {"k": "v"}}),
        ({"size": 1, "group": "dropped"}, {"size": 1}),
        ({"size": 1, "tags": ["a"], "options": {}}, {"size": 1, "tags": ["a"], "options": {}}),
        ({"size": 1, "any": [1.5, None]}, {"size": 1, "any": [1.5, None]}),
        ({"size": 1, "name": "Größe 日本 🚀"}, {"size": 1, "name": "Größe 日本 🚀"}),
    ],
)
def test_accepted(given: dict[str, Any], seen: dict[str, Any]) -> None:
    assert create(**given).json == {"share": {"flag": False} | seen}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "size is missing; it must be given."),
        ({"size": None}, "size is null; give a value or leave it out."),
        ({"size": 0}, "size is 0; it must be a whole number from 1 to 2147483647."),
        ({"size": -1}, "size is -1; it must be"),
        ({"size": 10**12}, "size is 1000000000000; it must be"),
        ({"size": 10**30}, "size is 1"),
        ({"size": 1.5}, "size is 1.5; it must be"),
        ({"size": 1e300}, "size is 1e+300; it must be"),
        ({"size": "1.5"}, "size is '1.5'; it must be"),
        ({"size": "1" * 5000}, "size is '1111"),
        ({"size": "٣"}, "size is '"),
        ({"size": True}, "size is true; it must be"),
        ({"size": []}, "size is a list; it must be"),
        ({"size": 1, "name": 5}, "name is 5; it must be text of 0 to 255 characters."),
        ({"size": 1, "name": "a" * 256}, "name is 'aaaa"),
        ({"size": 1, "name": "a\x00b"}, "name is 'a\\x00b'; it must be text without control"),
        ({"size": 1, "name": "a\nb"}, "without control characters"),
        ({"size": 1, "name": "a\x85b"}, "without control characters"),
        ({"size": 1, "text": "a\x1bb"}, "without control characters"),
        ({"size": 1, "name": "a", "display_name": "b"}, "name and display_name mean the same"),
        ({"size": 1, "flag": "maybe"}, "flag is 'maybe'; it must be true or false."),
        ({"size": 1, "flag": 2}, "flag is 2"),
        ({"size": 1, "kind": "cephx"}, "kind is 'cephx'; it must be one of ip."),
        ({"size": 1, "kind": {}}, "kind is an object; it must be one of ip."),
        ({"size": 1, "ref": "../../etc"}, "ref is '../../etc'; it must be a UUID."),
        ({"size": 1, "ref": ID + "x"}, "it must be a UUID."),
        ({"size": 1, "metadata": []}, "metadata is a list; it must be an object of text pairs."),
        ({"size": 1, "metadata": {"": "v"}}, "A key of metadata is ''"),
        ({"size": 1, "metadata": {"k": ""}}, "metadata['k'] is ''; it must be text of 1 to 1023"),
        ({"size": 1, "metadata": {"k": " "}}, "not blank"),
        ({"size": 1, "metadata": {"k": 1}}, "metadata['k'] is 1"),
        ({"size": 1, "metadata": {"k" * 256: "v"}}, "A key of metadata"),
        ({"size": 1, "metadata": {"k": "v" * 1024}}, "metadata['k']"),
        ({"size": 1, "late": "x"}, "late can be given at versions 2.50 to 2.99; this request uses"),
        ({"size": 1, "tags": "a"}, "tags is 'a'; it must be a list"),
        ({"size": 1, "tags": [1]}, "tags[0] is 1"),
    ],
)
def test_refused(given: dict[str, Any], said: str) -> None:
    assert said in message(create(**given))


def test_fields_and_words_have_their_first_version() -> None:
    assert create(v="2.31", size=1, group="g").json["share"]["group"] == "g"
    assert create(v="2.13", size=1, kind="cephx").json["share"]["kind"] == "cephx"
    assert create(v="2.50", size=1, late="x").json["share"]["late"] == "x"


def test_bodies_that_refuse_unknown_keys() -> None:
    assert client.ask("PUT", "/v2/shares/1", json={"a": "1"}).json["body"] == {"a": "1"}
    found = message(client.ask("PUT", "/v2/shares/1", json={"b": "1"}))
    assert found == "Not known at version 2.0: 'b'; these can be given: a."


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"{", "not valid JSON"),
        (b"{'share': 1}", "not valid JSON"),
        (b'{"share": NaN}', "not valid JSON"),
        (b'{"share": 1e999}', "not valid JSON"),
        (b'{"share": "\xff"}', "not valid JSON"),
        (b'{"share": "\\ud800"}', "not valid JSON"),
        (b'\xef\xbb\xbf{"share": {}}', "not valid JSON"),
        (b"[" * 50000, "nested too deeply"),
        (b'{"a":' * 15000, "nested too deeply"),
        (b'{"share": ' + b"1" * 5000 + b"}", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'"share"', "must be a JSON object"),
        (b"null", "needs a body of JSON"),
        (b"", "needs a body of JSON"),
        (b"{}", "The body has no share"),
        (b'{"share": []}', "share is a list; it must be an object."),
        (b'{"share": null}', "share is null; it must be an object."),
    ],
)
def test_malformed_documents(sent: bytes, said: str) -> None:
    answer = client.ask("POST", "/v2/shares", body=sent, content_type="application/json")
    assert said in message(answer)


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    sent = b'{"share": {"size": 1, "size": 2}}'
    answer = client.ask("POST", "/v2/shares", body=sent, content_type="application/json")
    assert answer.json["share"]["size"] == 2


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", None])
def test_another_content_type_is_no_body(kind: str | None) -> None:
    answer = client.ask(
        "POST", "/v2/shares", body=b'{"share": {"size": 1}}', headers={"Content-Type": kind}
    )
    assert "Content-Type: application/json" in message(answer)


def test_content_type_may_have_parameters() -> None:
    answer = client.ask(
        "POST",
        "/v2/shares",
        body=b'{"share": {"size": 1}}',
        content_type="Application/JSON; charset=utf-8",
    )
    assert answer.status_code == 200


def test_large_bodies_are_413() -> None:
    for method, path in (("POST", "/v2/shares"), ("POST", "/v2/shares/1/action")):
        answer = client.ask(method, path, body=b" " * 114689, content_type="application/json")
        assert answer.status_code == 413
        assert answer.json["overLimit"]["retryAfter"] == "0"
    sent = b'{"share": {"size": 1}}'.ljust(114688)
    answer = client.ask("POST", "/v2/shares", body=sent, content_type="application/json")
    assert answer.status_code == 200


def test_a_body_without_length_is_bounded_too() -> None:
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    for sent, code in ((b'{"share": {"size": 1}}', 200), (b" " * 200000, 413)):
        answer = client.ask(
            "POST",
            "/v2/shares",
            headers={**headers, "Content-Length": ""},
            body=sent,
        )
        assert answer.status_code == code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"extend": {"new_size": 2}}, 202),
        ({"extend": {"new_size": 0}}, 400),
        ({"extend": None}, 400),
        ({"extend": {"new_size": 2}, "shrink": {}}, 400),
        ({}, 400),
        ([], 400),
        ({"nothing": None}, 400),
        ({"soft_delete": None}, 404),  # from 2.69
        ({"reset_status": None}, 404),  # in the table, not served by the sample
    ],
)
def test_actions(sent: Any, code: int) -> None:
    assert client.ask("POST", "/v2/shares/1/action", v="2.7", json=sent).status_code == code


def test_a_response_of_ones_own() -> None:
    answer = client.ask("POST", "/v2/shares/1/action", v="2.69", json={"soft_delete": None})
    assert answer.status_code == 200
    assert answer.headers["x-why"] == "already"
    assert answer.text == ""


def test_a_whole_value_as_body() -> None:
    def ask(value: Any) -> Any:
        return client.ask("POST", "/v2/shares/1/metadata", json={"metadata": value})

    assert ask({"a": "b"}).json == {"metadata": {"a": "b"}}
    assert "metadata is null" in message(ask(None))
    assert "metadata is 'x'" in message(ask("x"))
