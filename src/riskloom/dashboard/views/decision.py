"""One decision: what happened, why it fell so, the events behind it, and the vector against what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from riskloom.client import DecisionDetail
from riskloom.dashboard import charts, connection, deviation, history, markup, place_map, story, words
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views.queue import SHOWN_IDS
from riskloom.errors import NotFound

_KEPT = "decision_event"
_OUTSIDE_SHOWN = 12


def render() -> None:
    """Draw the page of the event named in the address."""
    event_id = st.query_params.get("event") or st.session_state.get(_KEPT, "")
    if not event_id:
        _look_up("")
        return
    st.session_state[_KEPT] = event_id
    st.query_params["event"] = event_id
    roles = connection.roles()
    try:
        found = connection.client().decision(event_id)
    except NotFound:
        _look_up(event_id)
        return
    st.html(_neighbours(event_id))
    st.html(story.headline(found, roles))
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("Why")
        st.html(story.reason_cards(found, roles))
    with right:
        where_and_when(found, roles)
    st.subheader(f"{roles.event_word.capitalize()}s behind these reasons")
    first, rest, count = story.evidence(found, roles)
    st.html(first)
    if count:
        with st.expander(f"{count} more"):
            st.html(rest)
    _against_usual(found, roles)
    _for_the_record(found, roles)


def _neighbours(event_id: str) -> str:
    """Back to the queue, and on through the part of it that was last shown."""
    kept: list[str] = st.session_state.get(SHOWN_IDS, [])
    ways = [markup.link("queue", "← Review queue")]
    if event_id in kept:
        at = kept.index(event_id)
        ways.append(f'<span class="rl-muted">{at + 1} of {len(kept)} shown there</span>')
        if at:
            ways.append(markup.link("decision", "Previous", event=kept[at - 1]))
        if at + 1 < len(kept):
            ways.append(markup.link("decision", "Next →", event=kept[at + 1]))
    return f'<nav class="rl-ways">{"".join(ways)}</nav>'


def _look_up(event_id: str) -> None:
    st.title("Decision")
    if event_id:
        st.html(
            '<div class="rl-empty">No decision about the event '
            f"“{markup.text(event_id)}” is known here.</div>"
        )
    st.html(
        f'<p class="rl-muted">Choose one in the {markup.link("queue", "review queue")}, '
        "or look it up by its event id.</p>"
    )
    with st.container(width=420):
        typed = st.text_input("Event id", value="", placeholder="evt_…")
    if typed.strip():
        st.query_params["event"] = typed.strip()
        st.rerun()


def where_and_when(found: DecisionDetail, roles: Roles) -> None:
    """The entity's events around a decision: amounts, distances, and a map where it is far."""
    palette = connection.palette()
    rows = history.rows(history.around(connection.client(), found, roles), found, roles)
    if not rows:
        return
    st.subheader(f"{roles.entity_word}’s recent {roles.event_word}s")
    chosen = st.segmented_control(
        "Span", list(history.SPANS), default=history.fitting_span(rows, found), label_visibility="collapsed",
        format_func=history.SPANS.__getitem__, key=f"span_{found['event_id']}", required=True,
    )  # fmt: skip
    span = history.span_of(chosen or "all", rows, found)
    shown = [row for row in rows if span[0] <= row["time"] <= span[1]]
    placed = [row for row in shown if row["lat"] is not None]
    if roles.amount:
        title = f"Amount, {roles.base_currency}"
        chart = charts.timeline(shown, palette, value="amount", title=title, span=span, times=not placed)
        st.altair_chart(chart, width="stretch", theme=None)
    if placed:
        title = "km from usual"
        chart = charts.timeline(placed, palette, value="km", title=title, span=span, height=110)
        st.altair_chart(chart, width="stretch", theme=None)
        jump = history.last_jump(rows, found)
        st.html(f'<p class="rl-note">{markup.text(story.distance_words(placed, jump, rows, found))}</p>')
        if history.spread_km(placed) >= history.FAR_KM or (jump and jump.km >= history.FAR_KM):
            way = (jump.start, jump.end) if jump and jump.km >= history.FAR_KM else None
            st.altair_chart(place_map.draw(placed, way, palette), width="stretch", theme=None)


def _against_usual(found: DecisionDetail, roles: Roles) -> None:
    all_features = deviation.deviations(found["features"])
    if not any(one.position == one.position for one in all_features):
        st.subheader("The feature vector")
        st.html('<p class="rl-note">What is usual is known once a model was trained.</p>')
        st.html(deviation.strips(all_features, roles))
        return
    outside = [one for one in all_features if one.beyond]
    outside = [one for one in outside if one.beyond == one.beyond]
    st.subheader("Against what is usual")
    st.html(
        f'<p class="rl-note">{len(outside)} of {len(all_features)} features lie outside the range that holds '
        "90 % of what the model learned from (the band). The dot is this event; outside the band the scale "
        "is logarithmic.</p>"
    )
    first = outside[:_OUTSIDE_SHOWN] or all_features[:6]
    st.html(deviation.strips(first, roles))
    rest = [one for one in all_features if one not in first]
    if rest:
        with st.expander(f"The other {len(rest)} features"):
            st.html(deviation.strips(rest, roles))


def _for_the_record(found: DecisionDetail, roles: Roles) -> None:
    with st.expander("For the record"):
        left, right = st.columns(2, gap="large")
        left.html(markup.facts(story.record(found, roles)))
        sent: Mapping[str, Any] = found["event"]
        order = [
            *(name for name in roles.fields if name in sent),
            *(name for name in sent if name not in roles.fields),
        ]
        right.html(markup.facts((words.field_label(name), _sent(name, sent[name], roles)) for name in order))


def _sent(name: str, value: object, roles: Roles) -> str:
    """A value as it was sent; that of an entity leads to its page."""
    if name in roles.entities and value:
        return markup.entity(roles.entities[name], value)
    return f"<code>{markup.text(value)}</code>"
