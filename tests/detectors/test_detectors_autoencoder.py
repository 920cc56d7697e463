"""The autoencoder equals PyTorch's pass, its parts add up, gaps add nothing, and training keeps its word."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

from riskloom.detectors import autoencoder, autoencoder_fit, autoencoder_kernel
from riskloom.detectors.autoencoder import Autoencoder
from riskloom.detectors.checks import edges, marks, one_and_many_agree, sample
from riskloom.detectors.standardise import Standard
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, ParameterInvalid

QUICK = {"epochs": 3, "batch_size": 64}


def drawn_by_chance(width: int = 6, hidden: tuple[int, ...] = (16, 8, 16), tanh: bool = True) -> Autoencoder:
    """A network that nobody trained, over the columns of `sample`; needs no PyTorch."""
    chance = np.random.default_rng(width)
    standard, _ = Standard.fit(sample(1, width=max(width, 6))[:, :width])
    sizes = np.array([width, *hidden, width])
    count = int(((sizes[:-1] + 1) * sizes[1:]).sum())
    return Autoencoder(standard, chance.uniform(0.1, 2, width), chance.normal(0, 0.4, count), sizes, tanh)


@pytest.fixture(scope="module")
def network() -> Autoencoder:
    return drawn_by_chance()


def layers_of(model: Autoencoder) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weights [inputs, outputs], biases) of each layer, read back from the arrays."""
    at, layers = 0, []
    for inputs, outputs in zip(model.sizes, model.sizes[1:], strict=False):
        weight = model.weight[at : at + inputs * outputs].reshape(inputs, outputs)
        layers.append((weight, model.weight[at + inputs * outputs : at + (inputs + 1) * outputs]))
        at += (inputs + 1) * outputs
    return layers


def by_definition(model: Autoencoder, X: np.ndarray) -> np.ndarray:
    """What each feature of each row adds, in numpy."""
    z = np.clip(model.standard.apply(X), -1e6, 1e6)
    a = z
    for at, (weight, bias) in enumerate(layers := layers_of(model)):
        a = a @ weight + bias
        if at < len(layers) - 1:
            a = np.tanh(a) if model.tanh else np.maximum(a, 0)
    return np.where(np.isnan(X), 0.0, ((z - a) / model.usual) ** 2) / X.shape[1]


def with_gaps(seed: int, width: int = 6) -> np.ndarray:
    X = sample(seed, width=max(width, 6))[:, :width]
    X[np.random.default_rng(seed).random(X.shape) < 0.2] = np.nan
    return np.vstack([X, edges(X)])


