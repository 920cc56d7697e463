"""Cases: what people work on, and one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.dashboard import case_words, connection, markup
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views import case

SHOWN: Mapping[str, str] = {
    "": "Active",
    "mine": "Mine",
    "nobody": "With nobody",
    "pending": "To confirm",
    "closed": "Closed",
}
_PAGE = 50


def render() -> None:
    """Draw the list, or the case that the address names."""
    roles = connection.roles()
    chosen = st.query_params.get("case", "")
    if chosen.isdecimal():
        case.render(int(chosen), roles)
        return
    st.title("Cases")
    asked = _ask(roles)
    st.fragment(run_every="10s")(_list)(asked, roles)


def _ask(roles: Roles) -> dict[str, Any]:
    """The filters as the address and the widgets say, as a question to the server."""
    for name in ("show", "entity"):
        key = f"cases_{name}"
        if key not in st.session_state:
            given = st.query_params.get(name, st.session_state.get(f"{key}_kept", ""))
            st.session_state[key] = given if name == "entity" or given in SHOWN else ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="cases_filters"):
        show = st.segmented_control(
            "Show", list(SHOWN), format_func=SHOWN.__getitem__, key="cases_show", required=True
        )
        entity = st.text_input(roles.entity_word, key="cases_entity", placeholder="Any", width=160).strip()
    st.session_state["cases_show_kept"], st.session_state["cases_entity_kept"] = show or "", entity
    params = {"show": show or "", "entity": entity}
    st.query_params.from_dict({name: value for name, value in params.items() if value})
    asked: dict[str, Any] = {"entity_key": entity or None, "limit": _PAGE}
    if show in ("pending", "closed"):
        return {**asked, "state": show}
    asked["active"] = True
    if show == "mine":
        asked["assignee"] = connection.user()
    if show == "nobody":
        asked["unassigned"] = True
    return asked


def _list(asked: Mapping[str, Any], roles: Roles) -> None:
    with connection.explained():
        client = connection.client()
        st.html(markup.figures(case_words.tiles(client.case_counts())))
        found = client.cases(**asked)
        st.html(case_words.table(found["items"], roles, datetime.now(UTC), connection.user()))
        if found["next"]:
            st.caption(f"The newest {_PAGE} are shown; narrow the list to see others.")
