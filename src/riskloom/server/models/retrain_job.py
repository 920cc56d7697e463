"""The child process of a retraining: reads an order on stdin, stored vectors from the database, writes a
bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np

from riskloom.bundle import make_bundle, read_bundle, write_bundle
from riskloom.errors import RiskloomError
from riskloom.scenario.load import scenario_from_parts
from riskloom.server.db import database_url, open_engine
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.training.fit import fit_model
from riskloom.training.history import unlabelled


def main() -> int:
    """Train as ordered; prints the folder of the new bundle."""
    order = msgspec.json.decode(sys.stdin.buffer.read())
    try:
        print(train(order))
    except RiskloomError as error:
        print(str(error).replace("\n", "; "), file=sys.stderr)
        return 1
    return 0


def train(order: dict[str, object]) -> Path:
    """Train the base bundle's detector on stored vectors, under another percentile, into a new bundle."""
    base = read_bundle(str(order["base"]))
    parts = dict(base.scenario.parts)
    parts["policy"] = {**parts["policy"], "percentile": order["percentile"]}
    scenario = scenario_from_parts(parts)
    engine = open_engine(database_url(str(order["database_url"])), pool_size=1)
    repo = DecisionRepo(engine, scenario.name)
    stored = repo.vectors(scenario.fingerprint("features"), int(str(order["limit"])))
    engine.dispose()
    width = len(scenario.feature_names)
    vectors = np.frombuffer(b"".join(stored), np.float64).reshape(-1, width)
    about = {"source": "stored vectors"}
    model = fit_model(unlabelled(vectors), scenario, seed=int(str(order["seed"])), about=about)
    bundle = make_bundle(scenario, model)
    return write_bundle(bundle, Path(str(order["folder"])) / bundle.fingerprint)


if __name__ == "__main__":
    sys.exit(main())
