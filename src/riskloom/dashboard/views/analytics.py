"""Analytics: what was decided in a period and what became of it, by period, reason or segment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from riskloom.dashboard import charts, connection, markup, report, words
from riskloom.dashboard.roles import Roles


def render() -> None:
    """Draw the page; its address says the period and what it is parted by."""
    roles = connection.roles()
    st.title("Analytics")
    keys = _keys(connection.address(), roles.scenario)
    by, span = _ask(keys)
    since, until = _ends(span)
    found = _found(connection.address(), roles.scenario, by, since, until)
    st.html(markup.figures(figures(found, roles)))
    if not found["whole"]["decided"]:
        st.html('<div class="rl-empty">Nothing was decided in this period.</div>')
        return
    if by in report.PERIODS and len(found["lines"]) > 1:
        st.altair_chart(
            charts.periods(report.bars(found), connection.palette(), by), width="stretch", theme=None
        )
    st.html(report.table(found, roles))
    _export(found, roles, span)
    st.caption(
        "Counted by when they were decided. Frauds are labelled ones; flagged events are labelled more often."
        + (" A decision counts with each of its reasons." if by == "reason" else "")
    )


def _ask(keys: list[str]) -> tuple[str, str]:
    """(by, days) as the address and the widgets say."""
    for name, default, allowed in (("by", "day", keys), ("days", "30", list(report.SPANS))):
        given = st.query_params.get(name)
        key = f"analytics_{name}"
        if key not in st.session_state:
            kept = given if given is not None else st.session_state.get(f"{key}_kept", default)
            st.session_state[key] = kept if kept in allowed else default
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="analytics_filters"):
        span = st.segmented_control(
            "Period", list(report.SPANS), format_func=report.SPANS.__getitem__, key="analytics_days",
            required=True,
        )  # fmt: skip
        by = st.selectbox("By", keys, format_func=report.by_word, key="analytics_by", width=190)
    st.session_state["analytics_by_kept"], st.session_state["analytics_days_kept"] = by, span or ""
    st.query_params.from_dict({"by": str(by), "days": span or ""})
    return str(by), span or ""


def _ends(span: str) -> tuple[str | None, str | None]:
    """From the beginning of a day, so that the answer can be kept for a while."""
    if not span:
        return None, None
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=int(span) - 1)
    return since.isoformat().replace("+00:00", "Z"), None


def _ask_keys(url: str, scenario: str) -> list[str]:
    return connection.client().report_keys()


def _ask_report(url: str, scenario: str, by: str, since: str | None, until: str | None) -> dict[str, Any]:
    return connection.client().report(by, since, until)


_keys = st.cache_data(ttl=60, max_entries=16, show_spinner=False)(_ask_keys)
_found = st.cache_data(ttl=30, max_entries=64, show_spinner="Counting")(_ask_report)


def figures(found: Mapping[str, Any], roles: Roles) -> list[tuple[str, str, str]]:
    """The key figures of a period."""
    whole, scale = found["whole"], 10 ** int(found["decimals"])
    decided, flagged = whole["decided"], whole["flagged"]
    told = [
        ("Decided", words.number(decided), f"{roles.event_word}s"),
        (
            "Flagged",
            words.number(flagged),
            f"{words.percent(flagged / decided) if decided else words.MISSING}, "
            f"{words.number(whole['rejected'])} rejected",
        ),
        (
            "Known fraud caught",
            words.number(whole["caught"]),
            f"of {words.number(whole['frauds'])}: {words.percent(whole['recall']['value'])}",
        ),
        ("Precision", words.percent(whole["precision"]["value"]), "of the labelled alerts"),
    ]
    if roles.amount:
        caught, missed = (
            f"{words.number(round(whole[name] / scale))} {roles.base_currency}"
            for name in ("value_caught", "value_missed")
        )
        told.append(("Fraud caught by value", caught, f"{missed} missed"))
    return told


def _export(found: Mapping[str, Any], roles: Roles, span: str) -> None:
    title = f"{words.code_words(roles.scenario).capitalize()} by {report.by_word(str(found['by'])).lower()}"
    days = f"The last {span} days" if span else "All that was decided"
    remark = f"{days}, as of {words.moment(datetime.now(UTC).isoformat(), roles.timezone)}."
    name = f"{roles.scenario}_by_{found['by']}"
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", report.as_csv(found, roles), f"{name}.csv", "text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "HTML", report.as_page(found, roles, title, remark), f"{name}.html", "text/html",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