@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize(("width", "hidden"), [(6, (16, 8, 16)), (1, (1,)), (7, (5, 3, 2, 9)), (2, (33, 1))])
def test_the_score_is_the_mean_of_squared_residuals_over_the_usual_ones(
    width: int, hidden: tuple[int, ...], tanh: bool
) -> None:
    model = drawn_by_chance(width, hidden, tanh)
    rows = with_gaps(2, width)

    expected = by_definition(model, rows)

    assert np.allclose(model.score_many(rows), expected.sum(axis=1), rtol=1e-12, atol=1e-12)
    parts = np.array([model.contributions_one(x)[1] for x in rows])
    assert np.allclose(parts, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_it_equals_pytorch_s_pass_over_the_same_weights(activation: str) -> None:
    torch: Any = importlib.import_module("torch")
    X = sample(2)
    model = Autoencoder.fit(X, seed=1, parameters={**QUICK, "activation": activation})
    steps: list[Any] = []
    for weight, bias in layers_of(model):
        linear = torch.nn.Linear(*weight.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(weight.T.copy()), torch.tensor(bias.copy())
        steps += [linear, torch.nn.Tanh() if activation == "tanh" else torch.nn.ReLU()]
    rows = np.vstack([X, edges(X)])
    z = torch.from_numpy(model.standard.apply(rows))
    with torch.no_grad():
        off = ((z - torch.nn.Sequential(*steps[:-1])(z)).numpy() / model.usual) ** 2

    expected = np.where(np.isnan(rows), 0.0, off).mean(axis=1)
    assert np.allclose(model.score_many(rows), expected, rtol=1e-12, atol=1e-6)


def test_no_scaled_value_is_farther_than_a_million() -> None:
    model = drawn_by_chance()
    steep = Autoencoder.from_arrays(model.arrays() | {"scale": np.full(6, 1e-9)})
    rows = sample(2)[:20]

    assert np.abs(steep.standard.apply(rows)).max() > 1e7
    assert np.allclose(steep.score_many(rows), by_definition(steep, rows).sum(axis=1), rtol=1e-12)


def test_the_parts_add_up_to_the_score(network: Autoencoder) -> None:
    for x in with_gaps(3):
        base, parts = network.contributions_one(x)
        assert base == 0.0
        assert parts.sum() == pytest.approx(network.score_one(x), rel=1e-12, abs=1e-15)


def test_the_hyperbolic_tangent_is_the_library_s() -> None:
    values = np.concatenate([np.linspace(-30, 30, 60_001), np.logspace(-300, 3, 999), [0.0, np.inf, -np.inf]])
    expected = np.tanh(values)

    autoencoder_kernel._bend(values, values.size, True)

    assert np.allclose(values, expected, rtol=2e-15, atol=0)
    assert np.abs(values).max() <= 1.0


def test_the_laws_of_rows_hold_for_gaps_and_edges(network: Autoencoder) -> None:
    one_and_many_agree(network, with_gaps(4))


def test_a_gap_adds_nothing_and_is_the_median_to_the_others(network: Autoencoder) -> None:
    gap = sample(1)[5]
    filled = gap.copy()
    gap[1], filled[1] = np.nan, network.standard.fill[1]
    parts, of_filled = network.contributions_one(gap)[1], network.contributions_one(filled)[1]

    assert parts[1] == 0.0 < of_filled[1]
    assert np.array_equal(np.delete(parts, 1), np.delete(of_filled, 1))
    assert network.score_one(np.full(6, np.nan)) == 0.0


def test_one_wild_value_makes_a_high_score_and_a_finite_one(network: Autoencoder) -> None:
    X = sample(1)
    wild = np.repeat(X[:1], 4, axis=0)
    wild[1:, 1] = np.inf, 1e300, network.standard.upper[1]

    ordinary, *high = network.score_many(wild)

    assert high[0] == high[1] == high[2]
    assert 5 * ordinary < high[0] < np.inf


@pytest.mark.torch
def test_a_row_that_breaks_what_ties_features_together_is_strange() -> None:
    chance = np.random.default_rng(0)
    half = chance.normal(size=(2_000, 2))
    X = np.hstack([half, half + 0.1 * chance.normal(size=half.shape)])
    model = Autoencoder.fit(X, seed=0, parameters={"widths": "8,2,8", "epochs": 100})

    odd = model.score_one(np.array([1.5, 0.0, -1.5, 0.0]))

    assert odd > np.quantile(model.score_many(X), 0.99)
    assert model.contributions_one(np.array([1.5, 0.0, -1.5, 0.0]))[1].argmax() in (0, 2)


@pytest.mark.torch
def test_ordinary_features_have_a_usual_residual_of_one_and_constants_add_nothing() -> None:
    X = sample(1)
    model = Autoencoder.fit(X, seed=0, parameters=QUICK)
    parts = np.array([model.contributions_one(x)[1] for x in X]) * 6

    assert np.allclose(parts.mean(axis=0)[[0, 1, 2, 3, 5]], 1.0)
    assert model.usual[4] == np.inf
    assert not parts[:, 4].any()
    odd = X[0].copy()
    odd[4] = 1e6
    assert model.score_one(odd) == model.score_one(X[0])


@pytest.mark.torch
def test_training_on_honest_rows_never_sees_the_others() -> None:
    X = sample(1)
    labels = marks(X)
    honest = labels == 0
    given = {**QUICK, "learn_from": "honest"}

    model = Autoencoder.fit(X, seed=2, parameters=given, labels=labels, holdout=(X, labels))
    alone = Autoencoder.fit(X[honest], seed=2, parameters=QUICK, holdout=(X[honest], labels[honest]))
    everybody = Autoencoder.fit(X, seed=2, parameters=QUICK, labels=labels, holdout=(X, labels))

    assert all(np.array_equal(array, alone.arrays()[name]) for name, array in model.arrays().items())
    assert not np.array_equal(model.weight, everybody.weight)


def test_of_later_rows_too_the_honest_ones_alone_are_looked_at() -> None:
    X, labels = sample(1), marks(sample(1))
    X[0, 1] = np.nan
    standard, _ = Standard.fit(X)

    for honest, wanted in ((True, X[labels == 0]), (False, X)):
        later = autoencoder._later(standard, (X, labels), honest)
        assert later is not None
        assert np.array_equal(later.rows, standard.apply(wanted))
        assert np.array_equal(later.known, ~np.isnan(wanted))
    with pytest.raises(DataInvalid, match="holdout: expected 500 labels"):
        autoencoder._later(standard, (X, np.ones(500)), True)


@pytest.mark.torch
@pytest.mark.parametrize("labels", [None, np.zeros(3), np.full(500, 0.5), np.ones(500)])
def test_honest_rows_need_labels_that_name_some(labels: np.ndarray | None) -> None:
    with pytest.raises(DataInvalid, match="500 labels"):
        Autoencoder.fit(sample(1), seed=0, parameters={"learn_from": "honest"}, labels=labels)


@pytest.mark.torch
def test_training_ends_when_later_rows_stop_improving_and_takes_the_best() -> None:
    X = sample(1)
    later = np.random.default_rng(5).normal(size=(200, 6)) * 3
    told: list[tuple[int, int]] = []
    given = {"epochs": 300, "patience": 2, "learning_rate": 0.03}

    model = Autoencoder.fit(
        X, seed=4, parameters=given, holdout=(later, np.zeros(200)), progress=lambda *step: told.append(step)
    )

    looked = told[-2][0]
    assert looked < 300
    assert told == [(epoch, 300) for epoch in range(looked + 1)] + [(300, 300)]
    best = Autoencoder.fit(X, seed=4, parameters=given | {"epochs": looked - 2})
    assert np.array_equal(model.weight, best.weight)


@pytest.mark.torch
def test_without_later_rows_every_epoch_is_run() -> None:
    X = sample(1)
    told: list[tuple[int, int]] = []
    empty = (np.zeros((0, 6)), np.zeros(0))

    for holdout in (None, empty):
        told.clear()
        Autoencoder.fit(X, seed=0, parameters=QUICK, holdout=holdout, progress=lambda *s: told.append(s))
        assert told == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 3)]


