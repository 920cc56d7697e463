"""Declared preparation is read in both spellings; every fault has its line, and the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.domain.field import Field, FieldType
from riskloom.errors import ScenarioInvalid
from riskloom.scenario.document import Document
from riskloom.scenario.feature_section import read_features
from riskloom.scenario.preparation_section import (
    check_transformations,
    expand_transformations,
    read_preparation,
)
from riskloom.scenario.read_yaml import read_document

FIELDS = (
    Field("user_id", FieldType.STRING, entity="user"),
    Field("card", FieldType.STRING),
    Field("amount", FieldType.MONEY, decimals=2),
    Field("fee", FieldType.NUMBER, decimals=3),
    Field("items", FieldType.INTEGER),
    Field("paid", FieldType.BOOLEAN),
)
ENTITIES = {"user": "user_id"}
NAMES, CATEGORIES = ("amount_z", "hour", "kind"), ("kind",)

AS_IT_STANDS = """\
transformations: [{type: imputation, config: {strategy: mean}}, {type: scaling, config: {method: standard}}, {type: time_window_aggregation, config: {entity_key: user_id, windows: [1h, 24h, 7d], aggregations: [mean, std, count]}}]
"""  # noqa: E501 - the line as its users write it


def prepared(text: str) -> PreparationSpec:
    document = read_document(text, "s.yaml")
    given = document.data["detector"]["prepare"]
    spec = read_preparation(document, given, ("detector", "prepare"), NAMES, CATEGORIES)
    document.finish()
    return spec


def expanded(text: str, fields: tuple[Field, ...] = FIELDS) -> tuple[list[dict[str, Any]], PreparationSpec]:
    document = read_document(text, "s.yaml")
    features, spec = expand_transformations(document, fields, ENTITIES)
    document.finish()
    return features, spec


def window(config: str) -> str:
    """A scenario with one aggregation; its config starts in line 3."""
    return "transformations:\n- type: time_window_aggregation\n  config:\n" + "".join(
        f"    {line}\n" for line in config.splitlines()
    )


def faults(call: Any, *given: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(ScenarioInvalid) as caught:
        call(*given)
    return [(fault.line, fault.where, fault.hint) for fault in caught.value.faults]


def test_the_short_spelling_is_read() -> None:
    spec = prepared(
        "detector:\n"
        "  prepare: [{impute: median}, {scale: standard, columns: [hour]},"
        " {encode: one_hot, columns: [kind]}]\n"
    )

    assert spec.as_data() == [
        {"impute": "median"},
        {"scale": "standard", "columns": ["hour"]},
        {"encode": "one_hot", "columns": ["kind"]},
    ]
    assert prepared("detector: {prepare: }\n") == PreparationSpec()


def test_every_fault_of_the_short_spelling_has_its_line() -> None:
    text = """\
detector:
  prepare:
    - impute: meen
    - scale: log
      columns: [hour, hour]
    - encodes: one_hot
"""
    assert faults(prepared, text) == [
        (3, "detector.prepare[0].impute", "did you mean 'mean'?"),
        (5, "detector.prepare[1].columns[1]", ""),
        (6, "detector.prepare[2]", "did you mean 'encode'?"),
    ]
    text = """\
detector:
  prepare:
    - {impute: mean, columns: [huor]}
    - scale: standard
      columns: [hour, kind]
"""
    assert faults(prepared, text) == [
        (3, "detector.prepare[0].columns[0]", "did you mean 'hour'?"),
        (5, "detector.prepare[1].columns[1]", ""),
    ]
    assert faults(prepared, "detector: {prepare: median}\n") == [(1, "detector.prepare", "")]


def test_the_other_systems_spelling_loads_as_it_stands() -> None:
    features, spec = expanded(AS_IT_STANDS)

    assert spec.as_data() == [{"impute": "mean"}, {"scale": "standard"}]
    assert [feature["name"] for feature in features] == [
        f"user_{what}_{window}"
        for window in ("1h", "24h", "7d")
        for what in ("amount_mean", "amount_std", "fee_mean", "fee_std", "count")
    ]
    assert features[0] == {
        "name": "user_amount_mean_1h",
        "describe": "mean of amount of this user within 1h, with this event",
        "entity": "user",
        "aggregate": "mean",
        "of": "amount",
        "window": "1h",
        "include_current": True,
    }
    assert "of" not in features[4]


def test_what_is_expanded_are_declarations_that_features_are_read_from() -> None:
    features, _ = expanded(AS_IT_STANDS)
    document = Document("s.yaml", {"features": features})

    read = read_features(document, FIELDS, ENTITIES, "UTC")

    document.finish()
    assert [feature.name for feature in read] == [feature["name"] for feature in features]
    windows = [feature.window for feature in read if feature.window is not None]
    assert {window.window_us // 3_600_000_000 for window in windows} == {1, 24, 168}
    assert all(window.include_current and window.entity_column == "user_id" for window in windows)


def test_a_target_and_an_entity_may_be_named_in_either_way() -> None:
    features, _ = expanded(
        window(
            "entity_key: user\nwindows: [90m]\n"
            "aggregations: [avg, nunique, count, max]\ntarget: [items, card]"
        )
    )

    assert [(feature["name"], feature.get("of")) for feature in features] == [
        ("user_items_mean_90m", "items"),
        ("user_items_max_90m", "items"),
        ("user_card_distinct_90m", "card"),
        ("user_count_90m", None),
    ]
    features, _ = expanded(
        window("entity_key: user_id\nwindows: [1h]\naggregations: [sum]\ntarget: fee\ninclude_current: false")
    )
    assert [(feature["name"], feature["include_current"]) for feature in features] == [
        ("user_fee_sum_1h", False)
    ]


def test_a_count_needs_no_field_to_count() -> None:
    text = window("entity_key: user_id\nwindows: [1h]\naggregations: [count]")
    only_texts = tuple(field for field in FIELDS if field.type.is_text)

    assert [feature["name"] for feature in expanded(text, only_texts)[0]] == ["user_count_1h"]
    targeted = expanded(text + "    target: amount\n")[0]
    assert [feature["name"] for feature in targeted] == ["user_count_1h"]


def test_configs_of_steps_are_read_with_their_usual_values() -> None:
    _, spec = expanded(
        """\
