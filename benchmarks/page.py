"""What the benchmarks share: the reference data, payments of a file as vectors, and docs/benchmarks.md."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.adapters.sources.parquet import open_rows
from riskloom.bundle import make_bundle
from riskloom.domain.field import Field, FieldType
from riskloom.pipeline import Pipeline
from riskloom.scenario.scenario import Scenario
from riskloom.stream import EventStream, Labelled
from riskloom.training.history import compute_features

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
DATA = Path(os.environ.get("RISKLOOM_DATA") or ROOT.parent / "shared" / "data")

Vectors = npt.NDArray[np.float64]


def events_of(scenario: Scenario, file: Path) -> Iterator[list[Labelled]]:
    """The events of a Parquet file in arrival order, chunk by chunk, by the path that the CLI takes.

    Raises ValueError for a row that cannot be read.
    """

    def refuse(letter: Any) -> None:
        raise ValueError(f"row {letter.line}: {letter.faults}")

    label = [Field(name, FieldType.STRING, required=False) for name in [scenario.label_field] if name]
    rows: Any = open_rows(file, (*scenario.fields, *label), [])
    schema = scenario.schema(ignore_unknown=True)
    return EventStream(rows, schema, file.stem, refuse, scenario.label_field).labelled_chunks()


def vectors_of(scenario: Scenario, file: Path) -> Iterator[tuple[Sequence[Labelled], Vectors]]:
    """(labelled events, feature vectors) of a Parquet file in arrival order."""
    return compute_features(Pipeline(make_bundle(scenario, None)), events_of(scenario, file))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def write_section(name: str, text: str) -> None:
    """Put a section into docs/benchmarks.md, in place of the one of that name, and print it."""
    print(text)
    section = f"<!-- {name}: written by the command below -->\n{text.strip()}\n<!-- end of {name} -->"
    page = PAGE.read_text() if PAGE.exists() else "# Benchmarks\n"
    pattern = re.compile(rf"<!-- {name}: .*?<!-- end of {name} -->", re.DOTALL)
    written = pattern.sub(lambda _old: section, page)
    PAGE.write_text(written if pattern.search(page) else f"{page.rstrip()}\n\n{section}\n")