@pytest.mark.torch
def test_values_missing_in_training_teach_nothing_about_them() -> None:
    X = sample(1)
    X[:250, 1] = np.nan
    filled = X.copy()
    filled[:250, 1] = np.nanmedian(X[:, 1])

    gaps, without = (Autoencoder.fit(rows, seed=0, parameters=QUICK) for rows in (X, filled))

    assert np.array_equal(gaps.standard.center, without.standard.center)
    assert not np.array_equal(gaps.weight, without.weight)
    known = [gaps.contributions_one(x)[1][1] * 6 for x in X[250:]]
    assert np.mean(known) == pytest.approx(1.0)


@pytest.mark.torch
def test_training_leaves_the_generator_and_the_threads_of_pytorch_alone() -> None:
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(3)
    expected = torch.rand(2)
    threads = torch.get_num_threads()
    torch.manual_seed(3)

    torch.set_num_threads(2)
    try:
        two = Autoencoder.fit(sample(1), seed=7, parameters=QUICK)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)

    assert torch.equal(torch.rand(2), expected)
    assert np.array_equal(two.weight, Autoencoder.fit(sample(1), seed=7, parameters=QUICK).weight)


@pytest.mark.torch
def test_another_seed_draws_another_network() -> None:
    one, other = (Autoencoder.fit(sample(1), seed=seed, parameters=QUICK) for seed in (0, 1))

    assert not np.array_equal(one.weight, other.weight)


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"), [(1, 256, 200), (500, 256, 200), (12_800, 256, 10), (67_000, 256, 5)]
)
def test_few_rows_are_looked_at_more_often(rows: int, batch: int, epochs: int) -> None:
    assert autoencoder._epochs(rows, batch) == epochs


