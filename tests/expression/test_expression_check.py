"""Types: what fits together, and every fault at its column."""

from __future__ import annotations

import time

import pytest

from riskloom.errors import ExpressionInvalid
from riskloom.expression.check import check
from riskloom.expression.parse import parse
from riskloom.expression.tree import Type

TYPES = {
    "amount": Type.NUMBER,
    "user_mean": Type.NUMBER,
    "country": Type.TEXT,
    "is_new": Type.BOOLEAN,
    "timestamp": Type.TIME,
}


def faults(text: str):
    with pytest.raises(ExpressionInvalid) as caught:
        check(text, TYPES)
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("amount / user_mean", Type.NUMBER),
        ("amount > 5", Type.BOOLEAN),
        ("timestamp - timestamp", Type.NUMBER),
        ("timestamp", Type.TIME),
        ("hour(timestamp)", Type.NUMBER),
        ("country if is_new else 'none'", Type.TEXT),
        ("coalesce(is_new, False)", Type.BOOLEAN),
        ("coalesce(timestamp, timestamp)", Type.TIME),
        ("is_new == (amount > 5)", Type.BOOLEAN),
        ("round(amount)", Type.NUMBER),
        ("country is None", Type.BOOLEAN),
    ],
)
def test_an_expression_has_the_type_of_what_it_says(text, kind):
    assert check(text, TYPES).type is kind


def test_it_tells_which_names_it_reads():
    assert check("amount > 5 or (is_new and amount > user_mean)", TYPES).names == {
        "amount",
        "is_new",
        "user_mean",
    }


def test_a_parsed_tree_is_checked_like_its_text():
    assert check(parse("amount > 5"), TYPES) == check("amount > 5", TYPES)
    assert check(parse("amount > 5"), TYPES).text == "amount > 5"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("amuont > 5", 1, "did you mean 'amount'"),
        ("amount > min", 10, "min is a function"),
        ("is_new == true", 11, "write True"),
        ("amount == null", 11, "is None"),
        ("maxx(amount, 1)", 1, "did you mean 'max'"),
        ("max(amount)", 1, "as many arguments as max(number, number, ...)"),
        ("abs(amount, 1)", 1, "as many arguments as abs(number)"),
        ("round(amount, user_mean)", 15, "0 to 15"),
        ("round(amount, 16)", 15, "0 to 15"),
        ("round(amount, 1.5)", 15, "0 to 15"),
        ("round(amount, True)", 15, "a number"),
        ("amount and is_new", 1, "compare it with a number"),
        ("not country", 5, "compare it with a text"),
        ("amount + is_new", 10, "(1 if x else 0)"),
        ("amount > country", 10, "to compare with"),
        ("country > 'a'", 1, "== and !="),
        ("is_new < True", 1, "== and !="),
        ("country in (1, 2)", 1, "before `in`"),
        ("amount if is_new else country", 23, "behind `else`"),
        ("amount if user_mean else 1", 11, "behind `if`"),
        ("timestamp + 5", 1, "difference"),
        ("timestamp - 5", 1, "difference"),
        ("5 > timestamp", 5, "difference of two times"),
        ("hour(amount)", 6, "a time as argument 1 of hour"),
        ("coalesce(amount, country)", 18, "a number as argument 2"),
        ("-country", 2, "a number behind -"),
        ("country ** 2", 1, "a number before **"),
        ("starts_with(country, 5)", 22, "a text as argument 2"),
    ],
)
def test_a_type_fault_names_its_column_and_what_would_mend_it(text, column, words):
    (fault,) = faults(text)
    assert fault.where == f"column {column}"
    assert words in str(fault)


def test_faults_of_reading_and_of_types_come_together_in_order():
    found = faults("amuont > 5 and country.x == 'a' and hour(amount) > 3")
    assert [fault.where for fault in found] == ["column 1", "column 16", "column 42"]


def test_a_part_with_a_fault_causes_no_second_one():
    assert len(faults("max(amuont, country.x) + 5 > 3 and not (oops or 1 < nope)")) == 4


def test_a_fault_quotes_the_part_inside_the_text():
    (fault,) = faults("amuont > 5")
    assert fault.got == "'amuont' in 'amuont > 5'"


@pytest.mark.parametrize("name", ["Europe/Berln", "../../etc/passwd", "", "/etc/localtime"])
def test_a_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(ExpressionInvalid) as caught:
        check("amount > 5", TYPES, timezone=name)
    assert caught.value.faults[0].where == "timezone"


def test_many_unknown_names_are_told_quickly():
    types = {f"user_tx_count_{at}d": Type.NUMBER for at in range(300)}
    begun = time.perf_counter()
    with pytest.raises(ExpressionInvalid) as caught:
        check(f"max({', '.join(f'usr_cnt{at}' for at in range(150))})", types)
    assert len(caught.value.faults) == 150
    assert time.perf_counter() - begun < 1.0


LISTS = {"trusted": ("country",), "risky": ("country", "city")}


def test_a_membership_is_an_input_of_its_own():
    found = check("not country in @trusted and amount > 5 or country in @risky", TYPES, lists=LISTS)
    assert found.type is Type.BOOLEAN
    assert found.names == {"amount", "country in @trusted", "country in @risky"}
    assert found.memberships == (("country", "trusted"), ("country", "risky"))


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("is_new and country in @trustd", 23, "did you mean 'trusted'"),
        ("amount in @risky", 1, "a text before `in @list`, not a number"),
        ("contry in @risky", 1, "did you mean 'country'"),
    ],
)
def test_a_list_that_does_not_fit_is_named_at_its_column(text, column, words):
    with pytest.raises(ExpressionInvalid) as caught:
        check(text, TYPES, lists=LISTS)
    (fault,) = caught.value.faults
    assert fault.where == f"column {column}"
    assert words in str(fault)


def test_a_list_of_another_field_is_refused_with_what_would_mend_it():
    with pytest.raises(ExpressionInvalid, match=r"of: \[city, country\]"):
        check("country in @cities", TYPES, lists={"cities": ("city",)})


def test_where_no_lists_may_be_asked_that_is_said():
    with pytest.raises(ExpressionInvalid, match="column 12: expected no list here"):
        check("country in @trusted", TYPES)
