"""What is happening now: counts, decisions per minute, why events were flagged, and the newest to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from riskloom.client import Stats
from riskloom.dashboard import charts, connection, markup, words

_NEWEST = 8


def render() -> None:
    """Draw the page; its figures renew themselves."""
    st.title("Overview")
    st.fragment(run_every="2s")(_live)()


def _live() -> None:
    with connection.explained():
        client, roles = connection.client(), connection.roles()
        stats = client.stats()
        flagged = client.decisions(flagged=True, limit=_NEWEST)["items"]
        st.html(markup.figures(figures(stats)))
        left, right = st.columns([5, 3], gap="large")
        with left:
            st.subheader("Decisions per minute, last hour")
            st.altair_chart(
                charts.per_minute(stats["per_minute"], connection.palette(), height=235),
                width="stretch",
                theme=None,
            )
        with right:
            st.subheader("Why, last 24 hours")
            st.html(top_reasons(stats["top_reasons"]))
        st.subheader("Newest for review")
        st.html(
            markup.decisions(flagged, roles)
            if flagged
            else '<div class="rl-empty">Nothing was flagged yet. What needs a person appears here.</div>'
        )
        if flagged:
            st.html(markup.link("queue", "Open the review queue →"))


def figures(stats: Stats) -> list[tuple[str, str, str]]:
    """The key figures: (label, figure, remark)."""
    hour, ever = stats["last_hour"], stats["outcomes"]
    decided = sum(hour.values())
    flagged = hour.get("FLAGGED", 0) + hour.get("REJECTED", 0)
    share = words.percent(flagged / decided) if decided else words.MISSING
    rate = stats["rates"].get("events_per_second")
    return [
        (
            "Decided in the last hour",
            words.number(decided),
            f"{words.number(stats['total_decisions'])} in all",
        ),
        (
            "Flagged for review",
            words.number(hour.get("FLAGGED", 0)),
            f"{words.number(ever.get('FLAGGED', 0))} in all",
        ),
        (
            "Rejected",
            words.number(hour.get("REJECTED", 0)),
            f"{words.number(ever.get('REJECTED', 0))} in all",
        ),
        ("Share flagged or rejected", share, "of the last hour"),
        ("Pace", f"{words.number(rate)} / s", "events arriving now"),
    ]


def top_reasons(top: Sequence[Mapping[str, Any]]) -> str:
    """The commonest reasons of flagged events as bars that lead to the queue."""
    if not top:
        return '<div class="rl-empty">No reasons yet.</div>'
    most = max(row["count"] for row in top)
    return f'<div class="rl-counts">{"".join(_count(row, most) for row in top[:8])}</div>'


def _count(row: Mapping[str, Any], most: int) -> str:
    title = markup.text(words.reason_title(row["code"]))
    return (
        f'<div class="rl-count">{markup.link("queue", title, reason=row["code"])}'
        f'<i><i style="width:{100 * row["count"] / most:.1f}%"></i></i>'
        f"<b>{words.number(row['count'])}</b></div>"
    )
