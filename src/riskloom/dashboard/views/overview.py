"""What is happening now: counts, decisions per minute, why events were flagged, and the newest to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import streamlit as st

from riskloom.client import Stats
from riskloom.dashboard import charts, connection, markup, words
from riskloom.dashboard.roles import Roles

_TIMED = 20
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
        newest = client.decisions(limit=_TIMED)["items"]
        st.html(markup.figures(figures(stats)))
        st.html(markup.figures([*waiting(client.queues()), *health(stats, newest), *_fraud(roles)]))
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
            ways = [
                markup.link("alerts", "Work on alerts →"),
                markup.link("queue", "All flagged decisions →"),
            ]
            st.html(f'<nav class="rl-ways">{"".join(ways)}</nav>')


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


def waiting(queues: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """What waits for a person, and since when."""

    def count(*names: str) -> int:
        return sum(queue["states"].get(name, {}).get("count", 0) for queue in queues for name in names)

    ages = [
        queue["states"][name]["oldest_age_s"]
        for queue in queues
        for name in ("open", "escalated")
        if name in queue["states"]
    ]
    closed = sum(sum(queue["closed_in_a_day"].values()) for queue in queues)
    oldest = f"the oldest for {words.duration(max(ages))}" if ages else "nothing waits"
    return [
        ("Alerts waiting", words.number(count("open", "escalated")), oldest),
        ("Being worked on", words.number(count("claimed")), f"{words.number(closed)} closed in a day"),
    ]


def health(stats: Stats, newest: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """How long a decision takes, and whether decisions come out of the log again as they were."""
    times = [
        (words.read_time(one["decided_at"]) - words.read_time(one["arrived_at"])).total_seconds() * 1000
        for one in newest
        if one["decided_at"] and one["outcome"]
    ]
    parity = stats.get("parity") or {}
    compared, wrong = parity.get("decisions", 0), parity.get("mismatches", 0)
    middle = f"{words.number(median(times), 1)} ms" if times else words.MISSING
    return [
        ("Time to decide", middle, f"median of the newest {len(times)}" if times else "nothing decided yet"),
        (
            "Recomputed",
            "All the same" if compared and not wrong else words.number(wrong) if wrong else words.MISSING,
            f"{words.number(compared)} decisions compared" if compared else "not compared yet",
        ),
    ]


def _ask_week(url: str, scenario: str, since: str) -> dict[str, Any]:
    return connection.client().report("month", since)


_week = st.cache_data(ttl=120, max_entries=16, show_spinner=False)(_ask_week)


def _fraud(roles: Roles) -> list[tuple[str, str, str]]:
    """Known fraud of seven days, caught and lost; by value where events have one."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=6)
    since = start.isoformat().replace("+00:00", "Z")
    found = _week(connection.address(), roles.scenario, since)
    whole, scale = found["whole"], 10 ** int(found["decimals"])
    if not whole["frauds"]:
        return [("Known fraud, 7 days", words.number(0), "none is labelled")]
    if not roles.amount:
        caught = f"{words.number(whole['caught'])} of {words.number(whole['frauds'])}"
        return [("Fraud caught, 7 days", caught, words.percent(whole["recall"]["value"]))]
    lost = f"{words.number(round(whole['value_missed'] / scale))} {roles.base_currency} lost"
    caught = f"{words.number(round(whole['value_caught'] / scale))} {roles.base_currency}"
    return [("Fraud caught, 7 days", caught, lost)]


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