@pytest.mark.parametrize("widths", ["", "16,,8", "0", "1025", "-3", "8;4", "1.5", "1,1,1,1,1,1,1,1,1", "٣"])
def test_widths_that_are_none_are_refused(widths: str) -> None:
    with pytest.raises(ParameterInvalid, match="like '16,8,16'"):
        Autoencoder.fit(sample(1), seed=0, parameters={"widths": widths})


@pytest.mark.torch
def test_widths_make_the_layers() -> None:
    model = Autoencoder.fit(sample(1), seed=0, parameters={**QUICK, "widths": " 5, 3 "})

    assert model.sizes.tolist() == [6, 5, 3, 6]


@pytest.mark.parametrize(
    "parameters", [{"epochs": -1}, {"learning_rate": 0}, {"activation": "sigmoid"}, {"learn_from": "fraud"}]
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ParameterInvalid, match=next(iter(parameters))):
        Autoencoder.fit(sample(1), seed=1, parameters=parameters)


@pytest.mark.parametrize("X", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]])])
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        Autoencoder.fit(X, seed=1)


@pytest.mark.torch
def test_weights_that_grow_without_end_are_refused_and_name_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoencoder_fit, "HEAVIEST", 1e-3)

    with pytest.raises(ParameterInvalid, match="learning_rate"):
        Autoencoder.fit(sample(1), seed=0, parameters=QUICK)


@pytest.mark.torch
def test_a_holdout_of_another_width_is_refused() -> None:
    with pytest.raises(DataInvalid, match="rows of 6 features"):
        Autoencoder.fit(sample(1), seed=0, parameters=QUICK, holdout=(np.zeros((3, 5)), np.zeros(3)))


def test_without_pytorch_fitting_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(ExtraMissing, match=r"riskloom\[torch\]"):
        Autoencoder.fit(sample(1), seed=1)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("sizes", np.array([6, 6])),
        ("sizes", np.array([], np.int64)),
        ("sizes", np.array([6, 0, 6])),
        ("sizes", np.array([6, 16, 8, 16, 5])),
        ("sizes", np.array([6, 2**62, 8, 16, 6])),
        ("sizes", np.array([6, -16, 8, 16, 6])),
        ("sizes", np.array([6, *[1] * 9, 6])),
        ("weight", np.zeros(3)),
        ("weight", None),
        ("usual", np.zeros(6)),
        ("usual", np.ones(5)),
        ("usual", np.full(6, 0.02)),
        ("usual", np.full(6, np.nan)),
        ("tanh", np.array([2], np.uint8)),
        ("tanh", np.array([], np.uint8)),
        ("fill", np.zeros(7)),
        ("center", np.full(6, np.nan)),
        ("scale", np.full(6, -1.0)),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(network: Autoencoder, name: str, broken: np.ndarray | None) -> None:
    arrays = network.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^autoencoder"):
        Autoencoder.from_arrays(arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e7])
def test_one_wrong_weight_is_refused(network: Autoencoder, value: float) -> None:
    weight = network.weight.copy()
    weight[-1] = value

    with pytest.raises(BundleInvalid, match=r"^autoencoder.weight"):
        Autoencoder.from_arrays(network.arrays() | {"weight": weight})


def test_arrays_at_their_limits_still_score_finitely() -> None:
    deep = drawn_by_chance(6, (64,) * 8, tanh=False)
    limit = float(np.finfo(np.float32).max)
    arrays = deep.arrays() | {
        "weight": np.full(deep.weight.size, 1e6),
        "usual": np.full(6, autoencoder.USUAL_LEAST),
        "scale": np.full(6, 1e-100),
        "lower": np.full(6, -limit),
        "upper": np.full(6, limit),
    }

    assert np.isfinite(Autoencoder.from_arrays(arrays).score_many(edges(sample(1)))).all()
