"""Moving a version from stage to stage: the same controls wherever a version is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from riskloom.dashboard import connection, words
from riskloom.errors import RiskloomError

MOVES: Mapping[str, tuple[str, ...]] = {
    "candidate": ("shadow", "canary", "champion", "retired"),
    "shadow": ("canary", "champion", "candidate", "retired"),
    "canary": ("champion", "canary", "shadow", "candidate", "retired"),
    "retired": ("candidate", "shadow"),
    "champion": (),
}
WORDS: Mapping[str, str] = {
    "candidate": "Candidate",
    "shadow": "Shadow: decides beside, nothing follows",
    "canary": "Canary: decides for a share of the entities",
    "champion": "Champion: decides for all",
    "retired": "Retired",
}
TONES: Mapping[str, str] = {
    "champion": "approved",
    "canary": "flagged",
    "shadow": "medium",
    "candidate": "low",
    "retired": "none",
}


def controls(number: int) -> None:
    """Where a version may go from here, and why it does."""
    version = connection.client().version(number)
    stage = version["stage"]
    ways = MOVES[stage]
    share = f", {words.number(version['percent'])} % of the entities" if version["percent"] else ""
    st.caption(f"Version {number} is {words.code_words(stage)}{share}.")
    if not ways:
        return
    with st.form(f"move_{number}", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            to = st.selectbox("Move to", ways, format_func=WORDS.__getitem__, key=f"to_{number}", width=330)
            percent = st.number_input(
                "Share as canary, %", 0.1, 99.9, 5.0, key=f"percent_{number}", width=150
            )
        reason = st.text_input("Why", key=f"why_{number}", placeholder="It stays in the history")
        sent = st.form_submit_button("Move", icon=":material/moving:")
    if sent:
        _move(number, str(to), reason.strip(), percent if to == "canary" else None)


def _move(number: int, to: str, reason: str, percent: float | None) -> None:
    if not reason:
        st.warning("Say why: it stays in the history.")
        return
    try:
        moved: dict[str, Any] = connection.client().move(number, to, reason, connection.user(), percent)
    except RiskloomError as error:
        st.error(f"{error.message} {error.hint}".strip())
        return
    if moved.get("problem"):
        st.warning(f"Moved, but not at work yet: {moved['problem']}")
        return
    st.toast(f"Version {number} is {to} now.", icon=":material/check:")
    st.rerun()
