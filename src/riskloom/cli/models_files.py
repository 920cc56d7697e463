"""What `riskloom models add` publishes beside a bundle: figures, reports, any file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show

CARD = ".model_card.md"
"""What `train --report` puts behind the name of a page, without its ending, for the model card."""


def find_reports(bundle: Path, report: Path | None, known: Sequence[Path]) -> list[Path]:
    """The pages and cards in a bundle's folder, and a page given with the card beside it; none of `known`."""
    found = sorted([*bundle.glob("*.html"), *bundle.glob(f"*{CARD}")])
    if report is not None:
        card = report.with_name(report.stem + CARD)
        found += [report, *([card] if card.is_file() else [])]
    once = {path.resolve(): path for path in found}
    return [path for place, path in once.items() if place not in {path.resolve() for path in known}]


def read_metrics(path: Path) -> dict[str, Any]:
    """Figures by name from a JSON file, possibly nested.

    Raises
    ------
    DataInvalid
    """
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataInvalid(Fault(str(path), "a JSON file of figures", str(error))) from error
    if not isinstance(read, dict):
        raise DataInvalid(Fault(str(path), 'figures by name, as in {"average_precision": 0.61}', show(read)))
    return read


def read_attachments(paths: list[Path]) -> dict[str, bytes]:
    """Files by name; those of a folder by their path in it.

    Raises
    ------
    ParameterInvalid, DataInvalid
        When two would have the same name, or one cannot be read.
    """
    found: dict[str, bytes] = {}
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if name in found:
                raise ParameterInvalid(Fault("--attach", "files of different names", f"two called {name}"))
            try:
                found[name] = file.read_bytes()
            except OSError as error:
                raise DataInvalid(Fault(str(file), "a readable file", error.strerror or "")) from error
    return found
