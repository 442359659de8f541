"""What filter and goodness functions mean."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.scheduler.errors import EvaluatorError
from abaca.scheduler.evaluator import DEEPEST, compiled, evaluate
from abaca.scheduler.lexer import LONGEST

NAMES: dict[str, Any] = {
    "share": {"size": 5, "share_proto": "NFS", "is_public": False, "name": None},
    "stats": {"free_capacity_gb": 50.5, "total_capacity_gb": "unknown"},
    "capabilities": {"total_capacity_gb": 100, "qos": True, "nested": {"deep": 3}, "list": [1]},
    "extra": {"iops": "500", "thin": "true"},
}


@pytest.mark.parametrize(
    "source, value",
    [
        ("share.size < 10 && capabilities.total_capacity_gb > 5", True),
        ("share.size < 10 and capabilities.total_capacity_gb > 500", False),
        ("share.size > 10 || stats.free_capacity_gb > 50", True),
        ("share.size > 10 or stats.free_capacity_gb > 51", False),
        ("share.size > 1 & share.size < 9 | 0", True),
        ("share.size < 10 ? 100 : 50", 100.0),
        ("share.size > 10 ? 100 : share.size > 4 ? 70 : 50", 70.0),
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("10 - 4 - 3", 3.0),
        ("100 / 10 / 5", 2.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("1.5e2 + .5", 150.5),
        ("--3", 3.0),
        ("!(1 > 2)", True),
        ("not 1 > 2", True),
        ("not not share.size", True),
        ("! share.is_public", True),
        ("abs(3 - 10)", 7.0),
        ("min(3, share.size, 9)", 3.0),
        ("max(3, min(share.size, 4))", 4.0),
        ("share.share_proto == 'NFS'", True),
        ('share.share_proto != "NFS"', False),
        ("share.share_proto <> 'CIFS'", True),
        ("share.share_proto == 'nfs'", False),
        ("1 < share.size <= 5", True),
        ("1 < share.size < 5", False),
        ("extra.iops >= 500", True),
        ("extra.iops == 500.0", True),
        ("extra.thin and capabilities.qos", True),
        ("capabilities.qos == true", True),
        ("capabilities.nested.deep", 3.0),
        ("stats.total_capacity_gb == 'unknown'", True),
        ("0 and share.missing", False),
        ("1 or share.missing", True),
        ("1 ? 2 : share.missing", 2.0),
        ("  7  ", 7.0),
    ],
)
def test_an_expression_has_a_value(source: str, value: object) -> None:
    result = evaluate(source, NAMES)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("share.missing > 1", "share.missing is not known."),
        ("nothing", "nothing is not known."),
        ("share.name == 1", "share.name is None, neither number nor text."),
        ("capabilities.list == 1", "capabilities.list is [1], neither number nor text."),
        ("capabilities.nested", "capabilities.nested is {'deep': 3}, neither number nor text."),
        ("stats.total_capacity_gb > 1", "'unknown' is not a number."),
        ("share.share_proto + 1", "'NFS' is not a number."),
        ("share.share_proto ? 1 : 2", "'NFS' is neither true nor false."),
        ("1 / 0", "1 and 0 cannot be computed."),
        ("10 ^ 400", "10 and 400 cannot be computed."),
        ("0 ^ -1", "0 and -1 cannot be computed."),
        ("round(1)", "There is no function 'round'; there are abs, min, max."),
        ("abs(1, 2)", "abs takes one value, not 2."),
        ("min()", "A value is expected, not ')'."),
        ("1 2", "'2' is not expected."),
        ("(1", "')' is expected, not the end."),
        ("1 ? 2", "':' is expected, not the end."),
        ("", "A value is expected, not the end."),
        ("1 = 2", "Not understood: '= 2'."),
        ("a; b", "Not understood: '; b'."),
    ],
)
def test_what_cannot_be_computed_says_why(source: str, sentence: str) -> None:
    with pytest.raises(EvaluatorError) as error:
        evaluate(source, NAMES)
    assert error.value.message == sentence


@pytest.mark.parametrize("opening", ["(", "abs(", "1 ? ", "2 ^ "])
def test_nesting_is_bounded(opening: str) -> None:
    with pytest.raises(EvaluatorError, match=f"nested more than {DEEPEST} deep"):
        evaluate(opening * (DEEPEST + 1) + "1", NAMES)


def test_length_is_bounded() -> None:
    assert evaluate("1" + " " * (LONGEST - 1), NAMES) == 1
    with pytest.raises(EvaluatorError, match=r"4097 characters; 4096 are allowed"):
        evaluate("1" + " " * LONGEST, NAMES)


def test_an_expression_is_read_once() -> None:
    assert compiled("share.size + 1") is compiled("share.size + 1")
