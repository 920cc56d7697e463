"""A declaration is checked as a whole, and every fault says where it is."""

from __future__ import annotations

import pytest

from riskloom.errors import ParameterInvalid
from riskloom.features.plan import OPERATIONS, compile_plan
from riskloom.features.spec import AGGREGATES, MAX_ENTITIES, MAX_PAIRS, Column, WindowFeature, check_features

COLUMNS = (Column("user", "id"), Column("card", "id"), Column("amount", "integer", 100))


def faults(*features: WindowFeature, columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    return [str(fault) for fault in check_features(features, columns)]


def test_a_sound_declaration_has_no_fault() -> None:
    assert (
        faults(WindowFeature("n", "user", "count"), WindowFeature("d", "user", "distinct", ("card",))) == []
    )


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        (WindowFeature("f", "usr", "count"), "did you mean 'user'?"),
        (WindowFeature("f", "amount", "count"), "a column of text (id)"),
        (WindowFeature("f", "user", "medain"), "one of count, sum"),
        (WindowFeature("f", "user", "sum"), "1 column(s) for sum"),
        (WindowFeature("f", "user", "count", ("card",)), "0 column(s) for count"),
        (WindowFeature("f", "user", "sum", ("card",)), "a column of numbers (integer)"),
        (WindowFeature("f", "user", "last", ("card",)), "a column of numbers (integer)"),
        (WindowFeature("f", "user", "distinct", ("amount",)), "a column of text (id)"),
        (WindowFeature("f", "user", "travel_km", ("amount",)), "2 column(s) for travel_km"),
        (WindowFeature("f", "user", "count", window_us=0), "window_us"),
        (WindowFeature("f", "user", "count", window_us=2**62), "window_us"),
        (WindowFeature("f", "user", "count", delay_us=-1), "delay_us"),
        (WindowFeature("f", "user", "count", delay_us=1, include_current=True), "no delay"),
        (WindowFeature("f", "user", "first_seen", ("card",), include_current=True), "include_current"),
        (WindowFeature("f", "user", "last", ("amount",), include_current=True), "include_current"),
    ],
)
def test_a_fault_is_named(feature: WindowFeature, said: str) -> None:
    assert any(said in fault for fault in faults(feature))


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ParameterInvalid) as caught:
        compile_plan(
            [WindowFeature("a", "nobody", "count"), WindowFeature("a", "user", "nothing")], COLUMNS, -1
        )
    assert {fault.where for fault in caught.value.faults} == {
        "feature a",
        "feature a.entity_column",
        "feature a.aggregate",
        "max_lateness_us",
    }


def test_columns_are_checked_too() -> None:
    columns = (*COLUMNS, Column("user", "id"), Column("x", "text"), Column("y", "integer", 0))  # type: ignore[arg-type]
    assert [fault.split(":")[0] for fault in faults(columns=columns)] == [
        "column user",
        "column x.kind",
        "column y.scale",
    ]


def test_entities_and_told_apart_values_are_bounded() -> None:
    many = tuple(Column(f"c{i}", "id") for i in range(MAX_ENTITIES + 1))
    entities = [WindowFeature(f"f{i}", f"c{i}", "count") for i in range(MAX_ENTITIES + 1)]
    pairs = [WindowFeature(f"f{i}", "c0", "distinct", (f"c{i}",)) for i in range(MAX_PAIRS + 1)]
    assert "at most 16 entity columns" in faults(*entities, columns=many)[0]
    assert "at most 8 columns" in faults(*pairs, columns=many)[0]
    assert faults(*entities[:-1], columns=many) == []
    assert faults(*pairs[:-1], columns=many) == []


def test_every_aggregate_has_its_code() -> None:
    assert list(OPERATIONS) == list(AGGREGATES)
    assert len(AGGREGATES) == 16


def test_the_plan_keeps_only_the_columns_it_needs_ids_first() -> None:
    columns = (Column("z", "integer"), *COLUMNS)
    plan = compile_plan(
        [WindowFeature("s", "user", "sum", ("amount",)), WindowFeature("m", "user", "max", ("z",))],
        columns,
        0,
    )
    assert [column.name for column in plan.columns] == ["user", "z", "amount"]


@pytest.mark.parametrize("change", ["window", "lateness", "scale", "name"])
def test_the_fingerprint_names_the_whole_declaration(change: str) -> None:
    def fingerprint(changed: str) -> str:
        window = 5 if changed == "window" else 4
        scale = 10 if changed == "scale" else 100
        feature = WindowFeature("g" if changed == "name" else "f", "user", "sum", ("amount",), window)
        columns = (Column("user", "id"), Column("amount", "integer", scale))
        return compile_plan([feature], columns, 7 if changed == "lateness" else 8).fingerprint

    assert fingerprint("") == fingerprint("")
    assert fingerprint(change) != fingerprint("")
