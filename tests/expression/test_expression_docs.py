"""What the documentation shows is what there is."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from riskloom.expression.check import check
from riskloom.expression.functions import reference
from riskloom.expression.tree import Type

PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")


def test_the_page_shows_the_table_of_functions_as_it_is():
    assert reference() in PAGE


def test_the_examples_of_the_page_are_expressions():
    types = dict.fromkeys(["amount", "user_amount_mean_30d", "user_tx_count_30d"], Type.NUMBER)
    types |= {"country": Type.TEXT, "is_new_device": Type.BOOLEAN, "timestamp": Type.TIME}
    examples = PAGE.split("```text\n")[1].split("```")[0].splitlines()
    assert [check(example, types).type for example in examples] == [Type.BOOLEAN, Type.BOOLEAN, Type.NUMBER]


@pytest.mark.parametrize("module", ["check", "row"])
def test_the_examples_of_a_module_give_what_they_show(module):
    found = doctest.testmod(importlib.import_module(f"riskloom.expression.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
