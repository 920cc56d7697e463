"""A bank's CSV of chargebacks, taken in as labels; what could not be is told with its line and reason."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

from riskloom.domain.chargeback import Chargebacks
from riskloom.errors import DataInvalid, Fault, LabelInvalid, show
from riskloom.server.labels.service import LabelService
from riskloom.server.problem import problem

MOST_ROWS = 10_000
Row = tuple[int, Mapping[str, str]]


def read_rows(text: str, bank: Chargebacks) -> list[Row]:
    """The rows with their lines, by column; a short one lacks its last columns.

    Raises
    ------
    DataInvalid
        For a file that is no CSV, lacks a column of `bank`, or has too many rows.
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = [name.strip() for name in next(lines, [])]
        missing = [name for name in (bank.event_id, bank.code) if name not in header]
        if missing:
            raise DataInvalid(
                [Fault("body", f"a column {name}", f"columns {show(header)}") for name in missing]
            )
        rows += [(lines.line_num, dict(zip(header, cells, strict=False))) for cells in lines if cells]
    except csv.Error as error:
        raise DataInvalid(Fault(f"line {lines.line_num}", "a CSV row", str(error))) from error
    if len(rows) > MOST_ROWS:
        raise DataInvalid(Fault("body", f"at most {MOST_ROWS:,} rows", f"{len(rows):,}"))
    return rows


async def take_in(service: LabelService, text: str, bank: Chargebacks) -> dict[str, Any]:
    """Tell every row that can be a label; sent again it changes nothing, where rows have a date.

    Returns
    -------
    `told` (how many), `dead_letters` ({line, row, error} of each that was not taken), `unknown_codes` (how
    often).

    Raises
    ------
    DataInvalid, StoreUnavailable
    """
    labels: list[tuple[Row, dict[str, Any]]] = []
    dead: list[tuple[Row, dict[str, Any]]] = []
    unknown: Counter[str] = Counter()
    for row in read_rows(text, bank):
        try:
            labels.append((row, bank.label(row[1])))
        except LabelInvalid as error:
            dead.append((row, problem(error)))
            if bank.is_unknown(row[1]):
                unknown[row[1][bank.code].strip()] += 1
    answers = await service.tell_many([label for _, label in labels]) if labels else []
    dead += [(row, one["error"]) for (row, _), one in zip(labels, answers, strict=True) if "error" in one]
    dead.sort(key=lambda letter: letter[0][0])
    letters = [{"line": line, "row": row, "error": error} for (line, row), error in dead]
    told = sum("error" not in one for one in answers)
    return {"told": told, "dead_letters": letters, "unknown_codes": dict(sorted(unknown.items()))}