transformations:
- {type: imputation}
- {type: imputation, config: {strategy: constant, fill_value: -1, indicator: true, columns: [a]}}
- {type: scaling, config: {method: minmax}}
- {type: encoding, config: {method: target, smoothing: 5, columns: [k]}}
- {type: scaling}
"""
    )

    assert spec.as_data() == [
        {"impute": "mean"},
        {"impute": "constant", "columns": ["a"], "value": -1.0, "indicator": True},
        {"scale": "min_max"},
        {"encode": "target", "columns": ["k"], "smoothing": 5.0},
        {"scale": "standard"},
    ]


def test_every_fault_of_steps_has_its_line_and_its_own_words() -> None:
    text = """\
transformations:
- type: imputaton
- type: imputation
  config:
    strategy: most_frequent
- type: imputation
  config:
    strategy: constant
    fill_value: none
- type: scaling
  config: {strategy: standard}
- type: scaling
  config:
    method: standard
    scale: robust
- type: encoding
- type: imputation
  config: {strategy: constant, value: 1, fill_value: 2}
- type: scaling
  config: [standard]
- type: encoding
  config:
    method: ordinal
    columns: [a, a]
- 7
"""
    assert faults(expanded, text) == [
        (2, "transformations[0].type", "did you mean 'imputation'?"),
        (5, "transformations[1].config.strategy", ""),
        (9, "transformations[2].config.fill_value", ""),
        (11, "transformations[3].config.strategy", ""),
        (15, "transformations[4].config.scale", ""),
        (16, "transformations[5].config.method", ""),
        (18, "transformations[6].config.fill_value", ""),
        (20, "transformations[7].config", ""),
        (24, "transformations[8].config.columns[1]", ""),
        (25, "transformations[9]", ""),
        (25, "transformations[9].type", ""),
    ]
    assert faults(expanded, "transformations: {type: scaling}\n") == [(1, "transformations", "")]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", [(3, "entity_key", ""), (3, "windows", ""), (3, "aggregations", "")]),
        (
            "entity_key: usr\nwindows: [1h, 1h, 91d, 1 hour]\n"
            "aggregations: [mean, mean, meen, last]\nwindow: 1h",
            [
                (4, "entity_key", "did you mean 'user'?"),
                (5, "windows[1]", ""),
                (5, "windows[2]", ""),
                (5, "windows[3]", ""),
                (6, "aggregations[2]", "did you mean 'mean'?"),
                (6, "aggregations[1]", ""),
                (6, "aggregations[3]", ""),
                (7, "window", "did you mean 'windows'?"),
            ],
        ),
        (
            "entity_key: card\nwindows: [1h]\naggregations: [mean]",
            [(4, "entity_key", "write entity: card in the declaration of the field card")],
        ),
        (
            "entity_key: user\nwindows: [1h]\naggregations: [mean]\ntarget: [amuont, paid, card]",
            [
                (6, "aggregations", ""),
                (7, "target", "did you mean 'amount'?"),
                (7, "target", ""),
            ],
        ),
        ("entity_key: user\nwindows: [1h]\naggregations: [distinct]", [(6, "aggregations", "")]),
        ("entity_key: user\nwindows: [1h]\naggregations: [distinct]\ntarget: fee", [(6, "aggregations", "")]),
        (
            "entity_key: user\nwindows: [1h]\naggregations: [mean]\ninclude_current: 'yes'",
            [(7, "include_current", "")],
        ),
    ],
)
def test_every_fault_of_an_aggregation_has_its_line(
    config: str, expected: list[tuple[int, str, str]]
) -> None:
    place = "transformations[0].config."
    found = [
        (line, where.removeprefix(place), hint) for line, where, hint in faults(expanded, window(config))
    ]
    assert sorted(found) == sorted(expected)


def test_numbers_to_aggregate_must_be_there() -> None:
    text = window("entity_key: user\nwindows: [1h]\naggregations: [mean]")
    only_texts = tuple(field for field in FIELDS if field.type.is_text)

    with pytest.raises(ScenarioInvalid, match="a target, or a money or number field"):
        expanded(text, only_texts)


def test_the_same_aggregation_twice_is_a_fault() -> None:
    once = window("entity_key: user\nwindows: [1h]\naggregations: [mean]\ntarget: fee")
    again = once + once.removeprefix("transformations:\n")

    assert faults(expanded, again) == [(9, "transformations[1].config", "")]


def test_columns_of_steps_are_checked_when_the_features_are_known() -> None:
    text = """\
transformations:
- type: time_window_aggregation
  config: {entity_key: user_id, windows: [1h], aggregations: [count]}
- type: scaling
  config:
    method: log
    columns: [hour, amuont_z]
- type: imputation
  config: {columns: [kind]}
"""
    document = read_document(text, "s.yaml")
    _, spec = expand_transformations(document, FIELDS, ENTITIES)
    check_transformations(document, spec, NAMES, CATEGORIES)

    assert faults(document.finish) == [
        (7, "transformations[1].config.columns[1]", "did you mean 'amount_z'?"),
        (9, "transformations[2].config.columns[0]", ""),
    ]
    sound = Document("s.yaml", {})
    check_transformations(sound, PreparationSpec(), NAMES, CATEGORIES)
    sound.finish()
