"""From a history to a bundle: what was known at each event, seeded, with what it takes to repeat it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.domain.columns import Labelled
from riskloom.domain.event import Event, decode_json
from riskloom.errors import DataInvalid
from riskloom.model import QUANTILES
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.stream import without_labels
from riskloom.training import fit
from riskloom.training.history import compute_features, unlabelled
from riskloom.training.train import train
from support.events import NOW_US, history
from support.small import small_scenario


def cards(**detector: object) -> Scenario:
    """Card payments with a small forest."""
    parts = dict(load_scenario("card_payments").parts)
    return scenario_from_parts(
        {**parts, "model": {"detector": {"parameters": {"trees": 10, "max_samples": 64}, **detector}}}
    )


def events_of(scenario: Scenario, count: int = 150) -> list[Event]:
    """Simulated payments, read."""
    import msgspec

    schema = scenario.schema()
    return [
        schema.parse_one(decode_json(msgspec.json.encode(row)), NOW_US, make_id=str) for row in history(count)
    ]


def chunked(events: Sequence[Event], size: int) -> list[list[Labelled]]:
    """In pieces, of which nobody knows what they turned out to be."""
    pieces = [events[start : start + size] for start in range(0, len(events), size)]
    return list(without_labels(pieces))


def train_bundle(scenario: Scenario, chunks: Sequence[Sequence[Labelled]], **more: Any) -> Bundle:
    """The bundle of the scenario's own model."""
    return train(scenario, chunks, **more).bundle


def test_the_same_history_and_seed_give_the_same_bundle() -> None:
    scenario = cards()
    events = events_of(scenario)
    seen: list[int] = []
    trees: list[tuple[int, int]] = []
    first = train_bundle(
        scenario, chunked(events, 500), seed=1, about={"source": "x"}, on_events=seen.append,
        progress=lambda _name, done, total: trees.append((done, total)),
    )  # fmt: skip
    again = train_bundle(scenario, chunked(events, 37), seed=1, about={"source": "x"})
    other = train_bundle(scenario, chunked(events, 500), seed=2, about={"source": "x"})
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.model is not None
    assert again.model is not None
    assert first.model.info == again.model.info
    assert first.model.info["trained_rows"] == 150
    assert first.model.info["source"] == "x"
    assert seen == [150]
    assert trees[-1] == (10, 10)


def test_a_vector_holds_what_was_known_when_its_event_arrived() -> None:
    scenario = cards()
    events = events_of(scenario)
    bundle = make_bundle(scenario, None)
    whole = np.concatenate(
        [vectors for _, vectors in compute_features(Pipeline(bundle), chunked(events, 40))]
    )
    half = np.concatenate(
        [vectors for _, vectors in compute_features(Pipeline(bundle), chunked(events[:75], 75))]
    )
    assert whole[:75].tobytes() == half.tobytes()


def test_chunks_are_counted_on_as_one_history() -> None:
    scenario = cards()
    events = events_of(scenario)
    pipeline, other = Pipeline(make_bundle(scenario, None)), Pipeline(make_bundle(scenario, None))
    list(compute_features(pipeline, chunked(events, 40)))
    other.compute_many(events, 1)
    evidence = []
    for each in (pipeline, other):
        each.look_one(events[-1])
        evidence.append(each.state.evidence_one(scenario.feature_names.index("user_tx_count_30d"), 1_000))
    assert evidence[0] == evidence[1]
    assert len(set(evidence[0])) == len(evidence[0]) > 3


def test_a_detector_may_look_at_some_features_only() -> None:
    scenario = cards(features=["speed_kmh", "user_tx_count_1h"])
    model = train_bundle(scenario, chunked(events_of(scenario), 500), seed=1, about={}).model
    assert model is not None
    assert model.features == ("speed_kmh", "user_tx_count_1h")
    assert model.usual.shape == (2, len(QUANTILES))


def test_too_few_events_are_refused() -> None:
    scenario = cards()
    events = events_of(scenario, 99)
    for chunks in ([], chunked(events, 500), [[]]):
        with pytest.raises(DataInvalid, match="at least 100 events"):
            train_bundle(scenario, chunks, seed=1, about={})


def test_usual_values_are_quantiles_of_what_is_there() -> None:
    scenario = small_scenario()
    vectors = np.random.default_rng(0).normal(size=(400, len(scenario.feature_names)))
    vectors[:, 3] = np.nan
    vectors[::2, 5] = np.nan
    model = fit.fit_model(unlabelled(vectors), scenario, seed=1)
    assert np.isnan(model.usual[3]).all()
    assert model.usual[5].tolist() == np.quantile(vectors[1::2, 5], QUANTILES).tolist()
    assert model.info["features_sha256"] == scenario.fingerprint("features")


def test_the_risk_score_refers_to_an_even_draw_of_very_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "REFERENCE_ROWS", 50)
    chosen = fit.reference_rows(1_000, 3)
    assert chosen is not None
    assert len(set(chosen.tolist())) == 50
    assert chosen.tolist() == sorted(chosen.tolist())
    assert fit.reference_rows(50, 3) is None


def test_scores_above_the_percentile_are_flagged_and_no_others() -> None:
    scenario = cards()
    events = events_of(scenario, 400)
    bundle = train_bundle(scenario, chunked(events, 500), seed=1, about={})
    batch = Pipeline(bundle).score_many(events, 1)
    assert batch.risk_scores is not None
    share = float((batch.risk_scores >= 98).mean())
    assert 0.0 < share <= 0.021


def test_without_the_training_library_the_extra_is_named() -> None:
    program = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from riskloom.errors import ExtraMissing
from riskloom.scenario.load import load_scenario
from riskloom.training.fit import fit_model
from riskloom.training.history import unlabelled
scenario = load_scenario("card_payments")
try:
    fit_model(unlabelled(np.zeros((200, len(scenario.features)))), scenario, seed=1)
except ExtraMissing as error:
    print(error.code, error.extra)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["extra_missing", "train"]
