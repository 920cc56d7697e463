"""The review queue: what needs a person, narrowed by filters that live in the page's address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.client import Decision, Page
from riskloom.dashboard import connection, markup, words
from riskloom.dashboard.filters import MIN_RISKS, ORDERS, SHOWN, SPANS, Filters
from riskloom.dashboard.roles import Roles

_LIVE, _CURSORS, _KEPT, _LAST = "queue_live", "queue_cursors", "queue_kept", "queue_address"
SHOWN_IDS = "queue_shown"
"""Where the session keeps the event ids that the list shows, in its order."""
_PAGE = 50
_SEEN_AT_MOST = 200


def render() -> None:
    """Draw the page; its list renews itself while Live is on."""
    roles = connection.roles()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Review queue", width="content")
        st.toggle("Live", value=True, key=_LIVE, help="Off: the list stands still and counts what is new.")
    filters = _ask(roles)
    if st.session_state.get(_LAST) != filters.as_params():
        st.session_state[_LAST] = filters.as_params()
        st.session_state[_CURSORS] = []
        st.session_state.pop(_KEPT, None)
    if dict(st.query_params) != filters.as_params():
        st.query_params.from_dict(filters.as_params())
    st.fragment(run_every="3s")(_list)(filters, roles)


def _ask(roles: Roles) -> Filters:
    """The filters as the address and the widgets say; the address wins when it changed.

    Streamlit forgets widgets while another page is shown, so they are set again on the way back.
    """
    given = dict(st.query_params) or st.session_state.get(_LAST) or {}
    asked = Filters.from_params(given)
    if st.session_state.get("queue_given") != asked.as_params() or "queue_show" not in st.session_state:
        for name, value in asked.as_widgets().items():
            st.session_state[f"queue_{name}"] = value
    codes = ["", *sorted({*roles.rules, "MODEL_RISK", *([asked.reason] if asked.reason else [])})]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="queue_filters"):
        show = st.segmented_control(
            "Show", list(SHOWN), format_func=SHOWN.__getitem__, key="queue_show", required=True
        )
        min_risk = st.selectbox("Risk", MIN_RISKS, format_func=_risk_words, key="queue_min_risk", width=112)
        reason = st.selectbox("Reason", codes, format_func=_reason_words, key="queue_reason", width=168)
        severity = st.selectbox(
            "Severity", ["", *words.SEVERITIES], format_func=lambda name: words.SEVERITIES.get(name, "Any"),
            key="queue_severity", width=104,
        )  # fmt: skip
        span = st.selectbox("When", list(SPANS), format_func=SPANS.__getitem__, key="queue_span", width=142)
        entity = st.text_input(roles.entity_word, key="queue_entity", placeholder="Any", width=118)
        order = st.selectbox(
            "Order", list(ORDERS), format_func=ORDERS.__getitem__, key="queue_order", width=142
        )
    chosen = Filters(show or "review", min_risk, reason, severity, span, entity.strip(), order)
    st.session_state["queue_given"] = chosen.as_params()
    return chosen


def _risk_words(value: int) -> str:
    return f"{value} or more" if value else "Any"


def _reason_words(code: str) -> str:
    return words.reason_title(code) if code else "Any"


def _list(filters: Filters, roles: Roles) -> None:
    with connection.explained():
        cursors: list[str] = st.session_state.setdefault(_CURSORS, [])
        kept: Page[Decision] | None = st.session_state.get(_KEPT)
        moving = bool(st.session_state.get(_LIVE)) and not cursors
        before = kept["items"][0]["arrival"] if kept and kept["items"] and filters.order == "newest" else None
        if kept is None or moving:
            kept = _fetch(filters, cursors)
            st.session_state[_KEPT] = kept
        elif not cursors:
            _new_since(filters, kept)
        st.session_state[SHOWN_IDS] = [item["event_id"] for item in kept["items"]]
        st.html(markup.decisions(kept["items"], roles, fresh_after=before if moving else None))
        _turn_pages(kept, cursors)


def _fetch(filters: Filters, cursors: list[str]) -> Page[Decision]:
    asked: dict[str, Any] = filters.as_query(datetime.now(UTC))
    return connection.client().decisions(**asked, limit=_PAGE, cursor=cursors[-1] if cursors else None)


def _new_since(filters: Filters, kept: Page[Decision]) -> None:
    """While the list stands still: how many fitting decisions came since, and a button that shows them."""
    newest = max((item["arrival"] for item in kept["items"]), default=-1)
    asked = filters.as_query(datetime.now(UTC)) | {"order": "newest"}
    found = connection.client().decisions(**asked, limit=_SEEN_AT_MOST)["items"]
    new = sum(item["arrival"] > newest for item in found)
    if new:
        more = f"{new} new" if new < _SEEN_AT_MOST else f"{new} or more new"
        st.button(f"{more}: show", icon=":material/arrow_upward:", key="queue_refresh", on_click=_fetch_again)


def _turn_pages(kept: Page[Decision], cursors: list[str]) -> None:
    with st.container(horizontal=True, horizontal_alignment="left", gap="small"):
        if cursors:
            st.button("Back", icon=":material/arrow_back:", key="queue_newer", on_click=_newer)
        if kept["next"]:
            st.button(
                "More",
                icon=":material/arrow_forward:",
                key="queue_older",
                on_click=_older,
                args=(kept["next"],),
            )
        if cursors:
            st.caption(f"Part {len(cursors) + 1}; the list stands still here.")


def _fetch_again() -> None:
    st.session_state.pop(_KEPT, None)


def _newer() -> None:
    st.session_state[_CURSORS].pop()
    _fetch_again()


def _older(cursor: str) -> None:
    st.session_state[_CURSORS].append(cursor)
    _fetch_again()
