"""What the language reads, and how it says what is wrong with a text."""

from __future__ import annotations

import pytest

from riskloom.errors import ExpressionInvalid
from riskloom.expression.parse import MAX_DEPTH, MAX_LENGTH, MAX_NODES, parse
from riskloom.expression.tree import (
    Arithmetic,
    Compare,
    Constant,
    InList,
    Logic,
    Member,
    Missing,
    Name,
    Not,
    Type,
    walk,
)


def faults(text: str):
    with pytest.raises(ExpressionInvalid) as caught:
        parse(text)
    return caught.value.faults


def test_a_rule_becomes_a_tree_of_our_own_values():
    tree = parse("amount > 500 and country in ('KP', 'IR')")
    assert isinstance(tree, Logic)
    compare, member = tree.items
    assert isinstance(compare, Compare)
    assert compare.operators == (">",)
    assert isinstance(member, Member)
    assert member.choices == ("KP", "IR")


def test_every_node_knows_its_stretch_of_the_text():
    text = "  größe >\n 3 * straße "
    spans = {
        text[n.span.start : n.span.end]
        for n in walk(parse(text))
        if isinstance(n, Name | Arithmetic | Constant)
    }
    assert spans == {"größe", "3 * straße", "3", "straße"}


def test_line_breaks_and_tabs_count_as_spaces():
    tree = parse("a > 1\n\tand b > 2\r\n  and c > 3\n")
    assert isinstance(tree, Logic)
    assert len(tree.items) == 3


def test_a_negative_number_is_one_constant():
    tree = parse("-5")
    assert isinstance(tree, Constant)
    assert tree.value == -5.0


def test_is_none_is_read_for_both_directions():
    assert parse("x is None") != parse("x is not None")
    assert isinstance(parse("x is not None"), Missing)


def test_integers_and_decimals_are_both_numbers():
    tree = parse("1_000 + .5")
    assert isinstance(tree, Arithmetic)
    assert [side.value for side in (tree.left, tree.right)] == [1000.0, 0.5]
    assert tree.type is Type.NUMBER


def test_a_list_is_asked_by_its_name_wherever_an_at_sign_stands_otherwise():
    tree = parse("mail == 'x in @y' or é in @risky and user\n not in  @trusted")
    (risky, trusted) = [node for node in walk(tree) if isinstance(node, InList)]
    assert (risky.field.name, risky.list, risky.place.quote) == (
        "é",
        "risky",
        "'@risky' in " + repr(tree.span.text),
    )
    assert (trusted.field.name, trusted.list, trusted.name) == ("user", "trusted", "user in @trusted")
    assert isinstance(tree.items[1].items[1], Not)


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("amount > ", 9, "an expression"),
        ("amount >> 3", 1, "operator of the language"),
        ("  user.name == 'x'", 3, "form of the language"),
        ("a and b[0]", 7, "form of the language"),
        ("x == None", 6, "is None"),
        ("coalesce(x, None)", 13, "is None"),
        ("x is 5", 6, "None behind `is`"),
        ("x in 'abc'", 6, "contains"),
        ("x in country", 6, "list of choices"),
        ("x in ()", 6, "at least one choice"),
        ("x in ('a', 1)", 6, "one type"),
        ("x in ('a', y)", 12, "a number or a text"),
        ("x in (True, 1)", 7, "a number or a text"),
        ("1 < x in (1, 2)", 1, "on their own"),
        ("(1, 2)", 1, "behind `in` only"),
        ("x ** y", 6, "written as the exponent"),
        ("x ** 17", 6, "from -16 to 16"),
        ("x ** -1e9", 6, "from -16 to 16"),
        ("1e999", 1, "finite"),
        ("9007199254740993", 1, "2**53"),
        ("1j", 1, "a number, a text"),
        ("b'x'", 1, "a number, a text"),
        ("...", 1, "a number, a text"),
        ("round(x, digits=2)", 17, "without names"),
        ("max(*x)", 5, "form of the language"),
        ("(max)(1)(2)", 1, "name of a function"),
        ("+x", 1, "leave it out"),
        ("~x", 1, "write `not`"),
        ("a & b", 1, "write `and`"),
        ("x = 5", 3, "=="),
        ("a && b", 4, "write `and`"),
        ("a > 5 # and b", 7, "no comment"),
        ("x in ('a' 'b',)", 11, "a comma"),
        ("x == '\\ud800'", 6, "readable"),
        ("x == '" + "a" * 201 + "'", 6, "200 characters"),
        ("", 1, "an expression"),
        (" \n ", 1, "an expression"),
        ("a\0b", 2, "readable"),
        ("a == '\ud800'", 7, "readable"),
        ("x in @ risky", 6, "invalid syntax"),
        ("x @ risky", 1, "stands behind `in`"),
        ("lower(x) in @risky", 1, "a field before"),
        ("(x in @risky) in @risky", 2, "a field before"),
        ("1 < x in @risky", 1, "on their own"),
        ("x in @risky.name", 6, "list of choices"),
        ("x in @risky()", 6, "list of choices"),
        ("(" * 300 + "a" + ")" * 300, 201, "an expression"),
    ],
)
def test_a_fault_names_its_column_and_what_would_mend_it(text, column, word):
    (fault,) = faults(text)
    assert fault.where == f"column {column}"
    assert word in str(fault)


def test_all_faults_of_a_text_are_told_at_once():
    found = faults("a.b > 1 and x ** y > 2 and f'{z}' == 'a'")
    assert [fault.where for fault in found] == ["column 1", "column 18", "column 28"]


def test_the_bound_on_length_is_exact():
    assert parse("a" * MAX_LENGTH)
    assert "2000 characters" in str(faults("a" * (MAX_LENGTH + 1))[0])


def test_the_bound_on_depth_is_exact():
    assert parse("not " * (MAX_DEPTH - 1) + "a")
    assert "levels of nesting" in str(faults("not " * MAX_DEPTH + "a")[0])


def test_the_bound_on_nodes_is_exact():
    parts = ["a"] * (MAX_NODES - 1)
    assert parse(" or ".join(parts))
    assert "parts" in str(faults(" or ".join([*parts, "a"]))[0])


def test_a_long_list_of_choices_counts_as_nodes():
    assert "parts" in str(faults(f"x in ({'1,' * 500})")[0])
