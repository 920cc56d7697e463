"""Writes a guess down as scenario.yaml and rules.yaml, with the reason beside each line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import yaml

from riskloom.domain.field import FieldType
from riskloom.training.guess.fields import FeatureGuess, FieldGuess, RuleGuess
from riskloom.training.guess.guess import Guess

DEFAULT_WINDOW = "90d"
WIDTH = 100


def render_scenario(guess: Guess, *, name: str, file: str) -> str:
    """The text of scenario.yaml for a file of this name."""
    lines = [
        f"# Guessed from the first {guess.rows:,} rows of {_comment(file)}. Every line can be changed;",
        "# `riskloom scenario check DIR` then names what does not fit.",
        f"scenario: {name}",
        f"describe: {_text(f'Events as in {file}; declared by guess, to be corrected.')}",
        f"base_currency: {guess.base_currency}{_currency_note(guess)}",
        "timezone: UTC               # of hour() and weekday()",
        "max_lateness: 7d            # an event later than this is decided without its history",
        "unknown_fields: ignore      # what is left out may be sent along; refuse catches misspelt names",
        "",
        "event:",
        *_event(guess),
        "",
        "features:",
        *_features(guess.features),
        "",
        *_detector(guess),
        "",
        "rules: rules.yaml",
        *(
            ("rates: rates.yaml           # replace its rounded averages by your own rates",)
            if guess.converts
            else ()
        ),
        "",
        "policy:",
        f"  percentile: {guess.percentile:g}          # {_policy_note(guess)}",
    ]
    return "\n".join(lines) + "\n"


def render_rules(guess: Guess) -> str:
    """The text of rules.yaml."""
    lines = [
        "# Reasons, in sentences, with examples that are run when the scenario is loaded.",
        "# action watch: a reason beside others; flag: a person looks; reject: refused.",
    ]
    if not guess.rules:
        column = next((field.name for field in guess.fields if field.learned), "x")
        lines += [
            "# None was guessed: nothing says when, who or how much. One looks like this:",
            "#",
            "# - code: TOO_HIGH",
            f"#   when: {column} > 3",
            "#   severity: medium",
            "#   action: flag",
            '#   message: "{value} is more than usual"',
            f"#   value: {column}",
            "#   examples:",
            f"#     - hit: {{{column}: 4}}",
            f"#     - miss: {{{column}: 3}}",
            "[]",
        ]
    for rule in guess.rules:
        lines += _rule(rule)
    return "\n".join(lines) + "\n"


def _event(guess: Guess) -> Iterable[str]:
    made = next(field for field in guess.fields if field.role == "id")
    yield f"  id: {_name(made.name)}"
    if guess.time:
        yield f"  time: {_name(guess.time)}"
    elif guess.counter is not None:
        counter = guess.counter
        yield f"  # no time: {counter.column} counts {counter.words}; events happen when they arrive"
    else:
        yield "  # no time: events happen when they arrive"
    yield from _label(guess)
    yield "  fields:"
    width = max(len(field.name) for field in guess.fields) + 1
    written = [
        (f"    {field.name + ':':<{width}} {_field(field)}", _field_note(field)) for field in guess.fields
    ]
    column = min(max(len(line) for line, _ in written), WIDTH) + 2
    for line, note in written:
        yield f"{line:<{column}}# {note}"
    if guess.left_out:
        yield "  # left out of the event, and never learned from:"
        for left in guess.left_out:
            yield f"  #   {_comment(left.column)}: {_comment(left.why)}"


def _label(guess: Guess) -> Iterable[str]:
    if guess.label is None:
        yield "  # label: the column of a file that says what was fraud, as 0 and 1; none was found"
    elif not guess.label.ready:
        yield f"  # label: {_comment(guess.label.column)}, but it does not say yes or no in every row"
    else:
        column = guess.label.column
        seen = f"{guess.label.frauds:,} frauds, {guess.label.share:.3%} of the rows that were looked at"
        written = _name(column) if column.isidentifier() else _text(column)
        yield f"  label: {written}    # {_comment(guess.label.why)}; {seen}"
        if guess.label_delay:
            yield f"  label_delay: {guess.label_delay}    # assumed: a label is known so long after its event"


def _field(field: FieldGuess) -> str:
    said: dict[str, str] = {"type": field.type.value}
    if field.type is FieldType.NUMBER:
        said["decimals"] = str(field.decimals)
        if not field.signed:
            said["signed"] = "false"
    if field.type is FieldType.MONEY:
        if field.currency_field:
            said["currency_field"] = _name(field.currency_field)
        if field.signed:
            said["signed"] = "true"
    if field.type is FieldType.TIME and field.timezone:
        said["timezone"] = field.timezone
    if field.entity:
        said["entity"] = field.entity
    if field.pii:
        said["pii"] = "true"
    if not field.required:
        said["required"] = "false"
    return "{" + ", ".join(f"{key}: {value}" for key, value in said.items()) + "}"


def _field_note(field: FieldGuess) -> str:
    return _comment(field.why + (f" ({field.change})" if field.change else ""))


def _features(features: Sequence[FeatureGuess]) -> Iterable[str]:
    for group, members in groupby(features, key=lambda feature: feature.group):
        yield f"  # {group}"
        for feature in members:
            yield f"  - {{{_feature(feature)}}}"


def _feature(feature: FeatureGuess) -> str:
    said: dict[str, str] = {"name": feature.name}
    if feature.expression:
        said["expression"] = _text(feature.expression)
    elif feature.category:
        said["category"] = _name(feature.category)
    else:
        said |= {"entity": feature.entity, "aggregate": feature.aggregate}
        if feature.of:
            said["of"] = (
                _name(feature.of[0]) if len(feature.of) == 1 else f"[{', '.join(map(_name, feature.of))}]"
            )
        if feature.window:
            said["window"] = feature.window
    said["describe"] = _text(feature.describe)
    return ", ".join(f"{key}: {value}" for key, value in said.items())


def _detector(guess: Guess) -> Iterable[str]:
    yield "# needs no label"
    if guess.trains_with_label:
        yield "# `riskloom train --detector isolation_forest,lightgbm` adds one that learns from it"
    yield "detector:"
    yield "  kind: isolation_forest"
    yield "  parameters: {trees: 200, max_samples: 256}"
    yield "  # features: [...]         # which of the features above it sees; all of them without this line"


def _rule(rule: RuleGuess) -> Iterable[str]:
    if rule.note:
        yield f"# {rule.note}"
    yield f"- code: {rule.code}"
    yield f"  when: {rule.when}"
    yield f"  severity: {rule.severity}"
    yield f"  action: {rule.action}"
    yield f"  message: {_text(rule.message)}"
    yield f"  value: {_name(rule.value)}"
    if rule.usual:
        yield f"  usual: {rule.usual}"
    if rule.evidence:
        yield f"  evidence: {rule.evidence}"
    yield "  examples:"
    yield f"    - hit: {_flow(rule.hit)}"
    yield f"    - miss: {_flow(rule.miss)}"
    yield ""


def _flow(values: Mapping[str, int]) -> str:
    return "{" + ", ".join(f"{_name(key)}: {value!r}" for key, value in values.items()) + "}"


def _currency_note(guess: Guess) -> str:
    if guess.currencies:
        return ""
    return "          # assumed: the file names no currency" if guess.amount else ""


def _policy_note(guess: Guess) -> str:
    if guess.label is not None and guess.label.frauds:
        return "the model flags about as many events as the label calls fraud (from 0.1 % to 10 %)"
    return f"the model flags what is more suspicious than {guess.percentile:g} % of the training reference"


def _text(text: str) -> str:
    """Text as YAML takes it on one line, without signs that it refuses."""
    return json.dumps(_comment(text), ensure_ascii=False)


def _name(name: str) -> str:
    """A name as YAML takes it for text: `on` and `null` mean something else there."""
    return name if yaml.safe_load(name) == name else _text(name)


def _comment(text: str) -> str:
    """Text that stays within its comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
