"""What was trained is served from its arrays where none of the libraries that train can be imported.

The two kinds that need no library are trained there too.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from riskloom import detectors
from riskloom.detectors.autoencoder import Autoencoder
from riskloom.detectors.base import Detector
from riskloom.detectors.checks import edges, marks, sample
from riskloom.detectors.standardise import Standard

KINDS = ("autoencoder", "ecod", "half_space_trees", "logistic_regression", "one_class_svm")

SCRIPT = """
import sys, importlib.abc, pathlib
HIDDEN = {"sklearn", "scipy", "joblib", "torch", "xgboost", "lightgbm", "pandas", "polars", "duckdb"}

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ImportError(f"{name} is hidden")

sys.meta_path.insert(0, Hide())
import numpy as np
from riskloom import detectors
from riskloom.detectors import checks

for file in sorted(pathlib.Path(sys.argv[1]).glob("*.npz")):
    read = dict(np.load(file))
    X, expected, parts = (read.pop(name) for name in ("_X", "_expected", "_parts"))
    model = detectors.load(file.stem).from_arrays(read)
    assert np.array_equal(model.score_many(X), expected), file.stem
    assert [model.score_one(x) for x in X] == expected.tolist(), file.stem
    if parts.size:
        assert np.array_equal([model.contributions_one(x)[1] for x in X], parts), file.stem
    print(file.stem)
for kind in ("ecod", "half_space_trees"):
    checks.check_detector(kind)
assert not HIDDEN & {name.partition(".")[0] for name in sys.modules}
"""


def fitted(kind: str) -> Detector:
    """A model over the columns of `sample`; the network by chance, so that it needs no PyTorch."""
    X = sample(1)
    if kind != "autoencoder":
        return detectors.load(kind).fit(X, seed=1, labels=marks(X))
    chance = np.random.default_rng(0)
    standard, _ = Standard.fit(X)
    weight = chance.normal(0, 0.4, 7 * 4 + 5 * 6)
    return Autoencoder(standard, np.ones(6), weight, np.array([6, 4, 6]), True)


def test_every_kind_scores_the_same_where_the_libraries_are_hidden(tmp_path: Path) -> None:
    rows = np.vstack([edges(sample(1)), np.where(sample(2) < -1, np.nan, sample(2))[:20]])
    for kind in KINDS:
        model = fitted(kind)
        explain = getattr(model, "contributions_one", None)
        parts = np.array([explain(x)[1] for x in rows] if explain else [])
        scores = model.score_many(rows)
        np.savez(
            tmp_path / kind, allow_pickle=False, _X=rows, _expected=scores, _parts=parts, **model.arrays()
        )

    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)

    assert ran.stderr == ""
    assert ran.stdout.split() == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_warming_up_compiles_all_that_serving_calls_and_says_so_first(kind: str) -> None:
    told: list[str] = []
    module = sys.modules[detectors.load(kind).__module__]

    module.warm_up(told.append)

    assert len(told) == 1
    assert told[0].startswith("compiling the scoring of ")
    model = fitted(kind)
    loops = (model._one, model._many)
    compiled = [len(loop.signatures) for loop in loops]
    model.score_one(sample(1)[0])
    model.score_many(sample(1))
    assert [len(loop.signatures) for loop in loops] == compiled == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_read_only_strided_or_narrow_scores_the_same(kind: str) -> None:
    model = fitted(kind)
    X = np.round(sample(4), 2).astype(np.float32)
    wide = X.astype(np.float64)
    frozen = wide.copy()
    frozen.setflags(write=False)

    expected = model.score_many(wide)
    for rows in (X, frozen, np.repeat(wide, 2, axis=1)[:, ::2]):
        assert np.array_equal(model.score_many(rows), expected)
        assert model.score_one(rows[3]) == expected[3]
    assert model.score_one(wide[3].tolist()) == expected[3]
    assert len(model._one.signatures) == len(model._many.signatures) == 1
