"""Autoencoder: what a narrow network trained on everybody fails to draw again is strange. PyTorch trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.autoencoder_fit import HEAVIEST, Lessons, learn_network
from riskloom.detectors.autoencoder_kernel import error_one, error_parts, error_rows
from riskloom.detectors.base import (
    Arrays,
    Floats,
    Holdout,
    Progress,
    as_row,
    as_rows,
    check_seed,
    check_training_matrix,
    pop_single,
    read_arrays,
    silent,
)
from riskloom.detectors.served import Served
from riskloom.detectors.standardise import STANDARD_FIELDS, Standard
from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show
from riskloom.params import Constraint, validate

MOST_FEATURES = 32_767
MOST_LAYERS = 8
WIDEST = 1_024
STEPS = 500
FEWEST_EPOCHS, MOST_EPOCHS = 5, 200
USUAL_LEAST = 0.03

_FIELDS: dict[str, type[np.generic]] = {
    **STANDARD_FIELDS,
    "usual": np.float64,
    "weight": np.float64,
    "sizes": np.int64,
    "tanh": np.uint8,
}


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder(Served):
    """A network that draws F features again through a narrow place; the score is how badly it does.

    The score is the mean over features of ``((z - drawn) / usual)**2``: z is the feature as scaled in
    training, `usual` the root of its mean squared residual there. So ordinary rows lie around 1, and each
    feature counts against what is usual for it.

    A missing value (NaN) enters the network as the median that the feature had in training, and adds nothing
    to the score. What lies far beyond anything training saw, infinities too, counts as the limit it passed
    (see `Standard`); so no feature can make a score that is not finite, and one that was constant in training
    adds nothing.

    Parameters
    ----------
    standard
        How features are scaled.
    usual
        float64[F]: the usual residual of each scaled feature, at least 0.03; infinite where it was constant.
    weight
        float64: layer by layer the weights, the outputs of one input side by side, then the biases.
    sizes
        int64: F, the widths of the hidden layers, F.
    tanh
        Whether hidden layers bend by the hyperbolic tangent, else by ``max(0, x)``; the last does not.
    """

    kind: ClassVar[str] = "autoencoder"
    SUPERVISED: ClassVar[bool] = False
    ADDITIVE: ClassVar[str] = "squared_error"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "widths",
            "text",
            "16,8,16",
            f"The widths of the hidden layers: 1 to {MOST_LAYERS} numbers from 1 to {WIDEST}.",
        ),
        Constraint(
            "activation",
            "text",
            "tanh",
            "How hidden layers bend: tanh levels off, so that it cannot draw extremes again; relu does not.",
            choices=("tanh", "relu"),
        ),
        Constraint(
            "learn_from",
            "text",
            "all",
            "Whether all training rows are learned from, or those alone that are labelled honest.",
            choices=("all", "honest"),
        ),
        Constraint(
            "epochs",
            "integer",
            0,
            f"How often each row is looked at; 0 for as often as makes {STEPS} steps, "
            f"from {FEWEST_EPOCHS} to {MOST_EPOCHS} times.",
            minimum=0,
            maximum=10_000,
        ),
        Constraint("batch_size", "integer", 256, "How many rows make a step.", minimum=1, maximum=65_536),
        Constraint("learning_rate", "number", 0.001, "How far a step goes.", minimum=1e-6, maximum=1),
        Constraint(
            "patience",
            "integer",
            5,
            "After how many epochs without progress on later rows training ends, where there are such rows.",
            minimum=1,
            maximum=1_000,
        ),
    )

    standard: Standard
    usual: Floats
    weight: Floats
    sizes: npt.NDArray[np.int64]
    tanh: bool

    def __post_init__(self) -> None:
        self._check()
        standard = replace(self.standard, scale=1.0 / self.standard.scale)
        table = np.concatenate((standard.packed(), 1.0 / self.usual, self.weight))
        self._serve(self.usual.size, error_one, error_rows, table, self.sizes.copy(), self.tanh)
        self.standard.close()
        self._close("usual", "weight", "sizes")

    def _check(self) -> None:
        """Refuse arrays that the loops could read outside of, or that could make a score that is none."""
        self.standard.check(self.kind, MOST_FEATURES)
        width, sizes = self.standard.fill.size, self.sizes.tolist()
        hidden = sizes[1:-1]
        if not 1 <= len(hidden) <= MOST_LAYERS or not all(1 <= size <= WIDEST for size in hidden):
            raise BundleInvalid(
                f"{self.kind}.sizes: expected 1 to {MOST_LAYERS} hidden layers of 1 to {WIDEST}."
            )
        count = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
        if sizes[0] != width or sizes[-1] != width or self.weight.size != count:
            raise BundleInvalid(
                f"{self.kind}.weight: expected {count} numbers, from {width} features to as many."
            )
        if not (np.abs(self.weight) <= HEAVIEST).all():
            raise BundleInvalid(f"{self.kind}.weight: expected numbers of at most {HEAVIEST:g}.")
        if self.usual.size != width or not (self.usual >= USUAL_LEAST).all():
            raise BundleInvalid(f"{self.kind}.usual: expected {width} numbers of at least {USUAL_LEAST}.")

    @classmethod
    def fit(
        cls,
        X: Floats,
        *,
        seed: int,
        parameters: Mapping[str, object] | None = None,
        labels: Floats | None = None,
        holdout: Holdout | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train a network on rows float64[n, F], NaN for missing; the same on however many processors.

        Parameters
        ----------
        labels
            Looked at with `learn_from: honest` alone, which needs them; then of `holdout` too.
        progress
            Called with (epochs done, epochs in all), the last time with all of them also when it ends early.

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, for anything that is not such a matrix, and for no honest row.
        ExtraMissing
            When PyTorch is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        hidden = _hidden(str(settings["widths"]))
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        honest = settings["learn_from"] == "honest"
        chosen = X[_honest(labels, len(X), "labels")] if honest else X
        standard, rows = Standard.fit(chosen)
        lessons = Lessons(rows, ~np.isnan(np.asarray(chosen, np.float64)))
        later = _later(standard, holdout, honest)
        settings["epochs"] = settings["epochs"] or _epochs(len(rows), int(settings["batch_size"]))
        layers, usual = learn_network(lessons, later, hidden, settings, seed, progress or silent)
        weight = np.concatenate([part.ravel() for layer in layers for part in layer])
        sizes = np.array([rows.shape[1], *hidden, rows.shape[1]], np.int64)
        usual = np.where(standard.lower < standard.upper, np.maximum(usual, USUAL_LEAST), np.inf)
        return cls(standard, usual, weight, sizes, settings["activation"] == "tanh")

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(0, what each feature adds float64[F]): its squared residual over the number of features.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        return 0.0, error_parts(as_row(x, self.width), *self._tables)

    def arrays(self) -> Arrays:
        """The network as plain arrays, for a bundle."""
        own: Arrays = {name: getattr(self, name) for name in ("usual", "weight", "sizes")}
        return self.standard.arrays() | own | {"tanh": np.array([self.tanh], np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The network back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a network; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, cls.kind)
        (tanh,) = pop_single(read, cls.kind, "tanh")
        if tanh > 1:
            raise BundleInvalid(f"{cls.kind}.tanh: expected 0 or 1, got {tanh}.")
        return cls(Standard.read(read, cls.kind, MOST_FEATURES), **read, tanh=bool(tanh))


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of networks")
    zeros = np.zeros((4, 1))
    standard = Standard(zeros[0], zeros[1], zeros[2], zeros[3], np.ones(1))
    model = Autoencoder(standard, np.ones(1), np.zeros(4), np.ones(3, np.int64), True)
    model.score_one(np.zeros(1))
    model.score_many(np.zeros((1, 1)))
    model.contributions_one(np.zeros(1))


def _hidden(widths: str) -> tuple[int, ...]:
    """The widths of the hidden layers as numbers."""
    parts = [part.strip() for part in widths.split(",")]
    if len(parts) > MOST_LAYERS or not all(_is_width(part) for part in parts):
        expected = f"1 to {MOST_LAYERS} whole numbers from 1 to {WIDEST}, like '16,8,16'"
        raise ParameterInvalid(Fault("widths", expected, show(widths)))
    return tuple(map(int, parts))


def _is_width(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < 6 and 1 <= int(part) <= WIDEST


def _epochs(rows: int, batch: int) -> int:
    """How many passes make `STEPS` steps, within limits."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, -(-STEPS * batch // rows)))


def _honest(labels: object, rows: int, where: str) -> npt.NDArray[np.bool_]:
    """Which rows are labelled 0; at least one must be."""
    values = np.asarray(labels, np.float64) if isinstance(labels, np.ndarray) else np.empty(0)
    if values.shape != (rows,) or not np.isin(values, (0.0, 1.0)).all() or not (values == 0).any():
        came = f"shape {values.shape}" if isinstance(labels, np.ndarray) else show(labels)
        expected = f"{rows} labels, each 0 or 1 and one of them 0, with learn_from 'honest'"
        raise DataInvalid(Fault(where, expected, came))
    honest: npt.NDArray[np.bool_] = values == 0
    return honest


def _later(standard: Standard, holdout: Holdout | None, honest: bool) -> Lessons | None:
    """The rows that early stopping looks at, scaled as in training; None where there are none."""
    if holdout is None or not len(holdout[0]):
        return None
    rows = as_rows(holdout[0], standard.fill.size)
    if honest:
        rows = rows[_honest(holdout[1], len(rows), "holdout")]
    return Lessons(standard.apply(rows), ~np.isnan(rows))
