"""A report as a table, as CSV and as a page of its own; values in, text out."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.dashboard import markup, words
from riskloom.dashboard.roles import Roles

PERIODS = ("day", "week", "month")
SPANS: Mapping[str, str] = {"7": "7 days", "30": "30 days", "90": "90 days", "": "All"}
BY: Mapping[str, str] = {"day": "Day", "week": "Week", "month": "Month", "reason": "Reason"}
COLUMNS = (
    "decided", "flagged", "rejected", "labelled", "frauds", "caught", "precision", "recall",
    "value_caught", "value_missed",
)  # fmt: skip
_STYLE = (
    "body{font:15px/1.5 'Source Sans Pro','Helvetica Neue',Arial,sans-serif;color:#20262b;margin:2.5rem auto;"
    "max-width:1100px;padding:0 1.5rem}h1{font-size:1.5rem;margin:0}p{color:#68727a;margin:.2rem 0 1.2rem}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.35rem .6rem;border-bottom:1px solid #e3e6e3;"
    "text-align:right;font-variant-numeric:tabular-nums}th{font-weight:500;color:#68727a}"
    "th:first-child,td:first-child{text-align:left}tr.whole td{font-weight:600;border-top:2px solid #20262b}"
)


def by_word(by: str) -> str:
    """What a report is parted by, in words."""
    return BY.get(by, words.field_label(by))


def key_word(by: str, key: object) -> str:
    """A line's key in words."""
    if key is None:
        return "not given"
    return words.reason_title(str(key)) if by == "reason" else words.code_words(key)


def line(found: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """The figures of a line as people read them."""
    scale, currency = 10 ** int(report["decimals"]), str(report["currency"])
    told = []
    for name in COLUMNS:
        value = found[name]
        if isinstance(value, Mapping):
            told.append(words.percent(value["value"]))
        elif name.startswith("value_"):
            told.append(f"{words.number(round(value / scale))} {currency}")
        else:
            told.append(words.number(value))
    return told


def heads(roles: Roles) -> list[str]:
    """The names of the columns."""
    names = [name.replace("_", " ").capitalize() for name in COLUMNS]
    return names if roles.amount else names[:-2]


def table(report: Mapping[str, Any], roles: Roles) -> str:
    """A report as the page shows it, with a line for the whole."""
    names, by = heads(roles), str(report["by"])
    rows = []
    for found in report["lines"]:
        label = markup.text(key_word(by, found["key"]))
        if by == "reason":
            label = markup.link("queue", label, reason=str(found["key"]), show="all")
        rows.append([label, *line(found, report)[: len(names)]])
    whole = ["<b>In all</b>", *(f"<b>{told}</b>" for told in line(report["whole"], report)[: len(names)])]
    columns = [by_word(by), *names]
    return markup.table(columns, [*rows, whole], numbers=names)


def as_csv(report: Mapping[str, Any], roles: Roles) -> str:
    """The same for machines: plain figures, shares from 0 to 1, values in major units."""
    scale = 10 ** int(report["decimals"])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = COLUMNS if roles.amount else COLUMNS[:-2]
    writer.writerow([str(report["by"]), *names])
    for found in report["lines"]:
        writer.writerow([_safe(found["key"]), *(_figure(found[name], name, scale) for name in names)])
    return out.getvalue()


def _safe(key: object) -> str:
    """A key that a spreadsheet does not take for a formula."""
    text = "" if key is None else str(key)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _figure(value: Any, name: str, scale: int) -> object:
    if isinstance(value, Mapping):
        share = value["value"]
        return "" if share is None or not math.isfinite(share) else round(share, 6)
    return value / scale if name.startswith("value_") else value


def as_page(report: Mapping[str, Any], roles: Roles, title: str, remark: str) -> str:
    """The same as a page without scripts, to be sent around or printed."""
    names, by = heads(roles), str(report["by"])
    head = "".join(f"<th>{markup.text(name)}</th>" for name in [by_word(by), *names])
    rows = "".join(
        _row([key_word(by, found["key"]), *line(found, report)[: len(names)]]) for found in report["lines"]
    )
    whole = _row(["In all", *line(report["whole"], report)[: len(names)]], "whole")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{markup.text(title)}</title>'
        f"<style>{_STYLE}</style><h1>{markup.text(title)}</h1><p>{markup.text(remark)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{whole}</tbody></table></html>"
    )


def _row(cells: Sequence[str], kind: str = "") -> str:
    return f'<tr class="{kind}">' + "".join(f"<td>{markup.text(cell)}</td>" for cell in cells) + "</tr>"


def bars(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Flagged and rejected of each period, as rows for a chart."""
    return [
        {"key": found["key"], "outcome": name, "count": count}
        for found in report["lines"]
        for name, count in (
            ("Rejected", found["rejected"]),
            ("Flagged", found["flagged"] - found["rejected"]),
        )
    ]
