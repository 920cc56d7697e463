"""Whatever stands in a scenario's file: a scenario or `ScenarioInvalid`, soon, and never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from riskloom.errors import Fault, ScenarioInvalid
from riskloom.scenario.load import load_scenario
from riskloom.scenario.read_yaml import read_document
from support.scenarios import SMALL

LINES = SMALL.splitlines()
JUNK = [
    "", "~", "3", "-1", "1e400", "9" * 5000, "0x" + "f" * 5000, ".nan", ".inf", "!!float 1e999",
    "!!int abc", "!!bool maybe",
    "!!binary '*'", "!!python/object:os.system x", "!!set {a}", "!!timestamp x", "!x y", "&a [*a]", "*b",
    "{a: 1, a: 2}",
    "[[]]", "{? [a] : b}", "<<: {a: 1}", "'\\0'", '"\\0"', '"\\ud800"', '"\\U00110000"', "1:99:99",
    "2024-01-01", "no",
    "- a\n  - b", "\t", "%YAML 9.9", "---", "...", "{", "}", "''", "'", '"', "|", ">-", "é", "\u2028",
    "\x07", "{" * 300,
    "[" * 400, "a: " * 50, "-" * 50, "x" * 5000,
]  # fmt: skip

lines = st.one_of(
    st.sampled_from(JUNK),
    st.sampled_from(LINES),
    st.text(max_size=30),
    st.tuples(
        st.sampled_from(["rules", "event", "features", "policy", "detector", "rates"]), st.sampled_from(JUNK)
    ).map(lambda pair: f"{pair[0]}: {pair[1]}"),
)


def load(text: str) -> None:
    """Load a scenario's text from a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scenario.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        faults: tuple[Fault, ...] = ()
        try:
            load_scenario(folder).fingerprint()
        except ScenarioInvalid as error:
            faults = error.faults
        assert all(fault.file and fault.expected for fault in faults)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_scenario_with_lines_changed_loads_or_is_invalid(data: st.DataObject) -> None:
    text = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        how = data.draw(st.sampled_from(["replace", "value", "drop", "double"]))
        if how == "replace":
            text[at] = data.draw(lines)
        elif how == "value":
            text[at] = text[at].partition(":")[0] + ": " + data.draw(st.sampled_from(JUNK))
        elif how == "drop":
            del text[at]
        else:
            text.insert(at, text[at])
    load("\n".join(text))


@settings(deadline=None, max_examples=100)
@given(st.lists(lines, max_size=12).map("\n".join))
@example("&a [*a]")
@example("a: &a {b: *a}")
@example("a: [&x [1], *x]")
def test_any_text_loads_or_is_invalid(text: str) -> None:
    load(text)


@pytest.mark.parametrize(
    "key", ["scenario", "event", "features", "detector", "rules", "policy", "rates", "timezone"]
)
def test_junk_for_a_section_is_invalid_or_harmless(key: str) -> None:
    for junk in JUNK:
        load(f"event: {{fields: {{event_id: string}}}}\n{key}: {junk}\n")


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 60))
    document = read_document(text, "bomb.yaml")
    assert "an alias" in str(document.faults[0])
    assert len(str(document.data)) < 20_000


def test_every_duplicate_key_is_named_with_its_line() -> None:
    document = read_document("a: 1\nb: {c: 1, c: 2}\na: 2\n", "twice.yaml")
    assert [(fault.where, fault.line) for fault in document.faults] == [("b.c", 2), ("a", 3)]


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**62), 2**62),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8", exclude_characters="\0\x85"), max_size=10),  # YAML folds \x85
    ),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=5), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(values)
def test_plain_values_are_read_as_yaml_writes_them(value: object) -> None:
    document = read_document(yaml.safe_dump(value, allow_unicode=True), "plain.yaml")
    assert document.faults == []
    assert document.data == value
    assert not any(line < 1 for line in document.lines.values())
